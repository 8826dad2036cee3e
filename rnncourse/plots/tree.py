"""A beam search as a tree."""

from dataclasses import dataclass, field

import torch

from rnncourse.reference.states import first_tensor, select_rows

from .picture import Picture
from .sheet import Sheet, width_of
from .style import INK, QUIET
from .values import labels, number

__all__ = ["beam_tree"]


@dataclass(eq=False)
class Branch:
    """A beginning: its last word, and what became of it."""

    word: int
    log_p: float
    before: "Branch | None" = None
    fate: str = "kept"  # kept, dropped, finished, or cut at the greatest length
    after: list["Branch"] = field(default_factory=list)
    score: float | None = None  # of what is finished or cut

    def line(self):
        """From the first word to this one."""
        return [*(self.before.line() if self.before else []), self]


def beam_tree(
    step, state, bos, eos, max_length, beam, words, length_penalty=0.0, *, title=None, alt=None
):
    """Run a small beam search of one sentence, as `reference.decoding.beam_search` does, and draw
    what it looked at: what it kept, dropped and finished, and the best.

    step(tokens (N,), state) -> (logits (N, V), state); state: for one sentence (N = 1).
    words: V words, or {word: number}. Of what was dropped, the likeliest at each step are drawn.
    Errors: ValueError when beam or max_length is less than 1, or state is not of one sentence.
    """
    if beam < 1 or max_length < 1:
        raise ValueError(f"beam is {beam} and max_length is {max_length}: both must be at least 1")
    if len(first_tensor(state)) != 1:
        raise ValueError(f"the state is of {len(first_tensor(state))} sentences: one can be drawn")
    if isinstance(words, dict):
        words = [word for word, _ in sorted(words.items(), key=lambda pair: pair[1])]
    words = labels(words, "words")
    root, ends = _searched(step, state, bos, eos, max_length, beam, length_penalty)
    best = ends[0]

    def text(branch):
        return words[branch.word] if branch.word < len(words) else str(branch.word)

    sheet = _drawn(root, best, text)
    sentence = " ".join(text(one) for one in best.line()[1:])
    kinds = [one.fate for one in _all(root)]
    said = (
        f"A beam search of width {beam}: {kinds.count('kept')} beginnings were kept, "
        f"{kinds.count('finished')} sentences finished, the likeliest "
        f"{kinds.count('dropped')} that were dropped are shown. The best is {sentence} "
        f"(score {number(best.score)})."
    )
    return Picture(sheet.figure(title), alt or said)


@torch.no_grad()
def _searched(step, state, bos, eos, max_length, beam, length_penalty):
    """The tree's root, and its ends from the best on."""
    device = first_tensor(state).device
    root = Branch(bos, 0.0)
    going, ends = [root], []
    for length in range(1, max_length + 1):
        tokens = torch.tensor([one.word for one in going], device=device)
        logits, state = step(tokens, state)
        log_p = torch.log_softmax(logits.double(), dim=1).cpu()
        found = []
        for row, one in enumerate(going):
            values, at = log_p[row].topk(min(2 * beam, log_p.shape[1]))
            for value, word in zip(values.tolist(), at.tolist(), strict=True):
                found.append((Branch(word, one.log_p + value, one), row))
        found.sort(key=lambda pair: -pair[0].log_p)
        found = [pair for pair in found if pair[0].log_p > -torch.inf][: 2 * beam]
        for rank, (one, _) in enumerate(found):
            if one.word == eos:
                one.fate = "finished" if rank < beam else "dropped"
                if one.fate == "finished":
                    one.score = one.log_p / ((5 + length) / 6) ** length_penalty
                    ends.append(one)
        on = [pair for pair in found if pair[0].word != eos]
        for one, _ in on[beam:]:
            one.fate = "dropped"
        for one, _ in found:
            one.before.after.append(one)
        going = [one for one, _ in on[:beam]]
        if len(ends) >= beam or not going:
            for one in going:
                one.fate = "dropped"
            going = []
            break
        state = select_rows(state, [row for _, row in on[:beam]])
    for one in going:
        one.fate, one.score = "cut", one.log_p / ((5 + length) / 6) ** length_penalty
        ends.append(one)
    return root, sorted(ends, key=lambda one: -one.score)


def _all(branch):
    yield branch
    for one in branch.after:
        yield from _all(one)


LOOK = {"kept": "state", "cut": "attention", "finished": "output", "dropped": "plain"}


def _drawn(root, best, text):
    sheet = Sheet()
    chosen = {id(one) for one in best.line()}
    widest = max(width_of(text(one), 10) for one in _all(root)) + 0.24
    across, down = widest + 0.75, 0.52
    place, row = {}, 0

    def put(one, depth):
        nonlocal row
        for child in one.after:
            put(child, depth + 1)
        if one.after:
            ys = [place[id(child)][1] for child in one.after]
            y = (ys[0] + ys[-1]) / 2
        else:
            y = -row * down
            row += 1
        place[id(one)] = (depth * across, y)

    put(root, 0)
    for one in _all(root):
        x, y = place[id(one)]
        for child in one.after:
            u, v = place[id(child)]
            on = id(child) in chosen
            gone = child.fate == "dropped"
            sheet.flow(
                [(x + widest / 2, y), (u - widest / 2, v)],
                "decoder" if on else "plain",
                line=2.4 if on else 1.0,
                dashed=gone,
            )
            sheet.text(
                u - widest / 2 - 0.1,
                v + 0.1,
                number(child.log_p),
                size=8,
                ha="right",
                color=QUIET if gone else INK,
            )
        on = id(one) in chosen
        sheet.box(
            x,
            y,
            text(one),
            LOOK[one.fate],
            width=widest,
            line=2.4 if on else 1.2,
            dashed=one.fate == "dropped",
            fill=0 if one.fate == "dropped" else 0.22,
            ink=QUIET if one.fate == "dropped" else INK,
        )
        if one.score is not None:
            mark = "✔ best" if one is best else one.fate
            sheet.text(
                x + widest / 2 + 0.08,
                y,
                f"{mark} {number(one.score)}",
                size=8.5,
                ha="left",
                weight="bold" if one is best else "normal",
            )
    return sheet
