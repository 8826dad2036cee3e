"""The pictures: they draw their arguments, and their alternative texts describe them."""

import functools
import gc
import subprocess
import sys
import weakref
from itertools import combinations, pairwise
from pathlib import Path

import matplotlib
import matplotlib.text
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from torch import nn

from autograder.judging.problem_set import hidden_modules
from rnncourse import plots
from rnncourse.exercises import exercises
from rnncourse.plots.layout import arrange
from rnncourse.plots.trace import trace
from rnncourse.reference import cells
from rnncourse.reference.decoding import beam_search, greedy_decode

B, D, H = 2, 3, 4
WORDS = ["how", "are", "you", "?"]
LONG = [f"word{n}" for n in range(39)] + ["Donaudampfschifffahrtsgesellschaftskapitän"]
VOCABULARY = ["<s>", "</s>", "the", "cat", "costs", "$5", "and", "_x_", "more"]


def normal(*shape):
    random = torch.Generator().manual_seed(20180129)
    return torch.randn(shape, generator=random)


def lstm():
    return cells.lstm_step, normal(B, D), (normal(B, H), normal(B, H)), normal(D + H, 4 * H)


def elman():
    return cells.elman_step, normal(B, D), normal(B, H), normal(D, H), normal(H, H)


def gru():
    return (
        cells.gru_step,
        normal(B, D),
        normal(B, H),
        *(normal(size, H) for _ in range(3) for size in (D, H)),
    )


def nas():
    state = (normal(B, H), normal(B, H))
    return cells.nas_step, normal(B, D), state, normal(D, 8 * H), normal(H, 8 * H)


def additive():
    return cells.additive_step, normal(B, H), normal(B, H)


def enas(graph=cells.ENAS_CORRECTED):
    W = normal(len(graph["nodes"]), H, 2 * H)
    return cells.enas_step, normal(B, D), normal(B, H), normal(D + H, 2 * H), W, graph


def searching():
    """step and state of a decoder whose next word depends on the last one, and on the time."""
    table = 2 * normal(len(VOCABULARY), len(VOCABULARY))
    return lambda tokens, t: (table[tokens] + t * table[3], t + 1), torch.zeros(1, 1)


def tree(beam=3, max_length=4, **options):
    return plots.beam_tree(*searching(), 0, 1, max_length, beam, VOCABULARY, **options)


def share(*shape):
    return torch.softmax(3 * normal(*shape), dim=-1)


