from __future__ import annotations

from tests.api.facades import table


def test_the_document_is_what_the_routes_and_tests_say():
    assert table.DOC.read_text(encoding="utf-8") == table.made()
