"""Networks unrolled over time: how cells, words and heads are wired."""

from dataclasses import dataclass

from .diagram import pretty
from .picture import Picture
from .sheet import Sheet, width_of
from .style import QUIET
from .values import count, cut, labels

__all__ = ["language_model_wiring", "sentiment_wiring", "translation_wiring", "unrolled"]

WIDE = 8.7  # from the first to the last cell at most, in inches: longer rows have a gap
CELL, WORD = 0.48, 0.32  # heights
RISE = 0.8  # from the middle of a row to that of the next
HEAD = 0.62  # from a state to its softmax, and from there to the word


def unrolled(inputs, states=None, outputs=None, cell="f", *, title=None, alt=None):
    """A recurrent network unrolled: the same cell once for each input, the state passed along.

    inputs: a label for each step. states: labels for the states after each step (by default h_1,
    h_2, …). outputs: labels for what comes out of each step, or None at steps without output; by
    default nothing does. cell: what stands in the cells. In labels such as h_1 and x_{t-1} the
    part behind _ is lowered. Of very many steps the first and the last are drawn.
    Errors: ValueError when the numbers of labels differ.
    """
    inputs = labels(inputs, "inputs")
    T = len(inputs)
    states = [f"h_{t + 1}" for t in range(T)] if states is None else labels(states, "states", T)
    if outputs is not None:
        shown = labels(outputs, "outputs", T)
        outputs = [None if one is None else text for one, text in zip(outputs, shown, strict=True)]
    above = outputs or [None] * T
    room = max(width_of(pretty(one), 9, math=True) for one in states) + CELL + 0.25
    row = Row(
        Sheet(),
        0,
        _placed(list(zip(inputs, above, strict=True)), room),
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
    said = f"The cell {cell} unrolled over {count(T, 'step')}. It reads {', '.join(inputs)}"
    said += f"; its states are {_some(states)}"
    if outputs:
        told = [
            f"{text} at step {t}" for t, text in enumerate(outputs, start=1) if text is not None
        ]
        said += f"; its outputs are {', '.join(told) or 'none'}"
    return Picture(row.sheet.figure(title), alt or said + ".")


def sentiment_wiring(words, label, *, title=None, alt=None):
    """One answer for a whole sentence: the states are summed, and a softmax head reads the sum."""
    words = labels(words, "words")
    row = Row(Sheet(), 0, _placed([[word] for word in words]), words, "state", "f")
    row.draw(first="h_0")
    xs = [x for _, x in row.at()]
    middle, sheet = (xs[0] + xs[-1]) / 2, row.sheet
    for x in xs:
        sheet.arrow((x, CELL / 2), (x, RISE - 0.16), "state")
    wide = xs[-1] - xs[0] + CELL
    sheet.box(middle, RISE, "sum of all states", "state", width=max(wide, 1.5), height=0.32)
    sheet.arrow((middle, RISE + 0.16), (middle, RISE + HEAD - 0.15), "output")
    row.head(middle, RISE + HEAD, str(label))
    said = (
        f"Sentiment analysis: the cell f reads {' '.join(words)}. Its states, {len(words)} in "
        f"number, are summed, and a softmax head reads the label off the sum: {label}."
    )
    return Picture(sheet.figure(title), alt or said)


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
    said = f"A language model: at each step a softmax head predicts the next word: {pairs}."
    return Picture(row.sheet.figure(title), alt or said)


def translation_wiring(source, target, attention=False, *, title=None, alt=None):
    """A blue encoder reads the source; a red decoder starts from its last state and writes the
    target. There are softmax heads only where a word is written.

    attention: each head reads what an attention looked up in all states of the encoder.
    """
    source, target = labels(source, "source"), labels(target, "target")
    read, written = ["<s>", *target], [*target, "</s>"]
    S, T = len(source), len(read)
    below_each = [[word] for word in source]
    above_each = list(zip(read, written, strict=True))
    both = _placed(below_each + above_each)
    beside = None not in both
    lift = 0.75 if attention else 0
    sheet, drop = Sheet(), 0 if beside else -(2 * RISE + 2 * HEAD + lift)
    here, there = (
        (
            {t: x for t, x in both.items() if t < S},
            {t - S: x for t, x in both.items() if t >= S},
        )
        if beside
        else (_placed(below_each), _placed(above_each))
    )
    encoder = Row(sheet, 0, here, source, "encoder", "f", [f"e_{s + 1}" for s in range(S)])
    decoder = Row(sheet, drop, there, read, "decoder", "f", [f"f_{t + 1}" for t in range(T)])
    encoder.draw(first="e_0")
    decoder.draw()
    (_, last), (_, begin) = encoder.at()[-1], decoder.at()[0]
    start, end = (last + CELL / 2, 0), (begin - CELL / 2, drop)
    if beside:
        sheet.arrow(start, end, "encoder")
        sheet.text((start[0] + end[0]) / 2, 0.13, pretty(f"e_{S}"), math=True)
    else:
        right, between, left = start[0] + 0.25, -RISE - 0.42, end[0] - 0.3
        corners = [(right, 0), (right, between), (left, between), (left, drop)]
        sheet.path([start, *corners, end], "encoder")
        sheet.text((right + left) / 2, between + 0.12, pretty(f"e_{S}"), math=True)
    if attention:
        level, over = CELL / 2 + 0.26, drop + CELL / 2 + 0.26
        xs = [x for _, x in encoder.at()]
        ends = [x for _, x in decoder.at()]
        line = [(xs[0], level), (ends[-1] + 0.14, level)]
        if not beside:
            right = max(xs[-1] + CELL / 2 + 0.5, ends[-1] + CELL / 2 + 0.25)
            line = [(xs[0], level), (right, level), (right, over), (ends[0], over)]
        sheet.path(line, "attention", line=2.2, head=False)
        sheet.text(xs[0] - 0.05, level + 0.02, "all states", ha="right", size=8.5)
        for x in xs:
            sheet.arrow((x, CELL / 2), (x, level), "attention")
        for x in ends:
            sheet.arrow((x + 0.14, over), (x + 0.14, drop + lift - 0.11), "attention")
    for t, x in decoder.at():
        y = drop + HEAD + lift
        if attention:
            sheet.arrow((x - 0.1, drop + CELL / 2), (x - 0.1, drop + lift - 0.13), "decoder")
            sheet.box(x, drop + lift + 0.02, "attend", "attention", width=0.62, height=0.28, size=9)
            sheet.arrow((x, drop + lift + 0.16), (x, y - 0.11), "output")
        else:
            sheet.arrow((x, drop + CELL / 2), (x, y - 0.11), "output")
        decoder.head(x, y + 0.04, written[t])
    said = (
        f"Translation{' with attention' if attention else ''}: a blue encoder reads "
        f"{' '.join(source)}. A red decoder starts from its last state, e_{S}, reads "
        f"{' '.join(read)} and predicts {' '.join(written)}."
    )
    if attention:
        said += f" Each prediction also looks at every state of the encoder, {S} in number."
    return Picture(sheet.figure(title), alt or said)


@dataclass
class Row:
    """Cells side by side. places: the x of each step that is drawn; of None, that of the gap."""

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
        """first: the state before, by name. out: whether the last state leaves."""
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
                wide = max(CELL, width_of(name, 10, math=True) + 0.12)
                sheet.box(x, y, name, self.role, width=wide, height=CELL, math=True)
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
        """A softmax at this height, and the word that it predicts above."""
        self.sheet.box(x, y, "softmax", "output", width=0.68, height=0.28, size=9, fill=0.5)
        self.sheet.arrow((x, y + 0.14), (x, y + HEAD - 0.1 - WORD / 2), "output")
        self.word(x, y + HEAD - 0.1, word, "output")


def labelled(text):
    """A label, and whether it is mathematics: x_1 is, a word is not."""
    sign = pretty(text) if "_" in text or text[1:] in ("′", "'") else text
    return (sign, True) if sign.startswith("$") and sign != text else (text, False)


def _before(state):
    """The name of the state before the first: h_0 where that is h_1."""
    return f"{state[:-2]}_0" if state.endswith("_1") else "start"


def _placed(columns, room=0.94):
    """{step: x}. columns: the words of each step, one above the other; room: what two neighbours
    need at least. Where a row would become too wide, the middle is left out, at {None: x}.
    """
    wide = [max(width_of(cut(word), 10) for word in words if word) for words in columns]
    shown = list(range(len(columns)))
    while True:
        places, x, before = {}, 0.0, None
        for t in shown:
            own = 0.6 if t is None else wide[t]
            x += 0 if before is None else max(room, (before + own) / 2 + 0.3)
            places[t], before = x, own
        if x <= WIDE or len(shown) <= 3:
            return places
        kept = [t for t in shown if t is not None]
        middle = len(kept) // 2
        shown = [*kept[:middle], None, *kept[middle + 1 :]]


def _some(words):
    return ", ".join(words if len(words) <= 12 else [*words[:3], "…", words[-1]])
