"""Networks unrolled over time: the wiring of cells, words and heads."""

from dataclasses import dataclass

from .diagram import pretty
from .picture import Picture
from .sheet import Sheet, width_of
from .style import QUIET
from .values import count, cut, labels

__all__ = ["language_model_wiring", "sentiment_wiring", "translation_wiring", "unrolled"]

MAX_WIDTH = 8.7  # from the first to the last cell, in inches: longer rows have a gap
CELL, WORD = 0.48, 0.32  # heights
RISE = 0.8  # from the middle of a row to that of the next
HEAD = 0.62  # from a state to its softmax, and from a softmax to its word


def unrolled(inputs, states=None, outputs=None, cell="f", *, title=None, alt=None):
    """A recurrent network unrolled: the same cell once for each input, the state passed along.

    inputs: a label for each step. states: labels for the states after each step (by default h_1,
    h_2, …). outputs: labels for the outputs, None at steps without one; by default there are none.
    cell: the label of the cells. In labels such as h_1 and x_{t-1} the part after _ is a subscript.
    Of a long sequence only the first and the last steps are drawn.
    Errors: ValueError when the numbers of labels differ.
    """
    inputs = labels(inputs, "inputs")
    T = len(inputs)
    states = [f"h_{t + 1}" for t in range(T)] if states is None else labels(states, "states", T)
    if outputs is not None:
        texts = labels(outputs, "outputs", T)
        outputs = [
            None if output is None else text for output, text in zip(outputs, texts, strict=True)
        ]
    above = outputs or [None] * T
    spacing = max(width_of(pretty(state), 9, math=True) for state in states) + CELL + 0.25
    row = Row(
        Sheet(),
        0,
        _placed(list(zip(inputs, above, strict=True)), spacing),
        inputs,
        "state",
        cell,
        states,
    )
    row.draw(first=_before(states[0]), out=True)
    for t, x in row.at():
        if outputs and outputs[t] is not None:
            row.sheet.arrow((x, CELL / 2), (x, RISE - WORD / 2), "output")
            row.word(x, RISE, outputs[t], "output")
    alt_text = f"The cell {cell} unrolled over {count(T, 'step')}. It reads {', '.join(inputs)}"
    alt_text += f"; its states are {_some(states)}"
    if outputs:
        parts = [
            f"{text} at step {t}" for t, text in enumerate(outputs, start=1) if text is not None
        ]
        alt_text += f"; its outputs are {', '.join(parts) or 'none'}"
    return Picture(row.sheet.figure(title), alt or alt_text + ".")


def sentiment_wiring(words, label, *, title=None, alt=None):
    """One answer for a whole sentence: the states are summed, and a softmax head reads the sum."""
    words = labels(words, "words")
    row = Row(Sheet(), 0, _placed([[word] for word in words]), words, "state", "f")
    row.draw(first="h_0")
    xs = [x for _, x in row.at()]
    middle, sheet = (xs[0] + xs[-1]) / 2, row.sheet
    for x in xs:
        sheet.arrow((x, CELL / 2), (x, RISE - 0.16), "state")
    width = max(xs[-1] - xs[0] + CELL, 1.5)
    sheet.box(middle, RISE, "sum of all states", "state", width=width, height=0.32)
    sheet.arrow((middle, RISE + 0.16), (middle, RISE + HEAD - 0.15), "output")
    row.head(middle, RISE + HEAD, str(label))
    alt_text = (
        f"Sentiment analysis: the cell f reads {' '.join(words)}. Its states, {len(words)} in "
        f"number, are summed, and a softmax head reads the label off the sum: {label}."
    )
    return Picture(sheet.figure(title), alt or alt_text)


def language_model_wiring(words, *, title=None, alt=None):
    """Every state predicts the next word: the cell reads <s> and the words, and a softmax head on
    each state predicts the words and </s>.
    """
    words = labels(words, "words")
    read, written = ["<s>", *words], [*words, "</s>"]
    row = Row(Sheet(), 0, _placed(list(zip(read, written, strict=True))), read, "state", "f")
    row.draw(first="h_0")
    for t, x in row.at():
        row.sheet.arrow((x, CELL / 2), (x, HEAD - 0.11), "output")
        row.head(x, HEAD + 0.04, written[t])
    pairs = ", ".join(f"after {a} {b}" for a, b in zip(read, written, strict=True))
    alt_text = f"A language model: at each step a softmax head predicts the next word: {pairs}."
    return Picture(row.sheet.figure(title), alt or alt_text)


