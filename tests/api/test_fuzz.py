"""Generated cases against the OpenAPI document; ``make fuzz`` sends 100,000."""

from __future__ import annotations

from tests.api.fuzz import fuzz


def test_two_thousand_cases_find_no_5xx_and_no_undocumented_answer():
    code, sent, report = fuzz(2_000)
    assert code == 0, report[-6_000:]
    assert sent >= 1_500, report[-2_000:]