# Every function, with usual data and at the edges: one of everything, and very much.
PICTURES = {
    "unrolled": lambda: plots.unrolled(["x_1", "x_2"], outputs=[None, "y"]),
    "unrolled, one step": lambda: plots.unrolled(["$"], ["c_t"], ["_"], cell="LSTM"),
    "unrolled, 40 steps": lambda: plots.unrolled(LONG, outputs=LONG, title="long"),
    "cell, additive": lambda: plots.cell(*additive()),
    "cell, elman": lambda: plots.cell(*elman(), title="Elman 1990"),
    "cell, lstm": lambda: plots.cell(*lstm()),
    "cell, gru": lambda: plots.cell(*gru()),
    "cell, nas": lambda: plots.cell(*nas()),
    "cell, enas": lambda: plots.cell(*enas()),
    "searched cell": lambda: plots.searched_cell(cells.ENAS_PUBLISHED),
    "searched cell, one node": lambda: plots.searched_cell({"nodes": (), "output": (0,)}),
    "sentiment": lambda: plots.sentiment_wiring(WORDS, "neutral"),
    "sentiment, one word": lambda: plots.sentiment_wiring(["good"], "positive"),
    "sentiment, long": lambda: plots.sentiment_wiring(LONG, "positive"),
    "language model": lambda: plots.language_model_wiring(WORDS),
    "language model, long": lambda: plots.language_model_wiring(LONG),
    "translation": lambda: plots.translation_wiring(WORDS, ["comment", "allez"]),
    "translation, attention": lambda: plots.translation_wiring(WORDS, WORDS, attention=True),
    "translation, one word": lambda: plots.translation_wiring(["yes"], ["oui"], True),
    "translation, long": lambda: plots.translation_wiring(LONG, LONG, attention=True),
    "gates": lambda: plots.gates({"i": share(4, 5), "g": normal(4, 3)}, WORDS),
    "gates, one number": lambda: plots.gates({"i": [[0.5]]}),
    "gates, long": lambda: plots.gates({"z": share(40, 200)}, LONG),
    "states": lambda: plots.states(normal(1, 4, 6).double().numpy(), WORDS),
    "states, one step": lambda: plots.states(normal(1, 1)),
    "states, long": lambda: plots.states(normal(400, 3), title="many steps"),
    "states, not finite": lambda: plots.states([[1.0, float("nan")], [float("inf"), 2.0]]),
    "attention": lambda: plots.attention_map(share(3, 4), ["a", "$b$", "c", "d"], WORDS[:3]),
    "attention, one row": lambda: plots.attention_map([[1.0]], ["oui"], LONG[-1:]),
    "attention, long": lambda: plots.attention_map(share(40, 40), LONG, LONG),
    "gradient norms": lambda: plots.gradient_norms({"h": [1, 0.5, 0.0], "c": ([0, 2], [1, 0.9])}),
    "gradient norms, one": lambda: plots.gradient_norms({"h": torch.ones(1)}),
    "curves": lambda: plots.curves({"train": [3, 2, 1], "valid": ([1, 3], [2.5, 2])}, "epoch"),
    "curves, one point": lambda: plots.curves({"train": np.ones(1)}),
    "curves, many": lambda: plots.curves({f"run {n}": normal(30) for n in range(12)}),
    "curves, not finite": lambda: plots.curves({"train": [1, float("nan"), float("inf"), 2]}),
    "distribution": lambda: plots.distribution(WORDS, [0.5, 0.25, 0.25, 0]),
    "distributions": lambda: plots.distribution(WORDS, {"T = 1": share(4), "T = 2": share(4)}),
    "distribution, one word": lambda: plots.distribution(["$x$"], [1.0]),
    "distribution, many words": lambda: plots.distribution(LONG, share(40)),
    "beam": tree,
    "beam of one": lambda: tree(1, 1),
    "embeddings": lambda: plots.embedding_map(normal(4, 6), WORDS, {"question": ["how", "?"]}),
    "embeddings, one": lambda: plots.embedding_map(normal(1, 3), ["alone"], ["group"]),
    "embeddings, one dimension": lambda: plots.embedding_map(normal(4, 1), WORDS),
    "embeddings, many": lambda: plots.embedding_map(normal(40, 8), LONG),
    "masks": lambda: plots.masks({"same": normal(1, 5).expand(7, 5) > 0, "new": normal(7, 5) > 0}),
    "masks, one": lambda: plots.masks({"same": [[True]]}),
    "masks, long": lambda: plots.masks({"a": normal(40, 60) > 0, "b": torch.ones(40, 3)}),
}


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    """matplotlib's settings and backend, the numbers that torch draws: all as before."""
    settings, drawn = dict(matplotlib.rcParams), torch.get_rng_state()
    yield
    assert dict(matplotlib.rcParams) == settings
    assert torch.equal(torch.get_rng_state(), drawn)
    assert (
        "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
    )


