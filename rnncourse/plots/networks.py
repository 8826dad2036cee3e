"""Networks unrolled over time: how cells, words and heads are wired."""

from .picture import Picture
from .sheet import Sheet
from .values import labels

__all__ = ["language_model_wiring", "sentiment_wiring", "translation_wiring", "unrolled"]

STEP, RISE = 1.0, 0.85


def _chain(sheet, words, states, outputs, cell, role="state", x0=0.0, first=None):
    """Inputs below, cells in the middle, outputs above; None leaves a place empty."""
    for t, word in enumerate(words):
        x = x0 + t * STEP
        sheet.box(x, 0, word, "input")
        sheet.arrow((x, 0.17), (x, RISE - 0.22), "input")
        sheet.box(x, RISE, cell, role, width=0.5, height=0.44)
        if t:
            sheet.arrow((x - STEP + 0.25, RISE), (x - 0.25, RISE), role)
            if states:
                sheet.text(x - STEP / 2, RISE + 0.14, states[t - 1], math=True)
        if outputs and outputs[t] is not None:
            sheet.arrow((x, RISE + 0.22), (x, 2 * RISE - 0.17), "output")
            sheet.box(x, 2 * RISE, outputs[t], "output")
    if first:
        sheet.text(x0 - 0.75, RISE, first, math=True, ha="right")
        sheet.arrow((x0 - 0.7, RISE), (x0 - 0.25, RISE), role)


def unrolled(inputs, states=None, outputs=None, cell="f", *, title=None, alt=None):
    """A recurrent network unrolled: the same cell once for each input, the state passed along.

    inputs: a label for each step. states: labels for the states after each step (by default h_1,
    h_2, …). outputs: labels for what comes out of each step, or None at steps without output; by
    default nothing does. cell: what is written in the cells. In labels of states, _ lowers.
    Errors: ValueError when the numbers of labels differ.
    """
    inputs = labels(inputs, "inputs")
    T = len(inputs)
    states = (
        [f"h_{{{t + 1}}}" for t in range(T)] if states is None else (labels(states, "states", T))
    )
    if outputs is not None:
        kept = list(outputs)
        labels(kept, "outputs", T)
        outputs = [None if one is None else str(one) for one in kept]
    sheet = Sheet()
    _chain(sheet, inputs, [f"${one}$" for one in states], outputs, cell, first="$h_{0}$")
    said = f"The cell {cell}, unrolled over {T} steps: {', '.join(inputs)}."
    if outputs:
        said += f" Outputs: {', '.join(one for one in outputs if one)}."
    return Picture(sheet.figure(title), alt or said)


def sentiment_wiring(words, label, *, title=None, alt=None):
    """One answer for a whole sentence: the states are summed, and a softmax head reads the sum."""
    words = labels(words, "words")
    sheet = Sheet()
    _chain(sheet, words, None, None, "f", first="$h_{0}$")
    middle = (len(words) - 1) * STEP / 2
    for t in range(len(words)):
        sheet.arrow((t * STEP, RISE + 0.22), (middle, 2 * RISE - 0.2), "state")
    sheet.box(middle, 2 * RISE, "+", "state", shape="circle", height=0.4)
    sheet.arrow((middle, 2 * RISE + 0.2), (middle, 2.7 * RISE - 0.17), "output")
    sheet.box(middle, 2.7 * RISE, "softmax", "output")
    sheet.arrow((middle, 2.7 * RISE + 0.17), (middle, 3.4 * RISE - 0.17), "output")
    sheet.box(middle, 3.4 * RISE, str(label), "output")
    said = (
        f"Sentiment analysis: the cell reads {' '.join(words)}; its {len(words)} states are "
        f"summed, and a softmax head reads {label} off the sum."
    )
    return Picture(sheet.figure(title), alt or said)


def language_model_wiring(words, *, title=None, alt=None):
    """Every state predicts the next word: the cell reads <s> and the words, and writes the words
    and </s>."""
    words = labels(words, "words")
    sheet = Sheet()
    _chain(sheet, ["<s>", *words], None, [*words, "</s>"], "f", first="$h_{0}$")
    said = (
        f"A language model: it reads <s> {' '.join(words)}, and after each word predicts the next"
    )
    return Picture(sheet.figure(title), alt or said + ".")


def translation_wiring(source, target, attention=False, *, title=None, alt=None):
    """A blue encoder reads the source, a red decoder starts from its last state and writes the
    target; heads only where a word is written. attention: the decoder looks back at all states.
    """
    source, target = labels(source, "source"), labels(target, "target")
    sheet = Sheet()
    S = len(source)
    _chain(sheet, source, None, None, "f", "encoder", first="$e_{0}$")
    _chain(sheet, ["<s>", *target], None, [*target, "</s>"], "f", "decoder", x0=S * STEP)
    sheet.arrow(((S - 1) * STEP + 0.25, RISE), (S * STEP - 0.25, RISE), "encoder")
    if attention:
        for s in range(S):
            sheet.arrow(
                (s * STEP, RISE + 0.22),
                (S * STEP - 0.2, RISE + 0.25),
                "attention",
                curve=-0.3,
                dashed=True,
            )
    said = (
        f"Translation{' with attention' if attention else ''}: a blue encoder reads "
        f"{' '.join(source)}; a red decoder starts from its last state and writes "
        f"{' '.join(target)} </s>"
    )
    if attention:
        said += ", looking back at every state of the encoder"
    return Picture(sheet.figure(title), alt or said + ".")
