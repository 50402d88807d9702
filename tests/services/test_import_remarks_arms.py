from collections.abc import Iterable

from experiments_core.services.import_remarks_arms import few_units, merged_names
from experiments_core.services.import_report import Remark


def told(remarks: Iterable[Remark]) -> list[tuple[str, str]]:
    return [(one.code, one.message) for one in remarks]


def test_arms_are_small_by_themselves_or_beside_the_others():
    found = told(few_units({"a": 50_000, "b": 49_000, "typo": 40, "small": 1}))
    assert found == [
        ("VARIANT_TINY", "Variant “typo” has only 40 units; is the name misspelt?"),
        ("VARIANT_TINY", "Variant “small” has only 1 unit; is the name misspelt?"),
    ]
    (few,) = few_units({"a": 9, "b": 20})
    assert (few.code, few.message) == (
        "FEW_UNITS",
        "Variant “a” has only 9 units: too few for the usual tests.",
    )
    assert not told(few_units({"a": 10, "b": 20}))


def test_many_tiny_arms_are_told_of_once():
    codes = [code for code, _ in told(few_units({f"u{n}": 1 for n in range(12)}))]
    assert codes == ["VARIANT_TINY", "MANY_VARIANTS"]


def test_merged_names_say_what_was_unlike_in_them():
    plain, alike = told(merged_names({"CONTROL": "control", "соntrol": "control"}))
    assert plain[1] == "Spellings of one variant were merged: “CONTROL” → “control”."
    assert "look the same but hold letters of different alphabets" in alike[1]
    (hidden,) = merged_names({"con\u200btrol": "control"})
    assert hidden.code == "VARIANT_INVISIBLE_CHARS"
