"""A beam search as a tree."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from rnncourse.reference.decoding import beam_search
from rnncourse.reference.state_tree import first_tensor

from .picture import Picture
from .sheet import Sheet, width_of
from .style import INK, QUIET
from .values import count, cut, labels

__all__ = ["beam_tree"]


@dataclass(eq=False)
class Branch:
    """A beginning: its last word, and what became of it."""

    word: int
    log_p: float
    before: "Branch | None" = None
    fate: str = "kept"  # or finished, cut (at the greatest length), dropped
    score: float | None = None  # of what the search returned
    after: list["Branch"] = field(default_factory=list)

    def line(self):
        """From the first word to this one."""
        return [*(self.before.line() if self.before else []), self]


def beam_tree(
    step, state, bos, eos, max_length, beam, words, length_penalty=0.0, *, title=None, alt=None
):
    """Run `reference.decoding.beam_search` for one sentence, and draw what it looked at as a tree:
    the beginnings that it kept, dropped, finished and cut at the greatest length, and the best.

    step(tokens (N,), state) -> (logits (N, V), state); state: for one sentence (N = 1).
    words: V words, or {word: number}. Of what was dropped, the likeliest are drawn: of each step
    the 2 * beam likeliest extensions in all.
    Errors: ValueError when beam or max_length is less than 1, or state is not of one sentence.
    """
    if beam < 1 or max_length < 1:
        raise ValueError(f"beam is {beam} and max_length is {max_length}: both must be at least 1")
    if len(first_tensor(state)) != 1:
        raise ValueError(f"the state is of {len(first_tensor(state))} sentences: one can be drawn")
    if isinstance(words, Mapping):
        words = [word for word, _ in sorted(words.items(), key=lambda pair: pair[1])]
    words = labels(words, "words")
    root, ends = _searched(step, state, bos, eos, max_length, beam, length_penalty)

    def text(branch):
        return words[branch.word] if branch.word < len(words) else str(branch.word)

    told = [
        f"{' '.join(text(word) for word in one.line()[1:])} ({one.fate}, score {one.score:.2f})"
        for one in ends
    ]
    dropped = sum(one.fate == "dropped" for one in _all(root))
    said = (
        f"A beam search of width {beam}, as a tree. It ended with, best first: "
        f"{'; '.join(told)}. What was dropped on the way: {count(dropped, 'beginning')}."
    ).replace("-", "−")
    return Picture(_drawn(root, ends[0], text).figure(title), alt or said)


def _searched(step, state, bos, eos, max_length, beam, length_penalty):
    """The root of the tree, and the branches that the search returned, the best first."""
    asked = []  # for each call of step: {beginning: log p of each next word}

    def watched(tokens, state):
        state, before = state
        read = torch.cat([before, tokens.unsqueeze(1)], dim=1)
        logits, state = step(tokens, state)
        log_p = torch.log_softmax(logits.double(), dim=1).cpu()
        asked.append({tuple(row): p for row, p in zip(read.tolist(), log_p, strict=True)})
        return logits, (state, read)

    nothing = torch.zeros(1, 0, dtype=torch.long, device=first_tensor(state).device)
    (found,) = beam_search(watched, (state, nothing), bos, eos, max_length, beam, length_penalty)
    scores = {(bos, *tokens): score for tokens, score in found}

    root = Branch(bos, 0.0)
    known = {(bos,): root}
    for beginnings, further in zip(asked, [*asked[1:], {}], strict=True):
        looked_at = []
        for beginning, log_p in beginnings.items():
            before = known[beginning]
            best, at = log_p.topk(min(2 * beam, len(log_p)))
            for value, word in zip(best.tolist(), at.tolist(), strict=True):
                if value > -torch.inf:
                    one = Branch(word, before.log_p + value, before)
                    looked_at.append(((*beginning, word), one))
        looked_at.sort(key=lambda pair: -pair[1].log_p)
        for rank, (beginning, one) in enumerate(looked_at):
            one.score = scores.get(beginning)
            if one.word == eos and (rank < beam or one.score is not None):
                one.fate = "finished"
            elif one.score is not None:
                one.fate = "cut"
            elif beginning not in further:
                one.fate = "dropped"
            if one.fate != "dropped" or rank < 2 * beam:
                one.before.after.append(one)
                known[beginning] = one
    return root, [known[beginning] for beginning in scores]


def _all(branch):
    yield branch
    for one in branch.after:
        yield from _all(one)


# How a beginning is drawn: role, word in the legend.
LOOKS = {
    "kept": ("state", "goes on"),
    "finished": ("output", "finished"),
    "cut": ("attention", "cut at the greatest length"),
    "dropped": ("plain", "dropped"),
}
ROW, BOX = 0.5, 0.4


def _drawn(root, best, text):
    sheet = Sheet()
    branches = list(_all(root))
    on_best = {id(one) for one in best.line()}
    widest = max(width_of(cut(text(one)), 10) for one in branches)
    width = max(0.6, widest + 0.2)
    across = width + 0.55
    places, row = {}, 0

    def put(one, depth):
        nonlocal row
        for child in one.after:
            put(child, depth + 1)
        if one.after:
            y = (places[id(one.after[0])][1] + places[id(one.after[-1])][1]) / 2
        else:
            y, row = -row * ROW, row + 1
        places[id(one)] = (depth * across, y)

    put(root, 0)
    for one in branches:
        x, y = places[id(one)]
        for child in one.after:
            u, v = places[id(child)]
            thick = id(child) in on_best
            points = [(x + width / 2, y), (x + width / 2 + 0.05, y), (u - width / 2 - 0.1, v)]
            sheet.flow(
                [*points, (u - width / 2, v)],
                "decoder" if thick else "plain",
                line=2.6 if thick else 1.1,
                dashed=child.fate == "dropped",
            )
        _box(sheet, x, y, one, cut(text(one)), width, id(one) in on_best)
        if one.score is not None:
            told = f"score {one.score:.2f}".replace("-", "−")
            weight = "bold" if one is best else "normal"
            mark = f"best, {told}" if one is best else told
            sheet.text(x + width / 2 + 0.08, y, mark, size=8.5, ha="left", weight=weight)
    x, y = -width / 2, -row * ROW - 0.15
    for fate in dict.fromkeys(one.fate for one in branches):
        role, what = LOOKS[fate]
        gone = fate == "dropped"
        sheet.box(
            x + 0.12, y, "", role, width=0.24, height=0.18, dashed=gone, fill=0 if gone else 0.22
        )
        sheet.text(x + 0.3, y, what, size=8.5, ha="left")
        x += 0.55 + width_of(what, 8.5)
    sheet.path([(x, y), (x + 0.3, y)], "decoder", line=2.6, head=False)
    sheet.text(x + 0.36, y, "the best", size=8.5, ha="left")
    sheet.text(x + 1.15, y, "numbers: log p so far", size=8.5, color=QUIET, ha="left")
    return sheet


def _box(sheet, x, y, one, word, width, thick):
    """Its word, and below it how probable it is from the beginning on."""
    gone = one.fate == "dropped"
    ink = QUIET if gone else INK
    sheet.box(
        x,
        y,
        "",
        LOOKS[one.fate][0],
        width=width,
        height=BOX,
        line=2.2 if thick else 1.2,
        dashed=gone,
        fill=0 if gone else 0.22,
    )
    if one.before is None:
        sheet.text(x, y, word, size=10, color=ink)
    else:
        sheet.text(x, y + 0.08, word, size=10, color=ink)
        sheet.text(x, y - 0.1, f"{one.log_p:.2f}".replace("-", "−"), size=8, color=ink)