@functools.cache
def picture(name):
    return PICTURES[name]()


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_draws_and_has_its_words(name):
    drawn = picture(name)
    assert drawn.png.startswith(b"\x89PNG")
    width, height = drawn.figure.get_size_inches()
    assert 0.5 < height < 14 and (0.5 < width < 11.6 or name == "cell, enas")
    assert len(drawn.alt) > 15 and drawn.alt.endswith(".")
    assert not {"nan", "inf", "tensor("} & set(drawn.alt.split())


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_no_text_is_small_or_off_the_card(name):
    figure = picture(name).figure
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # labels of axes are placed by that
    width, height = canvas.get_width_height()
    ticks = {
        text
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for text in axis.get_ticklabels(which="both")
    }
    for text in figure.findobj(matplotlib.text.Text):
        if text.get_text().strip() and text.get_visible() and text not in ticks:
            assert text.get_fontsize() >= 8, text
            box = text.get_window_extent(canvas.get_renderer())
            assert min(box.x0, box.y0) >= -1, text
            assert box.x1 <= width + 1 and box.y1 <= height + 1, text


@pytest.mark.parametrize("name", ["cell, gru", "beam", "embeddings, many", "states"])
def test_nothing_is_drawn_at_random(name):
    assert PICTURES[name]().png == picture(name).png


