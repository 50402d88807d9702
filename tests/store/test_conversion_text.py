import pytest

from experiments_core.store import (
    conversion_text,
)
from experiments_core.store.database import Database

from .conftest import value


@pytest.mark.parametrize(
    ("cell", "trimmed"),
    (
        ("a b", "a b"),
        (" a ", "a"),
        ("\ta\n", "a"),
        ("\u00a0é\u200b", "é"),
        ("", ""),
        (None, None),
    ),
)
def test_cells_are_trimmed_alike_whatever_their_characters(
    db: Database, cell: str | None, trimmed: str | None
):
    assert value(db, conversion_text.trimmed("f"), cell) == trimmed