def translation_wiring(source, target, attention=False, *, title=None, alt=None):
    """A blue encoder reads the source; a red decoder starts from its last state and writes the
    target. There are softmax heads only where a word is written.

    attention: each head reads what an attention looked up in all states of the encoder.
    """
    source, target = labels(source, "source"), labels(target, "target")
    read, written = ["<s>", *target], [*target, "</s>"]
    S, T = len(source), len(read)
    source_columns = [[word] for word in source]
    target_columns = list(zip(read, written, strict=True))
    places = _placed(source_columns + target_columns)
    side_by_side = None not in places  # otherwise the decoder stands below the encoder
    lift = 0.75 if attention else 0  # of the heads, above the attention
    sheet = Sheet()
    if side_by_side:
        y = 0
        encoder_places = {t: x for t, x in places.items() if t < S}
        decoder_places = {t - S: x for t, x in places.items() if t >= S}
    else:
        y = -(2 * RISE + 2 * HEAD + lift)
        encoder_places, decoder_places = _placed(source_columns), _placed(target_columns)
    e_names, f_names = [f"e_{s + 1}" for s in range(S)], [f"f_{t + 1}" for t in range(T)]
    encoder = Row(sheet, 0, encoder_places, source, "encoder", "f", e_names)
    decoder = Row(sheet, y, decoder_places, read, "decoder", "f", f_names)
    encoder.draw(first="e_0")
    decoder.draw()
    _draw_handover(sheet, encoder, decoder, side_by_side)
    if attention:
        _draw_all_states(sheet, encoder, decoder, side_by_side, lift)
    for t, x in decoder.at():
        head_y = y + HEAD + lift
        if attention:
            sheet.arrow((x - 0.1, y + CELL / 2), (x - 0.1, y + lift - 0.13), "decoder")
            sheet.box(x, y + lift + 0.02, "attend", "attention", width=0.62, height=0.28, size=9)
            sheet.arrow((x, y + lift + 0.16), (x, head_y - 0.11), "output")
        else:
            sheet.arrow((x, y + CELL / 2), (x, head_y - 0.11), "output")
        decoder.head(x, head_y + 0.04, written[t])
    alt_text = (
        f"Translation{' with attention' if attention else ''}: a blue encoder reads "
        f"{' '.join(source)}. A red decoder starts from its last state, e_{S}, reads "
        f"{' '.join(read)} and predicts {' '.join(written)}."
    )
    if attention:
        alt_text += f" Each prediction also looks at every state of the encoder, {S} in number."
    return Picture(sheet.figure(title), alt or alt_text)


def _draw_handover(sheet, encoder, decoder, side_by_side):
    """The last state of the encoder, on its way to the decoder."""
    (_, last), (_, first) = encoder.at()[-1], decoder.at()[0]
    start, end = (last + CELL / 2, 0), (first - CELL / 2, decoder.y)
    name = pretty(f"e_{len(encoder.words)}")
    if side_by_side:
        sheet.arrow(start, end, "encoder")
        sheet.text((start[0] + end[0]) / 2, 0.13, name, math=True)
    else:
        right, between, left = start[0] + 0.25, -RISE - 0.42, end[0] - 0.3
        corners = [(right, 0), (right, between), (left, between), (left, decoder.y)]
        sheet.path([start, *corners, end], "encoder")
        sheet.text((right + left) / 2, between + 0.12, name, math=True)


def _draw_all_states(sheet, encoder, decoder, side_by_side, lift):
    """A line that collects all states of the encoder and passes every attention."""
    level, decoder_level = CELL / 2 + 0.26, decoder.y + CELL / 2 + 0.26
    xs = [x for _, x in encoder.at()]
    ends = [x for _, x in decoder.at()]
    line = [(xs[0], level), (ends[-1] + 0.14, level)]
    if not side_by_side:
        right = max(xs[-1] + CELL / 2 + 0.5, ends[-1] + CELL / 2 + 0.25)
        line = [(xs[0], level), (right, level), (right, decoder_level), (ends[0], decoder_level)]
    sheet.path(line, "attention", line=2.2, head=False)
    sheet.text(xs[0] - 0.05, level + 0.02, "all states", ha="right", size=8.5)
    for x in xs:
        sheet.arrow((x, CELL / 2), (x, level), "attention")
    for x in ends:
        start, end = (x + 0.14, decoder_level), (x + 0.14, decoder.y + lift - 0.11)
        sheet.arrow(start, end, "attention")


