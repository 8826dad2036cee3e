"""The built-in sets: what they promise about order, overlap, seeds and content."""

import platform
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

from rnncourse.data import (
    Splits,
    detokenise,
    language,
    names,
    sentiment,
    stream,
    tokenise,
    toy,
    translation,
)
from rnncourse.data.splits import split_of

SMALL = {"train": 400, "valid": 30, "test": 20}
GENERATED = {
    "phrases": lambda **given: translation(**(SMALL | given)),
    "synthetic": lambda **given: sentiment(**(SMALL | given)),
    "reverse": lambda **given: toy("reverse", **(SMALL | given)),
    "add": lambda **given: toy("add", **(SMALL | given)),
}


@pytest.fixture(params=GENERATED)
def generated(request):
    return GENERATED[request.param]


def sources(examples):
    return [tuple(example[0]) for example in examples]


# --- all that is generated ----------------------------------------------------------------------


def test_sizes_and_no_overlap(generated):
    splits = generated()
    assert {name: len(getattr(splits, name)) for name in SMALL} == SMALL
    everything = [source for part in splits for source in sources(part)]
    assert len(set(everything)) == len(everything)


def test_the_seed_decides_alone(generated):
    random.seed(1)
    torch.manual_seed(1)
    state = random.getstate()
    first = generated(seed=3)
    assert random.getstate() == state
    assert first == generated(seed=3)
    assert first.checksum() == generated(seed=3).checksum() != generated(seed=4).checksum()


def test_no_overlap_between_seeds_and_sizes(generated):
    train = set(sources(generated(seed=0).train))
    other = generated(seed=1, test=200)
    assert train.isdisjoint(sources(other.test)) and train.isdisjoint(sources(other.valid))


def test_more_examples_begin_with_the_same_ones(generated):
    small, large = generated(), generated(train=500, test=25)
    assert large.train[:400] == small.train and large.test[:20] == small.test
    assert large.valid == small.valid


def test_none_of_a_kind_can_be_asked_for(generated):
    splits = generated(train=1, valid=0, test=0)
    assert len(splits.train) == 1 and splits.valid == splits.test == []


def test_negative_sizes_are_refused(generated):
    with pytest.raises(ValueError, match=r"negative.*'valid': -1"):
        generated(valid=-1)


def test_splits_say_what_they_are(generated):
    splits = generated()
    assert isinstance(splits, Splits)
    train, valid, test = splits
    assert (train, valid, test) == (splits.train, splits.valid, splits.test)
    lines = repr(splits).split("\n")
    assert "train 400 · valid 30 · test 20" in lines[0]
    assert [line.split(":")[0] for line in lines[1:]] == ["source", "licence", "tokens"]
    assert len(repr(splits)) < 500


def test_the_split_is_8_to_1_to_1():
    counts = Counter(split_of(f"sentence {n}") for n in range(10_000))
    assert abs(counts["train"] - 8000) < 200
    assert abs(counts["valid"] - 1000) < 120 and abs(counts["test"] - 1000) < 120


@pytest.mark.parametrize("load", [translation, sentiment, language, toy])
def test_an_unknown_name_is_answered_with_the_known_ones(load):
    with pytest.raises(ValueError, match=r"'squad'; available: .*, "):
        load("squad")


# --- toys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, rule",
    [
        ("copy", lambda s: s),
        ("reverse", lambda s: "".join(reversed(s))),
        ("sort", lambda s: "".join(c * s.count(c) for c in "abcdefghijklmnopqrstuvwxyz")),
        ("add", lambda s: str(int(s.split("+")[0]) + int(s.split("+")[1]))),
    ],
)
def test_toys_follow_their_rule(name, rule):
    splits = toy(name, 300, 30, 30, longest=7)
    lengths = Counter()
    for source, target in [*splits.train, *splits.valid, *splits.test]:
        text = "".join(source)
        assert "".join(target) == rule(text)
        assert all(len(token) == 1 for token in source + target)
        assert all(number == str(int(number)) for number in re.findall(r"\d+", text))
        lengths[len(text)] += 1
    assert set(lengths) == set(range(3 if name == "add" else 1, 8))


def test_too_many_toys():
    with pytest.raises(ValueError, match=r"too few different examples.*longer"):
        toy("copy", train=700, valid=10, test=10, longest=2)
    with pytest.raises(ValueError, match="longest is 1"):
        toy("add", longest=1)


# --- phrases ------------------------------------------------------------------------------------

MONTHS_FR = str.split(
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
)
MONTHS_EN = str.split(
    "january february march april may june july august september october november december"
)
WEEKDAYS_FR = {
    "monday": "lundi",
    "tuesday": "mardi",
    "wednesday": "mercredi",
    "thursday": "jeudi",
    "friday": "vendredi",
    "saturday": "samedi",
    "sunday": "dimanche",
}


