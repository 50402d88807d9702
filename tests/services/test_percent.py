"""Percent signs: of rates instead of counts, and of numbers per unit."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.source import Mapping
from experiments_core.services import analyses, ingestion
from experiments_core.services.ingestion import ImportReport
from experiments_core.services.workspace import Workspace, open_workspace


@pytest.fixture(scope="module")
def ws() -> Iterator[Workspace]:
    with open_workspace(":memory:") as found:
        yield found


def bring(ws: Workspace, text: str) -> tuple[str, Mapping, ImportReport]:
    draft = ingestion.receive(ws, LOCAL, io.BytesIO(text.encode()), "file.csv")
    mapping = draft.detection.proposal
    for question in draft.questions:
        value = question.default or question.choices[0].value
        mapping = ingestion.answer(mapping, question, value)
    return draft.import_id, mapping, ingestion.check(ws, LOCAL, draft.import_id, mapping)


def test_counts_from_rates_reach_the_verdict(ws: Workspace):
    text = "variant,visitors,conversion_rate\ncontrol,2000,5.25%\ntreatment,2000,6.10%\n"
    import_id, mapping, report = bring(ws, text)
    remark = next(one for one in report.warnings if one.code == "PERCENT_DERIVED")
    assert [one.value for one in remark.examples] == ["5.25% → 105", "6.10% → 122"]
    record = ingestion.commit_as_new(ws, LOCAL, import_id, mapping, name="From rates")
    arms = analyses.look(ws, LOCAL, record.experiment_id or "").result.metrics[0].arms
    assert [(one.variant, one.n, one.conversions) for one in arms] == [
        ("control", 2000, 105), ("treatment", 2000, 122),
    ]  # fmt: skip


def test_percent_per_unit_is_a_fraction_and_needs_its_sign(ws: Workspace):
    rows = [f"u{n};{'ab'[n % 2]};{n % 3 == 0:d};{n % 7},5 %" for n in range(60)]
    rows += ["u98;a;1;12,5", "u99;b;1;viel"]
    text = "user_id;variant;converted;discount_value\n" + "\n".join(rows)
    _, _, report = bring(ws, text)
    assert report.preview[1][4] == ("u4", "a", 0, 0.045)
    assert {(rule.rule, rule.lines) for rule in report.by_rule} == {
        ("PERCENT", (62,)), ("NUMBER", (63,)),
    }  # fmt: skip
    assert "PERCENT_READ" in {one.code for one in report.warnings}