def test_a_picture_shows_itself_once(tmp_path):
    picture = plots.states(normal(3, 2), ["<b>", "'", '"'], title="$")
    data, metadata = picture._repr_png_()
    assert data == picture.png and metadata["alt"] == picture.alt
    html = picture._repr_html_()
    assert "&lt;b&gt;" in html and "<b>" not in html and html.count("<img") == 1
    assert "max-width: 100%" in html
    assert picture.alt in repr(picture)
    for name, start in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.PDF", b"%PDF")):
        picture.save(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    with pytest.raises(ValueError, match=r"a\.txt ends in 'txt'"):
        picture.save(tmp_path / "a.txt")


def test_what_the_reader_has_set_does_not_matter():
    plain = plots.states(normal(3, 2)).png
    with matplotlib.rc_context({"font.size": 30, "figure.facecolor": "black", "lines.color": "r"}):
        assert plots.states(normal(3, 2)).png == plain


def test_a_figure_goes_when_its_picture_does():
    picture = plots.curves({"loss": [3, 2, 1]})
    figure = weakref.ref(picture.figure)
    assert picture.png
    del picture
    gc.collect()
    assert figure() is None


def test_plots_are_imported_only_when_they_are_used():
    code = (
        "import sys, rnncourse\n"
        "assert not {'torch', 'matplotlib', 'rnncourse.plots'} & set(sys.modules)\n"
        "from rnncourse import plots\n"
        "plots.curves({'loss': [2, 1]}).png\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, timeout=120)


def test_words_may_be_replaced():
    assert plots.curves({"loss": [2, 1]}, alt="It falls").alt == "It falls"


# --- cells --------------------------------------------------------------------------------------


def operations(arguments):
    step, *inputs = arguments
    return dict(trace(step, tuple(inputs)).operations())


def test_the_drawn_operations_are_those_of_the_equations():
    assert operations(additive()) == {"+": 1}
    assert operations(elman()) == {"@": 2, "+": 1, "tanh": 1}
    assert operations(lstm()) == {"cat": 1, "@": 1, "σ": 3, "tanh": 2, "×": 3, "+": 1}
    assert operations(gru()) == {"@": 6, "+": 4, "σ": 2, "tanh": 1, "×": 3, "−": 1}
    assert operations(nas()) == {"@": 2, "+": 11, "×": 5, "σ": 5, "ReLU": 2, "tanh": 8}
    assert operations((*elman(), torch.relu)) == {"@": 2, "+": 1, "ReLU": 1}


def test_the_words_of_a_cell_are_its_equations():
    assert plots.cell(*lstm()).alt == (
        "lstm_step, as it computes: 1 concatenation, 1 matrix product, 3 sigmoids, 2 tanh, "
        "3 elementwise products, 1 sum. z = cat(x, h) @ W; i = σ(z[0]); f = σ(z[1]); o = σ(z[2]); "
        "g = tanh(z[3]); c′ = f × c + i × g; h′ = o × tanh(c′)."
    )
    assert plots.cell(*gru()).alt.endswith(
        "z = σ(x @ W_xz + h @ W_hz); r = σ(x @ W_xr + h @ W_hr); "
        "candidate = tanh(x @ W_x + (r × h) @ W_h); h′ = (1 − z) × h + z × candidate."
    )


def equations(step, *inputs, **options):
    return trace(step, inputs, **options).equations()


X, STATE, W_X, W_H = normal(B, D), normal(B, H), normal(D, H), normal(H, H)


def test_names_are_found_where_the_step_has_them():
    step, x, (h, c), W = lstm()
    renamed = equations(step, x, (h, c), W, names=("u", ("a", "b"), "V"))
    assert renamed[0] == "z = cat(u, a) @ V" and renamed[-1] == "a′ = o × tanh(b′)"
    expected = ["h′ = tanh(x @ W_x + h @ W_h)"]
    assert equations(functools.partial(cells.elman_step, W_x=W_X, W_h=W_H), X, STATE) == expected
    assert equations(lambda x, h: cells.elman_step(x, h, W_X, W_H), X, STATE) == expected
    # The same tensor twice is two inputs still.
    assert equations(cells.lstm_step, x, (h, h), W)[-2:] == [
        "c′ = f × c + i × g",
        "h′ = o × tanh(c′)",
    ]


class Module(nn.Module):
    def __init__(self):
        super().__init__()
        self.read = nn.Linear(D, H)
        self.W = nn.Parameter(torch.zeros(H, H))

    def forward(self, x, h):
        return torch.tanh(self.read(x) + h @ self.W)


def sliced(x, h, W):
    assert x.shape[0] == h.shape[0]
    z = torch.cat((x, h), dim=-1).matmul(W)
    a, b = z[:, :H].sigmoid(), torch.tanh(z[..., H:])
    return a.mul(b).to(x.dtype).contiguous()


def in_place(x, h, W):
    z = torch.zeros(B, D + H)
    z[:, :D] = x
    z[:, D:] = h
    z = z @ W
    z[:, :H].sigmoid_()
    u, v = z.split(H, dim=1)
    u *= v
    return u


def test_students_write_in_many_ways():
    with torch.random.fork_rng(devices=[]):  # modules draw their weights
        module, ready_made = Module(), nn.GRUCell(D, H)
    linear = equations(module, X, STATE)
    assert linear == ["h′ = tanh(linear(x, read.weight, read.bias) + h @ W)"]
    W = normal(D + H, 2 * H)
    assert equations(sliced, X, STATE, W) == [
        "z = cat(x, h) @ W",
        "a = σ(z[:4])",
        "b = tanh(z[4:])",
        "h′ = a × b",
    ]
    assert equations(in_place, X, STATE, W) == [
        "z = set [:3](x)",
        "z₂ = set [3:](z, h)",
        "z₃ = z₂ @ W",
        "z₄ = set(z₃, σ(z₃[:4]))",
        "h′ = z₄[0] × z₄[1]",
    ]
    assert equations(lambda x, h: 0.5 * x - h**2 / 3, STATE, STATE) == ["h′ = x × 0.5 − h ^ 2 ÷ 3"]
    assert equations(lambda x, h: 1 - (x - (h - x)), STATE, STATE) == ["h′ = 1 − (x − (h − x))"]
    assert equations(ready_made, X, STATE)[0].startswith("hx′ = gru_cell(input, hx, ")
    assert equations(lambda x, h: h, X, STATE) == ["h′ = h"]
    with_option = equations(lambda x, h: torch.add(x, h, alpha=2), STATE, STATE)
    assert with_option == ["h′ = add(x, h, 2)"]


@pytest.mark.parametrize(
    "step",
    [
        lambda x, h, W, b: nn.functional.linear(x, W.T, b),
        lambda x, h, W, b: nn.functional.linear(x, (W * 2).T, b) + h,
        lambda x, h, W, b: torch.addmm(b, x, W) + h,
        lambda x, h, W, b: torch.addmm(h, x, W * W),
        lambda x, h, W, b: torch.where(h > 0, h, 2**h) - b / (h - b),
        lambda x, h, W, b: torch.lerp(h, torch.cat([x, x[:, :1]], 1), 0.5).max(1, True)[0],
        lambda x, h, W, b: torch.stack([row @ W for row in x]).T.T.unbind(1)[0],
        lambda x, h, W, b: ((x @ W, h), [h - b]),
    ],
)
def test_any_step_can_be_drawn(step):
    picture = plots.cell(step, X, STATE, W_X, normal(H))
    assert (picture.png and "′ = " in picture.alt) or "result" in picture.alt


def test_a_step_is_only_watched():
    x, h, generator = normal(B, H), normal(B, H), torch.Generator().manual_seed(1)
    before = x.clone(), h.clone(), generator.get_state()

    def greedy(x, h, generator):
        x += 1
        return h.mul_(2) + x + torch.rand(1, generator=generator) + torch.rand(1)

    plots.cell(greedy, x, h, generator)
    assert torch.equal(x, before[0]) and torch.equal(h, before[1])
    assert torch.equal(generator.get_state(), before[2])


@pytest.mark.parametrize(
    "step, message",
    [
        (lambda x, h: 3, "the step must return a tensor or a tuple of tensors, not 3"),
        (lambda x, h: torch.zeros(2), "what the step returns does not depend on its inputs"),
        (lambda x, h: sum([h] * 300), "more than 200 operations"),
        (lambda x, h: sum([h] * 80), "too much for a picture"),
    ],
)
def test_what_cannot_be_drawn_as_a_cell(step, message):
    with pytest.raises(ValueError, match=message):
        plots.cell(step, X, STATE)


def test_an_error_of_the_step_stays_its_own():
    with pytest.raises(ValueError, match=r"x is \(2, 3\) and h is \(2, 4\)"):
        plots.cell(cells.additive_step, X, STATE)
    with pytest.raises(ValueError, match="names must be one for each of the 2 inputs"):
        plots.cell(cells.additive_step, X, STATE, names="xh")


def test_a_searched_cell_names_its_nodes():
    alt = plots.searched_cell(cells.ENAS_CORRECTED).alt
    assert "1 reads 0 (sigmoid); 2 reads 1 (tanh); 3 reads 2 (relu)" in alt
    assert "the mean of 1, 2, 3, 4, 5, 6, 7 and 8." in alt
    for graph, message in (
        ({"nodes": ((1, "tanh"),), "output": (0,)}, "node 1 reads node 1, which is not an earlier"),
        ({"nodes": ((0, "cos"),), "output": (0,)}, "node 1 has the activation 'cos', not one of"),
        ({"nodes": (), "output": ()}, r"the output \[\] must name at least one"),
        ({"nodes": ()}, "a graph is"),
    ):
        with pytest.raises(ValueError, match=message):
            plots.searched_cell(graph)


# --- layout -------------------------------------------------------------------------------------


def crossings(layout):
    """The number of pairs of lines that change sides between two layers."""
    segments = [pair for line in layout.lines for pair in pairwise(line)]
    return sum(
        a[0] == c[0] and (a[1] - c[1]) * (b[1] - d[1]) < 0
        for (a, b), (c, d) in combinations(segments, 2)
    )


def test_a_layout_crosses_nothing_where_nothing_must_cross():
    # Two chains that an unlucky order would twist.
    edges = [(0, 0, 3), (1, 0, 2), (2, 0, 5), (3, 0, 4)]
    layout = arrange([0.3] * 6, edges, [0] * 6, first=[0, 1], last=[4, 5])
    assert crossings(layout) == 0
    assert layout.layer == [0, 0, 1, 1, 2, 2]
    assert {len(line) for line in layout.lines} == {2}


def test_nothing_in_a_layout_overlaps():
    step, *inputs = nas()
    graph = trace(step, tuple(inputs))
    number = {id(node): n for n, node in enumerate(graph.nodes)}
    edges = [
        (number[id(v.node)], v.port, n) for n, node in enumerate(graph.nodes) for v in node.values()
    ]
    ports = [len(node.ports) for node in graph.nodes]
    layout = arrange([0.3] * len(ports), edges, ports)
    for layer in set(layout.layer):
        ys = [
            y
            for n, own in enumerate(layout.layer)
            if own == layer
            for y in (layout.ports[n] if ports[n] else [layout.y[n]])
        ]
        assert (np.diff(sorted(ys)) > 0.3).all()
    for start, _, end in edges:
        assert layout.layer[start] < layout.layer[end]


# --- what the words say -------------------------------------------------------------------------


def test_wirings_say_what_is_read_and_written():
    alt = plots.translation_wiring(WORDS, ["comment", "allez"], attention=True).alt
    for part in ("how are you ?", "<s> comment allez", "comment allez </s>", "every state"):
        assert part in alt
    assert "attention" not in plots.translation_wiring(WORDS, WORDS).alt
    assert "after <s> how, after how are" in plots.language_model_wiring(WORDS).alt
    assert "how are you ?" in plots.sentiment_wiring(WORDS, "neutral").alt
    assert "y at step 2" in plots.unrolled(["a", "b"], outputs=[None, "y"]).alt


def test_plots_say_their_numbers():
    weights = [[0.9, 0.1], [0.2, 0.8]]
    alt = plots.attention_map(weights, ["le", "chat"], ["the", "cat"]).alt
    assert "the mostly at le (90%), cat mostly at chat (80%)" in alt
    assert (
        "train goes from 3 at 1 to 2 at 3, lowest 1 at 2" in plots.curves({"train": [3, 1, 2]}).alt
    )
    assert "1 not finite" in plots.curves({"train": [3, float("nan"), 2]}).alt
    assert "h goes from 1 at 0 to 0.25 at 2" in plots.gradient_norms({"h": [1, 0.5, 0.25]}).alt
    assert "you 0.50, how 0.30" in plots.distribution(WORDS, [0.3, 0.1, 0.5, 0.1]).alt
    assert "2 units from −1 to 3" in plots.states([[0, -1], [2, 3]]).alt
    same = torch.tensor([[1, 0, 1, 1]]).expand(5, 4)
    assert "same: 25% dropped, the same units at every step" in plots.masks({"same": same}).alt


def test_a_map_keeps_what_is_near_together():
    E = torch.tensor([[5.0, 0, 0], [5, 1, 0], [-5, 0, 0], [-5, -1, 0]])
    alt = plots.embedding_map(E, WORDS, ["a", "a", "b", "b"]).alt
    assert "100% of the variance" in alt
    assert "a (on average right" in alt and "b (on average left" in alt


@pytest.mark.parametrize("beam", [1, 2, 3, 5])
@pytest.mark.parametrize("length_penalty", [0.0, 1.5])
def test_the_tree_is_the_search_of_the_reference(beam, length_penalty):
    step, state = searching()
    (ranked,) = beam_search(step, state, 0, 1, 4, beam, length_penalty)
    alt = tree(beam, length_penalty=length_penalty).alt
    for tokens, score in ranked:
        sentence = " ".join(VOCABULARY[token] for token in tokens)
        fate = "finished" if tokens[-1] == 1 else "cut"
        assert f"{sentence} ({fate}, score {score:.2f})".replace("-", "−") in alt
    best = " ".join(VOCABULARY[token] for token in ranked[0][0])
    assert f"best first: {best} (" in alt
    if beam == 1:
        assert ranked[0][0] == greedy_decode(step, state, 0, 1, 4)[0]


def test_a_tree_takes_a_vocabulary():
    numbers = {word: n for n, word in reversed(list(enumerate(VOCABULARY)))}
    step, state = searching()
    assert plots.beam_tree(step, state, 0, 1, 3, 2, numbers).alt == tree(2, 3).alt


# --- errors -------------------------------------------------------------------------------------

ERRORS = {
    "words has 4 words, but 3 are needed": lambda: plots.states(normal(3, 2), WORDS),
    r"hs must be \(T, H\), but is \(3,\)": lambda: plots.states(normal(3)),
    r"hs must be numbers, \(T, H\)": lambda: plots.states([["a"]]),
    "there is no finite number in states": lambda: plots.states([[float("nan")]]),
    r"gates must be a dictionary \{name: values\}": lambda: plots.gates(normal(3, 2)),
    "all gates must have the same number of steps; given: i 3, f 2": lambda: plots.gates(
        {"i": normal(3, 2), "f": normal(2, 2)}
    ),
    "masks must be a dictionary": lambda: plots.masks({}),
    "attention weights are from 0 to 1; given: -1 to 2": lambda: plots.attention_map(
        [[-1.0, 2.0]], ["a", "b"], ["c"]
    ),
    "source has 1 words, but 2 are needed": lambda: plots.attention_map([[0.5, 0.5]], ["a"], ["c"]),
    "source must be a list of words; given: 'ab'": lambda: plots.attention_map(
        [[1, 0]], "ab", ["c"]
    ),
    "norms are 0 or more, but": lambda: plots.gradient_norms({"h": [1.0, -1.0]}),
    "norms has no positive number": lambda: plots.gradient_norms({"h": [0.0, 0.0]}),
    "has 2 places, but 3 values": lambda: plots.curves({"train": ([1, 2], [1, 2, 3])}),
    "curves has no finite number": lambda: plots.curves({"train": [float("nan")]}),
    "there are 4 words, but probabilities has 2 numbers": lambda: plots.distribution(
        WORDS, [0.5, 0.5]
    ),
    "must be from 0 to 1; given: 0 to 2": lambda: plots.distribution(["a", "b"], {"p": [0, 2]}),
    "words has 4 words, but 3 are needed: ": lambda: plots.embedding_map(normal(3, 2), WORDS),
    "groups has words that are not in words: cat": lambda: plots.embedding_map(
        normal(4, 2), WORDS, {"animal": ["cat"]}
    ),
    "E has numbers that are not finite": lambda: plots.embedding_map([[float("inf")]], ["a"]),
    "beam is 0 and max_length is 4": lambda: tree(0),
    "the state is of 2 sentences": lambda: plots.beam_tree(
        searching()[0], torch.zeros(2, 1), 0, 1, 3, 2, VOCABULARY
    ),
    "inputs is empty": lambda: plots.unrolled([]),
    "states has 1 words, but 2 are needed": lambda: plots.unrolled(["a", "b"], ["h_1"]),
}


@pytest.mark.parametrize("message", ERRORS)
def test_errors_say_what_was_given(message):
    with pytest.raises(ValueError, match=message):
        ERRORS[message]()


# --- in the jail --------------------------------------------------------------------------------


def test_no_problem_set_hides_more_than_the_search():
    sets = sorted({exercise.problem_set for exercise in exercises().values()})
    hidden = {
        name: [module for module in hidden_modules(name) if "plots" in module] for name in sets
    }
    assert hidden == {
        name: ["rnncourse.plots.search_tree"] if name == "ps6_decoding" else [] for name in sets
    }
    assert set(plots.__all__) <= set(dir(plots))
    assert all(callable(getattr(plots, name)) for name in plots.__all__)
    # A module of that name would take the function's place in the package once it is imported.
    assert not {path.stem for path in Path(plots.__file__).parent.glob("*.py")} & set(plots.__all__)
    with pytest.raises(AttributeError, match=r"'rnncourse\.plots' has no attribute 'colour'"):
        _ = plots.colour
