"""Letters of other alphabets that look like Latin ones: two names that nobody can tell apart.

Only pairs across alphabets are listed (Unicode Technical Standard 39 calls them confusables);
``1`` and ``l`` or ``0`` and ``O`` are different letters of one alphabet and stay apart.
"""

from __future__ import annotations

import unicodedata

_PAIRS = (
    # Cyrillic
    ("\u0430", "a"), ("\u0435", "e"), ("\u043e", "o"), ("\u0440", "p"), ("\u0441", "c"),
    ("\u0443", "y"), ("\u0445", "x"), ("\u0456", "i"), ("\u0458", "j"), ("\u0455", "s"),
    ("\u04bb", "h"), ("\u0501", "d"), ("\u051b", "q"), ("\u051d", "w"), ("\u04cf", "l"),
    ("\u0410", "A"), ("\u0412", "B"), ("\u0415", "E"), ("\u041a", "K"), ("\u041c", "M"),
    ("\u041d", "H"), ("\u041e", "O"), ("\u0420", "P"), ("\u0421", "C"), ("\u0422", "T"),
    ("\u0423", "Y"), ("\u0425", "X"), ("\u0406", "I"), ("\u0408", "J"), ("\u0405", "S"),
    # Greek
    ("\u03bf", "o"), ("\u03bd", "v"), ("\u03b1", "a"), ("\u03c1", "p"), ("\u03b9", "i"),
    ("\u0391", "A"), ("\u0392", "B"), ("\u0395", "E"), ("\u0396", "Z"), ("\u0397", "H"),
    ("\u0399", "I"), ("\u039a", "K"), ("\u039c", "M"), ("\u039d", "N"), ("\u039f", "O"),
    ("\u03a1", "P"), ("\u03a4", "T"), ("\u03a5", "Y"), ("\u03a7", "X"),
    # Others without case
    ("\u0131", "i"), ("\u0261", "g"), ("\u2010", "-"), ("\u2011", "-"), ("\u2012", "-"),
    ("\u2013", "-"), ("\u2212", "-"), ("\u2019", "'"), ("\u02bc", "'"),
)  # fmt: skip
_LATIN = str.maketrans(dict(_PAIRS))


def plain_letters(text: str) -> str:
    """What two names share that look the same: for comparing, never for showing.

    Letters that look like Latin ones become those; full-width forms become plain ones.
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", text).translate(_LATIN)


def foreign_letters(text: str) -> str:
    """Letters that look like Latin ones and are none, each with its name: “о” CYRILLIC …."""
    found = dict.fromkeys(letter for letter in text if ord(letter) in _LATIN)
    return ", ".join(f"“{letter}” {unicodedata.name(letter)}" for letter in found)
