"""Cuts text into tokens and joins them again, by rules that fit on a page.

What `tokenise` does, in this order:
1. Unicode NFC, lower case, curly apostrophes made straight, invisible direction marks removed.
2. A number keeps its inner points, commas and colons: "1,500", "3.5", "10:30" are one token each.
3. A word keeps its inner hyphens ("t-shirt"). It is cut at an apostrophe: in French, Italian and
   Catalan after it ("l'homme" -> "l'", "homme"), in all other languages before it
   ("don't" -> "don", "'t").
4. A Chinese character or Japanese kana is a token by itself. Other scripts that use no spaces
   (Thai, Lao, Khmer, Burmese) are not cut further: a run of letters is one token.
5. Every other mark is a token by itself. White space separates tokens and is not kept.
"""

import re
import sys
import unicodedata

__all__ = ["SPACES", "TOKENS", "detokenise", "tokenise"]

TOKENS = "lower case; words, numbers and marks apart (rnncourse.data.tokenise)"
SPACES = "as it comes, separated by spaces"

_CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# A list instead of `\W`, because Python counts the vowel signs of Indian scripts as \W.
_MARKS = (
    "!-/:-@\\[-^`{-~"  # ASCII but for letters, digits and _
    "\u00a1-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7"  # Latin
    "\u0387\u055a-\u055f\u0589\u058a\u05be\u05c0\u05c3\u05f3\u05f4"  # Greek, Armenian, Hebrew
    "\u0609-\u060d\u061b-\u061f\u066a-\u066d\u06d4\u0964\u0965"  # Arabic, Devanagari
    "\u1361-\u1368\u166e\u17d4-\u17d6"  # Ethiopic, Canadian, Khmer
    "\u2010-\u2027\u2030-\u205e\u20a0-\u20cf\u2190-\u2bff"  # punctuation, currency, symbols
    "\u3001-\u3004\u3008-\u3020\u3030\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
_LETTER = f"[^\\s{_MARKS}{_CJK}]"
_WORD = f"{_LETTER}+(?:-{_LETTER}+)*"
_NUMBER = f"\\d+(?:[.,:]\\d+)+(?!{_LETTER})"
_CUT_AFTER = re.compile(f"{_NUMBER}|{_WORD}'(?={_LETTER})|{_WORD}|\\S")
_CUT_BEFORE = re.compile(f"{_NUMBER}|(?<={_LETTER})'{_LETTER}+|{_WORD}|\\S")
_ELIDING = {"fr", "it", "ca"}

_DOTLESS = {"tr", "az"}  # in these, the lower case of I is ı; in all languages, that of İ is i
_CLEAN = str.maketrans(
    {"’": "'", "ʼ": "'", "İ": "i", **dict.fromkeys("\u200e\u200f\u061c\u2060\ufeff")}
)


def tokenise(text: str, language: str = "en") -> list[str]:
    """The tokens of a text, by the rules at the top of this module.

    language: a code such as "en" or "fr_CA"; it decides only on which side of an apostrophe to cut.

    >>> tokenise("Don't walk 1,500 miles, Ann!")
    ['don', "'t", 'walk', '1,500', 'miles', ',', 'ann', '!']
    >>> tokenise("L’homme au tee-shirt s'assied.", "fr")
    ["l'", 'homme', 'au', 'tee-shirt', "s'", 'assied', '.']
    """
    text = unicodedata.normalize("NFC", text).translate(_CLEAN)
    if _base(language) in _DOTLESS:
        text = text.replace("I", "ı")
    text = text.lower()
    pattern = _CUT_AFTER if _base(language) in _ELIDING else _CUT_BEFORE
    # Interned, each word is in memory once: IMDb has 12 million tokens.
    return [sys.intern(token) for token in pattern.findall(text)]


def _base(language: str) -> str:
    """ "fr" for "fr_CA"."""
    return re.split("[-_]", language)[0].lower()


_JOINS_LEFT = set(".,)]}…%»”;:!?、。，．）］」』：；！？،؛؟।")  # no space before these
_JOINS_RIGHT = set("([{«“„¿¡#、。「『（，")  # no space after these
# Exceptions of single languages: also joined left, also joined right, joined neither way.
_EXCEPTIONS = {
    "en": ("", "$£€", ""),
    "de": ("“", "", "“%"),
    "fr": ("", "", ";:!?%«»"),
}
_IS_CJK = re.compile(f"[{_CJK}]")


def detokenise(tokens: list[str], language: str = "en") -> str:
    """The tokens as a normally written text; good enough to score with sacrebleu.

    Spaces follow the rules of the language: none before a full stop or after "(", none inside
    "don't" and "l'homme", in French one before ; : ! ? and inside « », none between Chinese or
    Japanese characters; straight quotes alternate between opening and closing. What `tokenise`
    removed (capitals, kinds of spaces, curly apostrophes) is not restored, so score lower case
    against lower case:

        sacrebleu.corpus_bleu(
            [detokenise(tokens, "fr") for tokens in hypotheses],
            [[detokenise(tokens, "fr") for tokens in references]],
        )

    >>> detokenise(['don', "'t", 'walk', '1,500', 'miles', ',', 'ann', '!'])
    "don't walk 1,500 miles, ann!"
    """
    more_left, more_right, apart = _EXCEPTIONS.get(_base(language), ("", "", ""))
    joins_left = (_JOINS_LEFT - set(apart)) | set(more_left)
    joins_right = (_JOINS_RIGHT - set(apart)) | set(more_right)
    text = ""
    glued = True  # the next token follows without a space
    quoted = False  # inside straight quotes
    for token in tokens:
        quote = token == '"'
        joins = (
            glued
            or (quote and quoted)
            or token in joins_left
            or (len(token) > 1 and token.startswith("'"))
            or (_IS_CJK.match(token) and _IS_CJK.match(text[-1:]))
        )
        text += token if joins else " " + token
        glued = (
            (quote and not quoted)
            or token in joins_right
            or (len(token) > 1 and token.endswith("'"))
        )
        quoted = quoted != quote
    return text