def test_phrases_say_the_same_in_both_languages():
    """Oracles of our own for what a regular expression can read in both languages."""
    dates = agos = units = 0
    for en, fr in translation(train=1500, valid=0, test=0).train:
        en, fr = " ".join(en), " ".join(fr)
        full = r"(\w+day) , ({}) (\d+) , (\d{{4}})".format("|".join(MONTHS_EN))
        for weekday, month, day, year in re.findall(full, en):
            month_fr = MONTHS_FR[MONTHS_EN.index(month)]
            first = "1er" if day == "1" else day
            assert re.search(f"{WEEKDAYS_FR[weekday]} ({day}|{first}) {month_fr} {year}", fr), (
                en,
                fr,
            )
            dates += 1
        for number, unit in re.findall(r"(\d+) (day|week|hour|minute)s? ago", en):
            unit_fr = {"day": "jour", "week": "semaine", "hour": "heure"}.get(unit, unit)
            plural = "s" if int(number) > 1 else ""
            assert f"il y a {number} {unit_fr}{plural}" in fr, (en, fr)
            agos += 1
        for number in re.findall(r"(\d+) kilometers?(?! per)", en):
            assert f"{number} kilomètre{'s' if int(number) > 1 else ''}" in fr, (en, fr)
            units += 1
    assert min(dates, agos, units) > 20


def test_phrases_have_few_words_and_short_sentences():
    splits = translation(train=2000, valid=0, test=0)
    for side in (0, 1):
        assert 300 < len({token for pair in splits.train for token in pair[side]}) < 600
        assert max(len(pair[side]) for pair in splits.train) < 40
        assert min(len(pair[side]) for pair in splits.train) >= 1


@pytest.mark.parametrize("code", ["de", "ru", "ar", "ja", "zh", "hi", "th", "pt_BR", "sw", "tr"])
def test_other_languages(code):
    splits = translation("phrases", code, "en", **(SMALL | {"train": 60}))
    text = " ".join(token for pair in splits.train for token in pair[0])
    assert not re.search("duration|length|mass-|volume|temperature-", text)  # codes for words
    assert sum(source == target for source, target in splits.train) < 4
    assert f"({code} to en)" in repr(splits)


@pytest.mark.parametrize(
    "source, target, message",
    [
        ("en", "xx", "does not know the language 'xx'"),
        ("english", "fr", "does not know the language 'english'"),
        ("en", "en", "both 'en'"),
        ("en", "vo", "babel knows only .* 'vo'"),
        ("", "en", "does not know the language ''"),
    ],
)
def test_languages_that_cannot_be(source, target, message):
    with pytest.raises(ValueError, match=message):
        translation("phrases", source, target)


# --- synthetic reviews --------------------------------------------------------------------------


GOOD = str.split(
    "brilliant charming clever delightful excellent fine fresh funny good great lovely moving "
    "strong superb warm wonderful"
)


def read(tokens):
    """A reader that shares nothing with the grammar: it goes through the words in order."""
    text = " ".join(tokens)
    if text.startswith(("although", "even if")):
        clause = text.split(" , ")[1]
    elif " , although " in text or " , even if " in text:
        clause = text.split(" , ")[0]
    else:
        clause = re.split(" , but | , yet | ; still , ", text)[1]
    turned = len(re.findall(r"\b(not|hardly|far from|nobody)\b", clause))
    adjectives = [word for word in clause.split() if word in GOOD]
    return (len(adjectives) + turned) % 2


def test_whoever_reads_in_order_is_always_right():
    splits = sentiment(train=3000, valid=0, test=0)
    assert all(read(tokens) == label for tokens, label in splits.train)


def test_a_bag_of_words_stays_at_chance():
    splits = sentiment(train=4000, valid=0, test=1000)
    words = {word for tokens, _ in splits.train for word in tokens}
    column = {word: number for number, word in enumerate(sorted(words))}

    def bags(examples):
        x = torch.zeros(len(examples), len(words))
        for row, (tokens, _) in enumerate(examples):
            for word, count in Counter(tokens).items():
                x[row, column[word]] = count
        return x, torch.tensor([float(label) for _, label in examples])

    x, y = bags(splits.train)
    w = torch.zeros(len(words), requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([w, b], max_iter=50)

    def loss():
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(x @ w + b, y)
        value.backward()
        return value

    optimizer.step(loss)
    x, y = bags(splits.test)
    accuracy = ((x @ w + b > 0) == (y > 0.5)).double().mean().item()
    assert 0.44 < accuracy < 0.56  # chance is 0.5, with a standard deviation of 0.016


def test_every_review_has_a_twin_of_the_same_words_and_the_other_label():
    """Not one bag of words, seen often enough, leans to a label."""
    opinions = r"((?:i think |nobody can say that )?the \w+ is [\w ]+?)"
    splits = sentiment(train=1000, valid=0, test=0)
    for tokens, label in splits.train:
        text = " ".join(tokens)
        for pattern in (
            rf"{opinions} , (?:but|yet|although|even if) {opinions}",
            rf"{opinions} ; still , {opinions}",
            rf"(?:although|even if) {opinions} , {opinions}",
        ):
            if match := re.fullmatch(pattern, text):
                break
        (a, b), (c, d) = match.span(1), match.span(2)
        twin = text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]
        assert Counter(twin.split()) == Counter(tokens)
        assert read(twin.split()) == 1 - label
    assert 450 < sum(label for _, label in splits.train) < 550


