"""Loads pairs of sentences in two languages."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from .archive import read_gzip, read_zip
from .download import Remote, fetch
from .splits import (
    SPLIT_NAMES,
    DataSet,
    Splits,
    convert_first,
    divide,
    generate,
    look_up,
    sizes_of,
    split_of,
)
from .tokenisation import TOKENS, tokenise

if TYPE_CHECKING:
    from babel import Locale

__all__ = ["phrases_held_back", "translation"]

_MULTI30K = (
    "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a"
    "/data/task1/raw"
)
_MULTI30K_SUMS = {
    "train.de": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    "train.en": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    "train.fr": "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
    "val.de": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    "val.en": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    "val.fr": "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
    "test_2016_flickr.de": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    "test_2016_flickr.en": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
    "test_2016_flickr.fr": "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
}
MULTI30K = {
    name: Remote(f"multi30k/{name}.gz", f"{_MULTI30K}/{name}.gz", f"sha256:{checksum}")
    for name, checksum in _MULTI30K_SUMS.items()
}
TATOEBA = (
    Remote(
        "tatoeba/fra-eng.zip",
        "http://d2l-data.s3-accelerate.amazonaws.com/fra-eng.zip",
        "sha1:94646ad1522d915e7b0f9296181140edcf86a4f5",
        # The edition of September 2017, which no longer has a fixed address.
        editions=("sha256:16c4f7d0df9e7c5e6c54cdb0447f3f4a18a55052ff5e2e0b27dd4a06c0e49d04",),
    ),
)


def translation(
    name: str = "phrases",
    source: str = "en",
    target: str = "fr",
    train: int | None = None,
    valid: int | None = None,
    test: int | None = None,
    seed: int = 0,
) -> Splits:
    """Pairs (source tokens, target tokens) with the same meaning in two languages.

    name:
        "phrases"   dates, spans of time, quantities, prices, lists of countries and languages, one
                    to three of them joined; composed by our own grammar from the Unicode CLDR, the
                    data with which computers write dates and numbers in each language. No
                    download. Real words, agreement and word order ("Sunday, March 10, 2024" ->
                    "dimanche 10 mars 2024"), but phrases, not sentences with verbs. Licence:
                    Unicode License v3. Source: CLDR, through the package babel (BSD).
        "multi30k"  descriptions of photographs in English, German and French: 29,000 / 1,014 /
                    1,000 (test_2016_flickr). Licence: research and education, non-commercial.
                    Source: Elliott et al. 2016, 2017.
        "tatoeba"   everyday sentences in English and French, the shortest first; no English
                    sentence is in two of the lists. Licence: CC BY 2.0. Source: tatoeba.org and
                    manythings.org/anki.
    source, target: language codes; for "phrases" any two that babel has enough data for, such as
        "en", "fr", "de", "ja", "pt_BR".
    train, valid, test: how many. None is 10,000, 1,000 and 1,000 phrases, or all pairs of a real
        set; a number is the first ones of a real set.
    seed: for "phrases"; the same seed and the same version of babel give the same pairs. No source
        phrase occurs twice, in one list or in two. One phrase in twenty is in no list of any seed:
        `phrases_held_back` returns those.

    All text is cut by `tokenise`, which lowers the case; `detokenise` joins it again.
    Errors: ValueError for an unknown name or language; DataError when a download fails.
    """
    data_set = look_up(SETS, name, "set of pairs")
    if source == target:
        raise ValueError(f"source and target are both {source!r}; translation needs two languages")
    sizes = sizes_of(train, valid, test)
    origin = data_set.source
    if name == "phrases":
        examples = data_set.read(source, target, sizes, seed)
        origin += f" through babel {_babel_version()}, seed {seed}"
    else:
        examples = convert_first(
            data_set.read(source, target),
            sizes,
            lambda pair: (tokenise(pair[0], source), tokenise(pair[1], target)),
        )
    return Splits(
        name=f"{name} ({source} to {target})",
        **examples,
        source=origin,
        licence=data_set.licence,
        tokens=TOKENS,
    )


# --- phrases ------------------------------------------------------------------------------------

# Codes of CLDR. Those for which one of the two languages has no name are left out.
CODES = {
    "territories": str.split(
        "AR AT AU BE BR CA CH CL CN CO CU CZ DE DK DZ EG ES FI FR GB GR HU ID IE IL IN IR IS IT JP "
        "KE KR LB LU MA MX NG NL NO NZ PE PH PK PL PT RO RS RU SE SN TH TN TR UA US VN ZA"
    ),
    "languages": str.split(
        "ar bg bn ca cs da de el en es fa fi fr he hi hr hu id it ja ko nl pl pt ro ru sv sw th tr "
        "uk vi zh"
    ),
    "currencies": str.split("AUD BRL CAD CHF CNY EUR GBP INR JPY MXN PLN RUB SEK USD ZAR"),
    "units": str.split(
        "duration-second duration-minute duration-hour duration-day duration-week duration-month "
        "duration-year length-centimeter length-meter length-kilometer length-mile length-foot "
        "mass-gram mass-kilogram mass-pound volume-liter temperature-celsius"
    ),
    "rates": str.split(
        "length-kilometer/duration-hour length-meter/duration-second volume-liter/duration-minute "
        "mass-kilogram/duration-day length-centimeter/duration-year"
    ),
}
Granularity = Literal["minute", "hour", "day", "week", "month", "year"]
# The units of relative times, in seconds.
AGO: dict[Granularity, int] = {
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 604800,
    "month": 2592000,
    "year": 31536000,
}
FIRST, LAST = date(1950, 1, 1).toordinal(), date(2049, 12, 31).toordinal()

Codes = dict[str, list[str]]  # those of CODES that both languages have names for
# A phrase is drawn once, and then written in each language.
Phrase = Callable[["Locale"], str]


def _date(rng: random.Random, codes: Codes) -> Phrase:
    from babel.dates import format_date, format_skeleton

    day = date.fromordinal(rng.randint(FIRST, LAST))
    style = rng.choice(("full", "full", "long", "MMMMd", "yMMMM"))
    if style in ("full", "long"):
        return lambda locale: format_date(day, style, locale=locale)
    return lambda locale: format_skeleton(style, day, locale=locale)


def _range_of_dates(rng: random.Random, codes: Codes) -> Phrase:
    from babel.dates import format_interval

    start = rng.randint(FIRST, LAST - 60)
    days = date.fromordinal(start), date.fromordinal(start + rng.randint(1, 60))
    return lambda locale: format_interval(*days, "yMMMd", locale=locale)


def _relative_time(rng: random.Random, codes: Codes) -> Phrase:
    from babel.dates import format_timedelta

    unit = rng.choice(list(AGO))
    span = timedelta(seconds=rng.choice((-1, 1)) * rng.randint(1, 30) * AGO[unit])
    return lambda locale: format_timedelta(
        span, granularity=unit, threshold=float("inf"), add_direction=True, locale=locale
    )


def _quantity(rng: random.Random, codes: Codes) -> Phrase:
    number, unit = _number(rng), rng.choice(codes["units"])
    return lambda locale: _quantity_in_words(number, unit, locale)


def _rate(rng: random.Random, codes: Codes) -> Phrase:
    number, unit = _number(rng), rng.choice(codes["rates"])
    return lambda locale: _quantity_in_words(number, unit, locale)


def _quantity_in_words(number: int, unit: str, locale: Locale) -> str:
    """Errors: LookupError when the locale has no words for this unit."""
    from babel.units import format_compound_unit, format_unit

    measured, _, per = unit.partition("/")
    # When the long form equals the short one, babel has only the short one and returns the code of
    # the unit instead of the long one.
    for length in ("long", "short"):
        if per:
            text = format_compound_unit(
                number, measured, denominator_unit=per, length=length, locale=locale
            )
        else:
            text = format_unit(number, measured, length=length, locale=locale)
        if text and measured not in text and (not per or per not in text):
            return text
    raise LookupError(f"{locale} has no words for {unit}")


def _price(rng: random.Random, codes: Codes) -> Phrase:
    from babel.numbers import format_currency

    number, currency = _number(rng), rng.choice(codes["currencies"])
    return lambda locale: format_currency(
        number, currency, "#,##0", locale, currency_digits=False, format_type="name"
    )


def _list_of_names(rng: random.Random, codes: Codes) -> Phrase:
    from babel.lists import format_list

    kind = rng.choice(("territories", "languages"))
    chosen = rng.sample(codes[kind], rng.randint(1, 3))
    style: Literal["standard", "or"] = rng.choice(("standard", "standard", "or"))
    return lambda locale: format_list(
        [getattr(locale, kind)[code] for code in chosen], style, locale
    )


def _variety(rng: random.Random, codes: Codes) -> Phrase:
    language, country = rng.choice(codes["languages"]), rng.choice(codes["territories"])
    return lambda locale: f"{locale.languages[language]} ({locale.territories[country]})"


def _number(rng: random.Random) -> int:
    # Small numbers more often: nouns agree with those.
    return rng.choice((rng.randint(1, 9), rng.randint(1, 99), 10 * rng.randint(1, 99)))


PHRASES = (
    _date,
    _date,
    _range_of_dates,
    _relative_time,
    _relative_time,
    _quantity,
    _rate,
    _price,
    _list_of_names,
    _variety,
)


HELD_BACK = "held back"


def phrases_held_back(source: str, target: str, count: int, seed: int) -> list:
    """Phrases that `translation` never returns, whatever its seed, to test what was trained on it.

    The capstone is graded with them, from a seed that is drawn during grading.
    Returns `count` pairs (source tokens, target tokens), no source phrase twice.
    """
    return _phrases(source, target, {HELD_BACK: count}, seed)[HELD_BACK]


def _split_of_phrase(key: str) -> str:
    """As `split_of`, but half of the test phrases are held back."""
    split = split_of(key)
    odd = hashlib.sha256(f"{HELD_BACK}: {key}".encode()).digest()[0] % 2
    return HELD_BACK if split == "test" and odd else split


def _phrases(source: str, target: str, sizes: dict[str, int | None], seed: int) -> dict[str, list]:
    source_locale, target_locale = _locale(source), _locale(target)
    codes = {
        kind: [
            code
            for code in all_codes
            if _has_name(source_locale, kind, code) and _has_name(target_locale, kind, code)
        ]
        for kind, all_codes in CODES.items()
    }
    for kind, all_codes in CODES.items():
        if len(codes[kind]) < len(all_codes) / 2:
            raise ValueError(
                f"babel knows only {len(codes[kind])} of {len(all_codes)} {kind} in both "
                f"{source!r} and {target!r}: too few to compose phrases from"
            )

    def write(phrases: list[Phrase], locale: Locale) -> list[str]:
        return tokenise(_joined([phrase(locale) for phrase in phrases], locale), str(locale))

    def draw(rng: random.Random) -> tuple[list[str], list[str]]:
        phrases = [rng.choice(PHRASES)(rng, codes) for _ in range(rng.choice((1, 1, 2, 2, 3)))]
        return write(phrases, source_locale), write(phrases, target_locale)

    return generate(draw, lambda pair: " ".join(pair[0]), sizes, seed, _split_of_phrase)


def _has_name(locale: Locale, kind: str, code: str) -> bool:
    """Whether the locale has its own name for this code of CODES."""
    if kind in ("territories", "languages", "currencies"):
        return code in getattr(locale, kind)
    try:
        return bool(_quantity_in_words(2, code, locale))
    except LookupError:
        return False


def _joined(texts: list[str], locale: Locale) -> str:
    from babel.lists import format_list

    return format_list(texts, "standard", locale)


def _locale(code: str) -> Locale:
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(code.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        raise ValueError(
            f'babel does not know the language {code!r}; codes look like "en", "fr" or "pt_BR"'
        ) from None


def _babel_version() -> str:
    import babel

    return babel.__version__


# --- real ---------------------------------------------------------------------------------------

# Each reader returns the pairs of texts of each split.


def _multi30k(source: str, target: str) -> dict[str, list]:
    _check_languages("multi30k", ("en", "de", "fr"), source, target)
    files = [
        MULTI30K[f"{part}.{language}"]
        for part in ("train", "val", "test_2016_flickr")
        for language in (source, target)
    ]
    texts = [
        read_gzip(path).decode("utf-8").removesuffix("\n").split("\n") for path in fetch(files)
    ]
    return {
        split: list(zip(texts[2 * number], texts[2 * number + 1], strict=True))
        for number, split in enumerate(SPLIT_NAMES)
    }


def _tatoeba(source: str, target: str) -> dict[str, list]:
    _check_languages("tatoeba", ("en", "fr"), source, target)
    [path] = fetch(TATOEBA)
    lines = read_zip(path, "fra.txt").decode("utf-8").removesuffix("\n").split("\n")
    # English, French, and in later editions the authors. Divided by the English sentence, since
    # many have several translations.
    divided = divide([line.split("\t")[:2] for line in lines], key=lambda pair: pair[0])
    if source == "fr":
        return {split: [pair[::-1] for pair in pairs] for split, pairs in divided.items()}
    return divided


def _check_languages(name: str, languages: tuple[str, ...], *requested: str) -> None:
    for language in requested:
        if language not in languages:
            raise ValueError(f"{name} has no {language!r}; it has: {', '.join(languages)}")


SETS = {
    "phrases": DataSet(_phrases, "CLDR", "Unicode License v3"),
    "multi30k": DataSet(
        _multi30k,
        "Multi30k, task 1: Elliott et al. 2016, 2017",
        "research and education, non-commercial",
    ),
    "tatoeba": DataSet(_tatoeba, "tatoeba.org, through manythings.org/anki", "CC BY 2.0"),
}
