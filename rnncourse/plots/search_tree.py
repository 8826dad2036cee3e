"""A beam search as a tree."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from rnncourse.reference.decoding import beam_search
from rnncourse.reference.state_tree import first_tensor

from .picture import Picture
from .sheet import Sheet, width_of
from .style import INK, QUIET
from .values import cut, labels

__all__ = ["beam_tree"]


@dataclass(eq=False)
class Branch:
    """A prefix that the search looked at: its last word, and its fate."""

    word: int
    log_p: float
    before: "Branch | None" = None
    fate: str = "kept"  # or finished, cut (at the maximum length), dropped
    score: float | None = None  # where the search returned it
    after: list["Branch"] = field(default_factory=list)

    def path(self):
        """The branches from the first word to this one."""
        return [*(self.before.path() if self.before else []), self]

    def subtree(self):
        """This branch and all that follow it."""
        yield self
        for branch in self.after:
            yield from branch.subtree()


def beam_tree(
    step, state, bos, eos, max_length, beam, words, length_penalty=0.0, *, title=None, alt=None
):
    """Run `reference.decoding.beam_search` for one sentence, and draw the search as a tree: the
    prefixes that it kept, dropped, finished and cut at the maximum length, and the best.

    step(tokens (N,), state) -> (logits (N, V), state); state: for one sentence (N = 1).
    words: V words, or {word: number}. Of each step the 2 * beam likeliest extensions are drawn.
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

    results = [
        f"{' '.join(map(text, branch.path()[1:]))} ({branch.fate}, score {branch.score:.2f})"
        for branch in ends
    ]
    dropped = sum(branch.fate == "dropped" for branch in root.subtree())
    alt_text = (
        f"A beam search of width {beam}, as a tree. It ended with, best first: "
        f"{'; '.join(results)}. Prefixes dropped on the way: {dropped}."
    ).replace("-", "−")
    return Picture(_drawn(root, ends[0], text).figure(title), alt or alt_text)


def _searched(step, state, bos, eos, max_length, beam, length_penalty):
    """The root of the tree, and the branches that the search returned, the best first."""
    calls = []  # for each call of step: {prefix: log p of each next word}

    def watched(tokens, state):
        state, before = state
        read = torch.cat([before, tokens.unsqueeze(1)], dim=1)
        logits, state = step(tokens, state)
        log_p = torch.log_softmax(logits.double(), dim=1).cpu()
        calls.append({tuple(row): p for row, p in zip(read.tolist(), log_p, strict=True)})
        return logits, (state, read)

    no_words = torch.zeros(1, 0, dtype=torch.long, device=first_tensor(state).device)
    (ranked,) = beam_search(watched, (state, no_words), bos, eos, max_length, beam, length_penalty)
    scores = {(bos, *tokens): score for tokens, score in ranked}

    root = Branch(bos, 0.0)
    known = {(bos,): root}
    for call, next_call in zip(calls, [*calls[1:], {}], strict=True):
        extensions = _extensions(call, known, beam)
        for rank, (prefix, branch) in enumerate(extensions):
            branch.score = scores.get(prefix)
            if branch.word == eos and (rank < beam or branch.score is not None):
                branch.fate = "finished"
            elif branch.score is not None:
                branch.fate = "cut"
            elif prefix not in next_call:
                branch.fate = "dropped"
            if branch.fate != "dropped" or rank < 2 * beam:
                branch.before.after.append(branch)
                known[prefix] = branch
    return root, [known[prefix] for prefix in scores]


def _extensions(call, known, beam):
    """Pairs of a prefix and its branch, the likeliest first; at most 2 * beam for each parent."""
    extensions = []
    for prefix, log_p in call.items():
        parent = known[prefix]
        best, numbers = log_p.topk(min(2 * beam, len(log_p)))
        for value, word in zip(best.tolist(), numbers.tolist(), strict=True):
            if value > -torch.inf:
                branch = Branch(word, parent.log_p + value, parent)
                extensions.append(((*prefix, word), branch))
    extensions.sort(key=lambda pair: -pair[1].log_p)
    return extensions


