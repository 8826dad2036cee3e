"""Loads family names, to predict the language from the characters."""

from collections import Counter
from collections.abc import Sequence

from .splits import Splits, divide

__all__ = ["LANGUAGES", "names"]

# Locales of faker with several hundred family names in Latin letters.
_LOCALES = {
    "de": "de_DE",
    "en": "en_GB",
    "es": "es_ES",
    "et": "et_EE",
    "fi": "fi_FI",
    "fr": "fr_FR",
    "ga": "ga_IE",
    "hr": "hr_HR",
    "it": "it_IT",
    "nl": "nl_NL",
    "sk": "sk_SK",
    "sv": "sv_SE",
    "zu": "zu_ZA",
}
LANGUAGES = tuple(_LOCALES)


def names(languages: Sequence[str] = LANGUAGES) -> Splits:
    """Pairs (characters of a family name, label); label n stands for languages[n].

    languages: which of LANGUAGES to distinguish. Names that occur in more than one of them are left
    out. The languages differ in size (400 to 2,400 names): the baseline to beat is a model that
    always predicts the largest. The names differ slightly between versions of faker, so record
    `checksum()` with results.
    Errors: ValueError for an unknown language, one given twice, or fewer than two.
    Licence: MIT. Source: the locales of the package faker.
    """
    if unknown := [language for language in languages if language not in _LOCALES]:
        raise ValueError(f"no names for {unknown}; available: {', '.join(LANGUAGES)}")
    if len(set(languages)) != len(languages) or len(languages) < 2:
        raise ValueError(f"languages are {list(languages)}: give two or more different ones")
    by_language = [_family_names(_LOCALES[language]) for language in languages]
    occurrences = Counter(name for family_names in by_language for name in family_names)
    examples = [
        (list(name), label)
        for label, family_names in enumerate(by_language)
        for name in sorted(family_names)
        if occurrences[name] == 1
    ]
    return Splits(
        name=f"names ({', '.join(languages)})",
        **divide(examples, key=lambda example: "".join(example[0])),
        source=f"faker {_version()}",
        licence="MIT",
        tokens="characters as they are",
    )


def _family_names(locale: str) -> set[str]:
    import importlib

    module = importlib.import_module(f"faker.providers.person.{locale}")
    return set(module.Provider.last_names)


def _version() -> str:
    import importlib.metadata

    return importlib.metadata.version("faker")
