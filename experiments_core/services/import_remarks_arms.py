"""What to know about the arms of a file: names that were merged, arms that are too small."""

from __future__ import annotations

from collections.abc import Iterator

from experiments_core.domain.text import grouped
from experiments_core.services.import_report import Remark
from experiments_core.tabular.lookalikes import foreign_letters
from experiments_core.tabular.text import listed, shorten, visible

TINY = 0.001
FEW_UNITS = 10
MANY_ARMS = 10
MOST_NAMED = 5


def few_units(arms: dict[str, int]) -> Iterator[Remark]:
    """Arms that are too small for a test, or far smaller than the others."""
    least = max(2, TINY * sum(arms.values()))
    tiny = [arm for arm, count in arms.items() if count < least]
    if len(tiny) > MOST_NAMED:
        yield Remark(
            "VARIANT_TINY",
            f"{grouped(len(tiny))} variants have hardly any units: {listed(tiny)}. Is this the "
            "column of the variant?",
        )
    for arm, count in arms.items():
        if arm in tiny and len(tiny) > MOST_NAMED:
            continue
        units = f"{grouped(count)} unit{'s' if count != 1 else ''}"
        only = f"Variant “{shorten(arm)}” has only {units}"
        if count < least:
            yield Remark("VARIANT_TINY", f"{only}; is the name misspelt?")
        elif count < FEW_UNITS:
            yield Remark("FEW_UNITS", f"{only}: too few for the usual tests.")
    if len(arms) > MANY_ARMS:
        yield Remark(
            "MANY_VARIANTS", f"The file has {len(arms)} variants: {listed(list(arms))}."
        )


def merged_names(merged: dict[str, str]) -> Iterator[Remark]:
    """Spellings that were taken for one variant.

    Args:
        merged: Spelling in the file -> variant it belongs to.
    """
    hidden = {text for text in merged if visible(text) != text.strip(" ")}
    if hidden:
        names = listed(sorted({merged[text] for text in hidden}))
        yield Remark(
            "VARIANT_INVISIBLE_CHARS",
            "Invisible characters were removed, or accents joined to their letters, in names "
            f"of variants: {names}.",
        )
    spelled = {text: arm for text, arm in merged.items() if text not in hidden}
    alike = {
        text for text in spelled if foreign_letters(text) != foreign_letters(spelled[text])
    }
    plain = {text: arm for text, arm in spelled.items() if text not in alike}
    if plain:
        yield Remark(
            "VARIANT_MERGED", f"Spellings of one variant were merged: {_pairs(plain)}."
        )
    for text in sorted(alike):
        letters = foreign_letters(text) or foreign_letters(spelled[text])
        yield Remark(
            "VARIANT_MERGED",
            f"“{shorten(text)}” and “{shorten(spelled[text])}” look the same but hold letters "
            f"of different alphabets ({letters}); they were merged.",
        )


def _pairs(merged: dict[str, str]) -> str:
    return ", ".join(f"“{shorten(t)}” → “{shorten(a)}”" for t, a in merged.items())
