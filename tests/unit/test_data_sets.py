"""The standard sets: their formats, made small here, and the real files where they are at hand."""

import gzip
import hashlib
import importlib
import io
import tarfile
import zipfile
from itertools import chain
from pathlib import Path

import pytest

from rnncourse.data import DataError, detokenise, language, sentiment, stream, tokenise, translation

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared/data"
# Names of functions hide the modules of the same names.
MODULES = {
    name: importlib.import_module(f"rnncourse.data.{name}")
    for name in ("translation", "sentiment", "language")
}
REMOTES = [
    *MODULES["translation"].MULTI30K.values(),
    *MODULES["translation"].TATOEBA,
    *MODULES["sentiment"].SST2,
    *MODULES["sentiment"].ROTTEN_TOMATOES,
    *MODULES["sentiment"].IMDB,
    *MODULES["language"].PENN_TREEBANK,
    *MODULES["language"].WIKITEXT2,
    *MODULES["language"].TINY_SHAKESPEARE,
]


@pytest.fixture
def place(monkeypatch, tmp_path):
    """place(module, *contents): what this module fetches is files with these contents."""

    def place(module, *contents):
        paths = [tmp_path / str(number) for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        monkeypatch.setattr(MODULES[module], "fetch", lambda remotes: paths[: len(remotes)])

    return place


# --- formats ------------------------------------------------------------------------------------


def test_multi30k(place):
    texts = ["Go.\nRun!\n", "Geh.\nLauf!\n", "A dog.\n", "Ein Hund.\n", "Snow\n", "Schnee\n"]
    place("translation", *(gzip.compress(text.encode()) for text in texts))
    splits = translation("multi30k", "en", "de")
    assert splits.train == [(["go", "."], ["geh", "."]), (["run", "!"], ["lauf", "!"])]
    assert splits.valid == [(["a", "dog", "."], ["ein", "hund", "."])]
    assert splits.test == [(["snow"], ["schnee"])]
    assert translation("multi30k", "en", "de", train=1, test=0).train == splits.train[:1]
    with pytest.raises(ValueError, match=r"negative.*'test': -1"):
        translation("multi30k", "en", "de", test=-1)


def test_multi30k_fetches_the_files_of_its_two_languages(monkeypatch):
    asked = []

    def fetch(remotes):
        asked.extend(remote.path for remote in remotes)
        raise DataError

    monkeypatch.setattr(MODULES["translation"], "fetch", fetch)
    with pytest.raises(DataError):
        translation("multi30k", "fr", "en")
    parts = ("train", "val", "test_2016_flickr")
    assert asked == [f"multi30k/{part}.{code}.gz" for part in parts for code in ("fr", "en")]


def tatoeba_zip(lines):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("_about.txt", "about")
        archive.writestr("fra.txt", "".join(f"{line}\n" for line in lines))
    return file.getvalue()


@pytest.mark.parametrize("attribution", ["", "\tCC-BY 2.0 (France)"])
def test_tatoeba(place, attribution):
    lines = [f"Go {n}!\t{verb} {n} !{attribution}" for n in range(200) for verb in ("Va", "Allez")]
    place("translation", tatoeba_zip(lines))
    splits = translation("tatoeba")
    assert sum(map(len, splits)) == 400
    assert sorted(splits.train + splits.valid + splits.test)[0] == (
        ["go", "0", "!"],
        ["allez", "0", "!"],
    )
    parts = [{" ".join(source) for source, _ in part} for part in splits]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 200
    assert all(parts)
    backwards = translation("tatoeba", "fr", "en")
    assert backwards.test == [(target, source) for source, target in splits.test]


@pytest.mark.parametrize("name, pair", [("multi30k", ("en", "it")), ("tatoeba", ("en", "de"))])
def test_languages_that_a_set_does_not_have(name, pair):
    with pytest.raises(ValueError, match=f"{name} has no '{pair[1]}'; it has: en"):
        translation(name, *pair)


def test_sst2(place):
    place("sentiment", b"1 a great  film\n0 bad\n", "0 clichés .\n".encode(), b"1 good\n")
    splits = sentiment("sst2")
    assert splits.train == [(["a", "great", "film"], 1), (["bad"], 0)]
    assert (splits.valid, splits.test) == ([(["clichés", "."], 0)], [(["good"], 1)])


def test_rotten_tomatoes(place):
    bad = [f"bad clich\xe9 \x85 {n}" for n in range(200)]
    good = [f"good one {n}" for n in range(200)]
    place(
        "sentiment",
        *(("".join(f"{line} \n" for line in side)).encode("latin-1") for side in (bad, good)),
    )
    splits = sentiment("rotten_tomatoes")
    examples = {(" ".join(tokens), label) for part in splits for tokens, label in part}
    assert (
        ("bad cliché 7", 0) in examples and ("good one 7", 1) in examples and len(examples) == 400
    )
    assert 250 < len(splits.train) < 370 and splits.valid and splits.test
    assert {label for _, label in sentiment("rotten_tomatoes", train=10).train} == {0, 1}


def test_imdb(place):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for part in ("test", "train"):
            for side in ("pos", "neg", "unsup"):
                for n in range(60):
                    text = f"A {side} film,<br /><br />number {n} of {part}.".encode()
                    info = tarfile.TarInfo(f"aclImdb/{part}/{side}/{n}_7.txt")
                    info.size = len(text)
                    archive.addfile(info, io.BytesIO(text))
        archive.addfile(tarfile.TarInfo("aclImdb/train/urls_pos.txt"))
    place("sentiment", file.getvalue())
    splits = sentiment("imdb")
    assert len(splits.train) + len(splits.valid) == 120 and len(splits.test) == 120
    assert 2 < len(splits.valid) < 30
    assert all((tokens[1] == "pos") == label for part in splits for tokens, label in part)
    assert splits.test[0] == (str.split("a neg film , number 0 of test ."), 0)
    assert [label for _, label in splits.test[:4]] == [0, 1, 0, 1]


def test_treebank_and_wikitext(place):
    for name in ("penn_treebank", "wikitext2"):
        place("language", b" a <unk> \n b N \n", b" \n = T = \n", b" c\n")
        words = language(name)
        assert words.train == [["a", "<unk>"], ["b", "N"]]
        assert words.valid == [[], ["=", "T", "="]] and words.test == [["c"]]
        assert language(name, "char").train == [list("a <unk>"), list("b N")]


def test_shakespeare(place):
    text = "".join(f"Line {n}:\n  Speak.\n\n" for n in range(20))
    place("language", text.encode())
    characters = language("tiny_shakespeare", "char")
    assert "".join(stream(chain(*characters), "\n")) == text
    assert [len(part) for part in characters] == [54, 3, 3]
    assert language("tiny_shakespeare").train[:3] == [["line", "0", ":"], ["speak", "."], []]


# --- the catalogue ------------------------------------------------------------------------------


def test_the_catalogue_is_sound():
    assert len({remote.path for remote in REMOTES}) == len(REMOTES)
    for remote in REMOTES:
        assert remote.path.count("/") == 1 and ".." not in remote.path
        for checksum in (remote.checksum, *remote.editions):
            algorithm, _, digits = checksum.partition(":")
            assert len(digits) == 2 * hashlib.new(algorithm).digest_size
            int(digits, 16)
        if "raw.githubusercontent.com" in remote.url:  # a branch could move under our checksums
            assert len(remote.url.split("/")[5]) == 40, remote.url


def test_the_docs_have_every_source_and_licence():
    docs = (ROOT / "docs/data.md").read_text(encoding="utf-8")
    for remote in REMOTES:
        folder = remote.path.partition("/")[0]
        assert any(
            f"`{folder}/`" in line and remote.url.rpartition("/")[0] + " |" in line
            for line in docs.split("\n")
        ), remote.url
    for module in MODULES.values():
        for name, data_set in module.SETS.items():
            [row] = [line for line in docs.split("\n") if line.startswith(f"| `{name}`")]
            assert data_set.licence in row


# --- the real files -----------------------------------------------------------------------------

HERE = {
    "multi30k": "multi30k",
    "tatoeba": "fra_eng",
    "sst2": "sst2",
    "rotten_tomatoes": "mr_polarity",
    "penn_treebank": "ptb",
    "tiny_shakespeare": "tinyshakespeare",
}


@pytest.fixture
def real(monkeypatch, tmp_path):
    """real(name): put the real files of this set where the loader looks, or skip."""
    monkeypatch.setenv("RNNCOURSE_DATA", str(tmp_path))

    def real(name):
        folder = SHARED / HERE[name]
        if not folder.is_dir():
            pytest.skip(f"needs the real files of {name} in {folder}")
        (tmp_path / name).mkdir()
        for file in folder.iterdir():
            target = "fra-eng.zip" if file.suffix == ".zip" else file.name
            (tmp_path / name / target).symlink_to(file)

    return real


@pytest.mark.slow
@pytest.mark.parametrize("target", ["de", "fr"])
def test_the_real_multi30k(real, target):
    real("multi30k")
    splits = translation("multi30k", "en", target)
    assert [len(part) for part in splits] == [29_000, 1_014, 1_000]
    assert all(source and target for part in splits for source, target in part)
    assert " ".join(splits.train[0][0]) == (
        "two young , white males are outside near many bushes ."
    )


@pytest.mark.parametrize("code, enough", [("en", 0.995), ("de", 0.99), ("fr", 0.995)])
def test_detokenise_gives_the_real_multi30k_back(real, code, enough):
    real("multi30k")
    with gzip.open(SHARED / f"multi30k/val.{code}.gz", "rt", encoding="utf-8") as file:
        lines = [" ".join(line.replace("’", "'").lower().split()) for line in file]
    same = [detokenise(tokenise(line, code), code) == line for line in lines]
    assert sum(same) / len(same) > enough


@pytest.mark.slow
def test_the_real_tatoeba(real):
    real("tatoeba")
    splits = translation("tatoeba", train=1000)
    assert splits.train[0] == (["go", "."], ["va", "!"])
    assert len(splits.train) == 1000 and len(splits.valid) > 10_000
    train, valid, test = ({" ".join(source) for source, _ in part} for part in splits)
    assert not train & test and not train & valid and len(valid & test) < len(test) / 100


def test_the_real_sst2(real):
    real("sst2")
    splits = sentiment("sst2")
    assert [len(part) for part in splits] == [6_920, 872, 1_821]
    assert [sum(label for _, label in part) for part in splits] == [3_610, 444, 909]


def test_the_real_rotten_tomatoes(real):
    real("rotten_tomatoes")
    splits = sentiment("rotten_tomatoes")
    labels = [label for part in splits for _, label in part]
    assert len(labels) == 10_662 and sum(labels) == 5_331
    assert any("cliché" in tokens for tokens, _ in splits.train)


def test_the_real_treebank(real):
    real("penn_treebank")
    texts = [stream(part, "<eos>") for part in language("penn_treebank")]
    assert [len(text) for text in texts] == [929_589, 73_760, 82_430]  # as everyone counts it
    assert len(set(texts[0])) == 10_000


def test_the_real_shakespeare(real):
    real("tiny_shakespeare")
    text = "".join(stream(chain(*language("tiny_shakespeare", "char")), "\n"))
    assert text.encode() == (SHARED / "tinyshakespeare/input.txt").read_bytes()
    assert len(set(text)) == 65