# --- the manual ---------------------------------------------------------------------------------


def test_the_manual_by_words_and_by_characters():
    words, characters = language(), language("python_manual", "char")
    assert sum(map(len, words.train)) > 40_000
    assert all(line for part in words for line in part)
    assert all(len(token) == 1 for line in characters.valid for token in line)
    text = "".join(stream(characters.train, "\n"))
    assert len(text) > 200_000 and text.count("\n") == len(characters.train)
    assert platform.python_version() in repr(words)
    assert words.checksum() == language().checksum() != characters.checksum()


def test_no_paragraph_of_the_manual_is_in_two_parts():
    train, valid, test = (set(map(tuple, part)) for part in language())
    assert len(train) > 1000 and len(valid) > 100 and len(test) > 100
    # Two that differ in capitals only could fall apart; there are hardly any.
    assert len(train & valid) + len(train & test) + len(valid & test) <= 3


def test_levels():
    with pytest.raises(ValueError, match='"word" or "char"'):
        language(level="byte")


# --- names --------------------------------------------------------------------------------------


def test_names():
    splits = names(["fi", "it"])
    everything = [("".join(name), label) for part in splits for name, label in part]
    assert ("Virtanen", 0) in everything and ("Russo", 1) in everything
    assert len({name for name, _ in everything}) == len(everything)
    assert len(splits.train) > 5 * len(splits.test) > 0


@pytest.mark.parametrize("languages", [["fi", "xx"], ["fi"], ["fi", "fi"], []])
def test_names_of_languages_that_cannot_be(languages):
    with pytest.raises(ValueError, match=r"no names for \['xx'\]|two or more"):
        names(languages)


# --- tokens -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code, text, tokens",
    [
        ("en", "Don't walk 1,500 miles, Ann!", "don 't walk 1,500 miles , ann !"),
        ("en", "The dog’s T-shirt (red) cost $3.50.", "the dog 's t-shirt ( red ) cost $ 3.50 ."),
        ("en", 'He said: "at 10:30".', 'he said : " at 10:30 " .'),
        ("en", "the 3rd __init__ 'x' of 2.", "the 3rd __init__ ' x ' of 2 ."),
        ("fr", "L’homme s'assied\u202f!", "l' homme s' assied !"),
        ("fr", "Qu'est-ce «\u00a0là\u00a0»\u00a0?", "qu' est-ce « là » ?"),
        ("it", "l'acqua", "l' acqua"),
        ("de", "Am 10. März, „so“.", "am 10 . märz , „ so “ ."),
        ("ja", "2024年3月10日、キロ", "2024 年 3 月 10 日 、 キ ロ"),
        ("hi", "10 किलोमीटर, स्पेन।", "10 किलोमीटर , स्पेन ।"),
        ("ar", "الأحد، 10 مارس\u200f", "الأحد ، 10 مارس"),
        ("tr", "ISPARTA İzmir", "ısparta izmir"),
        ("en", "İzmir e\u0301te\u0301", "izmir été"),
        ("en", " \t\n", ""),
    ],
)
def test_tokenise(code, text, tokens):
    assert tokenise(text, code) == tokens.split()


@pytest.mark.parametrize(
    "code, text",
    [
        ("en", 'the dogs don\'t say "no", ann (aged 3.5): walk!'),
        ("en", "it cost $3.50; the 2nd t-shirt, [new], cost 10%."),
        ("fr", "l'homme dit : « qu'est-ce ? » ; il s'assied !"),
        ("de", "am 10. märz, „so“, sagt er: 50 % mehr!"),
        ("ja", "2024 年 3 月 10 日、東京。"),
        ("es", "¿qué? ¡hola!"),
        ("en", ""),
    ],
)
def test_detokenise_puts_together_what_was_cut(code, text):
    assert detokenise(tokenise(text, code), code) == text


# --- the package --------------------------------------------------------------------------------


@pytest.mark.slow
def test_importing_loads_none_of_the_helpers():
    code = (
        "import sys, torch; before = set(sys.modules); import rnncourse.data;"
        "print({'pooch', 'babel', 'requests', 'faker'} & (set(sys.modules) - before))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


def test_the_course_does_not_import_data_until_it_is_asked_for():
    code = "import sys, rnncourse; sys.exit(any('data' in m for m in sys.modules if 'rnn' in m))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_data_needs_no_reference_that_a_problem_set_may_hide():
    import rnncourse.data

    folder = Path(rnncourse.data.__file__).parent
    for path in folder.glob("*.py"):
        assert "rnncourse.reference" not in path.read_text() and "from .." not in path.read_text()