@dataclass
class Row:
    """Cells side by side. places: the x of each step that is drawn; the x of the gap at None."""

    sheet: Sheet
    y: float
    places: dict[int | None, float]
    words: list[str]
    role: str
    cell: str
    states: list[str] | None = None

    def at(self):
        """Pairs of a step that is drawn and its x."""
        return [(t, x) for t, x in self.places.items() if t is not None]

    def draw(self, first=None, out=False):
        """first: the name of the initial state. out: whether an arrow leaves the last cell."""
        sheet, y, half = self.sheet, self.y, CELL / 2
        places = list(self.places.items())
        if first is not None:
            x = places[0][1] - half
            sheet.arrow((x - 0.42, y), (x, y), self.role)
            sheet.text(x - 0.47, y, pretty(first), math=True, ha="right")
        name = pretty(self.cell)  # a function: mathematics even where it is one letter
        for n, (t, x) in enumerate(places):
            if t is None:
                sheet.text(x, y, "· · ·", size=12, color=QUIET)
                sheet.text(x, y - RISE, "· · ·", size=12, color=QUIET)
            else:
                self.word(x, y - RISE, self.words[t], "input")
                sheet.arrow((x, y - RISE + WORD / 2), (x, y - half), "input")
                width = max(CELL, width_of(name, 10, math=True) + 0.12)
                sheet.box(x, y, name, self.role, width=width, height=CELL, math=True)
            if n + 1 < len(places) or out:
                end = places[n + 1][1] - half if n + 1 < len(places) else x + half + 0.45
                sheet.arrow((x + half, y), (end, y), self.role)
                if self.states and t is not None:
                    middle = (x + half + end) / 2 - 0.02
                    sheet.text(middle, y + 0.13, pretty(self.states[t]), math=True)

    def word(self, x, y, text, role):
        text, math = labelled(cut(text))
        width = max(WORD, width_of(text, 10, math=math) + 0.18)
        self.sheet.box(x, y, text, role, width=width, height=WORD, math=math)

    def head(self, x, y, word):
        """A softmax at this height, and the word that it predicts above it."""
        self.sheet.box(x, y, "softmax", "output", width=0.68, height=0.28, size=9, fill=0.5)
        self.sheet.arrow((x, y + 0.14), (x, y + HEAD - 0.1 - WORD / 2), "output")
        self.word(x, y + HEAD - 0.1, word, "output")


def labelled(text):
    """A label, and whether it is mathematics: x_1 is, a word is not."""
    formula = pretty(text) if "_" in text or text[1:] in ("′", "'") else text
    return (formula, True) if formula.startswith("$") and formula != text else (text, False)


def _before(state):
    """The name of the initial state: h_0 if the first state is h_1."""
    return f"{state[:-2]}_0" if state.endswith("_1") else "start"


def _placed(columns, spacing=0.94):
    """{step: x}. columns: the words of each step, one above the other; spacing: the least distance
    of two steps. Where a row would become too wide, the middle is left out, at {None: x}.
    """
    widths = [max(width_of(cut(word), 10) for word in words if word) for words in columns]
    shown = list(range(len(columns)))
    while True:
        places, x, previous = {}, 0.0, None
        for t in shown:
            width = 0.6 if t is None else widths[t]
            if previous is not None:
                x += max(spacing, (previous + width) / 2 + 0.3)
            places[t], previous = x, width
        if x <= MAX_WIDTH or len(shown) <= 3:
            return places
        steps = [t for t in shown if t is not None]
        middle = len(steps) // 2
        shown = [*steps[:middle], None, *steps[middle + 1 :]]


def _some(words):
    return ", ".join(words if len(words) <= 12 else [*words[:3], "…", words[-1]])