# The roles and the words of the legend, by fate.
LOOKS = {
    "kept": ("state", "goes on"),
    "finished": ("output", "finished"),
    "cut": ("attention", "cut at the greatest length"),
    "dropped": ("plain", "dropped"),
}
ROW, BOX = 0.5, 0.4


def _drawn(root, best, text):
    sheet = Sheet()
    branches = list(root.subtree())
    on_best = {id(branch) for branch in best.path()}
    widest = max(width_of(cut(text(branch)), 10) for branch in branches)
    width = max(0.6, widest + 0.2)
    places = _places(root, width + 0.55)
    for branch in branches:
        x, y = places[id(branch)]
        for child in branch.after:
            child_x, child_y = places[id(child)]
            start, end = x + width / 2, child_x - width / 2
            thick = id(child) in on_best
            sheet.flow(
                [(start, y), (start + 0.05, y), (end - 0.1, child_y), (end, child_y)],
                "decoder" if thick else "plain",
                line=2.6 if thick else 1.1,
                dashed=child.fate == "dropped",
            )
        _box(sheet, x, y, branch, cut(text(branch)), width, id(branch) in on_best)
        if branch.score is not None:
            label = f"score {branch.score:.2f}".replace("-", "−")
            weight = "normal"
            if branch is best:
                label, weight = f"best, {label}", "bold"
            sheet.text(x + width / 2 + 0.08, y, label, size=8.5, ha="left", weight=weight)
    lowest = min(y for _, y in places.values())
    fates = dict.fromkeys(branch.fate for branch in branches)
    _legend(sheet, -width / 2, lowest - ROW - 0.15, fates)
    return sheet


def _places(root, column):
    """{id of a branch: (x, y)}: leaves in rows from the top, the others midway beside theirs."""
    places, rows = {}, 0

    def place(branch, depth):
        nonlocal rows
        for child in branch.after:
            place(child, depth + 1)
        if branch.after:
            first, last = places[id(branch.after[0])], places[id(branch.after[-1])]
            y = (first[1] + last[1]) / 2
        else:
            y = -rows * ROW
            rows += 1
        places[id(branch)] = (depth * column, y)

    place(root, 0)
    return places


def _legend(sheet, x, y, fates):
    for fate in fates:
        role, label = LOOKS[fate]
        dropped = fate == "dropped"
        sheet.box(
            x + 0.12,
            y,
            "",
            role,
            width=0.24,
            height=0.18,
            dashed=dropped,
            fill=0 if dropped else 0.22,
        )
        sheet.text(x + 0.3, y, label, size=8.5, ha="left")
        x += 0.55 + width_of(label, 8.5)
    sheet.path([(x, y), (x + 0.3, y)], "decoder", line=2.6, head=False)
    sheet.text(x + 0.36, y, "the best", size=8.5, ha="left")
    sheet.text(x + 1.15, y, "numbers: log p so far", size=8.5, color=QUIET, ha="left")


def _box(sheet, x, y, branch, word, width, thick):
    """The branch's word, and below it the log-probability of its prefix."""
    dropped = branch.fate == "dropped"
    ink = QUIET if dropped else INK
    sheet.box(
        x,
        y,
        "",
        LOOKS[branch.fate][0],
        width=width,
        height=BOX,
        line=2.2 if thick else 1.2,
        dashed=dropped,
        fill=0 if dropped else 0.22,
    )
    if branch.before is None:
        sheet.text(x, y, word, size=10, color=ink)
    else:
        sheet.text(x, y + 0.08, word, size=10, color=ink)
        sheet.text(x, y - 0.1, f"{branch.log_p:.2f}".replace("-", "−"), size=8, color=ink)
