"""The library of metrics: definitions in versions, what uses them, what they would say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.definition import difference, metric_of
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    VersionStaleError,
)
from experiments_core.services import (
    analyses,
    experiments,
    library,
    metric_preview,
    metric_uses,
)
from experiments_core.services.workspace import Workspace
from experiments_core.stats.estimate import Undefined
from experiments_core.store import audit
from tests.services.checkout import START, make, rows, upload
from tests.services.conftest import Clock
from tests.services.people import EDITOR, STRANGER, VIEWER

REVENUE = {"name": "Revenue per user", "kind": "mean", "column": "revenue", "unit": "USD"}


def test_a_definition_has_a_key_an_owner_and_a_meaning(ws: Workspace):
    made = library.define_metric(ws, EDITOR, REVENUE | {"description": " Money. "})
    assert (made.key, made.version, made.revision, made.owner) == (
        "revenue-per-user", 1, 1, "Emil",
    )  # fmt: skip
    assert made.description == "Money."
    assert made.meaning == {"kind": "mean", "column": "revenue", "unit": "USD"}
    assert library.get_metric(ws, VIEWER, "REVENUE-per-user") == made
    assert library.list_metrics(ws, VIEWER) == [made]
    assert metric_of(made) == Mean(
        "revenue", key="revenue-per-user", name="Revenue per user", unit="USD"
    )


def test_other_words_stay_in_the_version_and_another_meaning_is_a_new_one(
    ws: Workspace, clock: Clock
):
    first = library.define_metric(ws, EDITOR, REVENUE)
    clock.wait(days=1)
    said = library.change_metric(ws, EDITOR, first.key, {"name": "Revenue"}, revision=1)
    assert (said.version, said.revision, said.name) == (1, 2, "Revenue")
    clock.wait(days=1)
    second = library.change_metric(ws, EDITOR, first.key, {"cap": "99.9%"}, revision=2)
    assert (second.version, second.revision, second.name) == (2, 3, "Revenue")
    assert difference(said, second) == [("cap", None, "99.9%")]
    assert library.metric_versions(ws, VIEWER, first.key) == [said, second]
    assert library.get_metric(ws, VIEWER, first.key, 1) == said
    uncapped = library.change_metric(ws, EDITOR, first.key, {"cap": None})
    assert (uncapped.version, "cap" in uncapped.meaning) == (3, False)
    with ws.db.read() as cursor:
        events = audit.events_of(cursor, "default", "metric", first.key)
    assert [event.verb for event in events] == ["define", "edit", "edit", "edit"]
    assert events[1].before == {"revision": 1, "name": "Revenue per user"}


def test_saying_the_same_again_changes_nothing(ws: Workspace):
    made = library.define_metric(ws, EDITOR, REVENUE)
    assert (
        library.change_metric(ws, EDITOR, made.key, {"unit": "USD", "name": "Revenue per user"})
        == made
    )


def test_two_people_do_not_overwrite_each_other(ws: Workspace):
    made = library.define_metric(ws, EDITOR, REVENUE)
    library.change_metric(ws, EDITOR, made.key, {"name": "A"}, revision=1)
    with pytest.raises(VersionStaleError, match="was changed meanwhile") as refused:
        library.change_metric(ws, LOCAL, made.key, {"name": "B"}, revision=1)
    assert refused.value.current == library.get_metric(ws, VIEWER, made.key)


@pytest.mark.parametrize(
    ("values", "field", "rule"),
    (
        ({"name": ""}, "name", "REQUIRED"),
        ({"key": "no blanks"}, "key", "PATTERN"),
        ({"kind": "mood"}, "kind", "UNKNOWN_CHOICE"),
        ({"column": None}, "column", "REQUIRED"),
        ({"colour": "red"}, "colour", "UNKNOWN_FIELD"),
        ({"role": "primary"}, "role", "UNKNOWN_FIELD"),
        ({"non_inferiority_margin": 0.1}, "non_inferiority_margin", "UNKNOWN_FIELD"),
        ({"cap": "80%"}, "cap", "RANGE"),
        ({"kind": "quantile", "q": 1.5, "unit": None}, "q", "RANGE"),
        ({"kind": "ratio"}, "column", "UNKNOWN_FIELD"),
        ({"description": None}, "description", "TYPE"),
    ),
)
def test_a_definition_that_breaks_a_rule_is_refused_by_field(
    ws: Workspace, values: dict[str, Any], field: str, rule: str
):
    with pytest.raises(InvalidInputError) as refused:
        library.define_metric(ws, EDITOR, REVENUE | values)
    assert (field, rule) in [(one.field, one.rule) for one in refused.value.details]
    assert library.list_metrics(ws, EDITOR) == []


def test_keys_are_unique_in_any_spelling_and_never_change(ws: Workspace):
    made = library.define_metric(ws, EDITOR, REVENUE | {"key": "Revenue"})
    with pytest.raises(ConflictError) as refused:
        library.define_metric(ws, EDITOR, REVENUE | {"key": "REVENUE"})
    assert refused.value.code == "DUPLICATE_KEY"
    with pytest.raises(InvalidInputError, match="never changes"):
        library.change_metric(ws, EDITOR, made.key, {"key": "other"})
    with pytest.raises(NotFoundError, match="no version 7"):
        library.get_metric(ws, EDITOR, "revenue", 7)


def test_a_test_keeps_the_version_it_was_made_with_and_so_do_its_looks(
    ws: Workspace, clock: Clock
):
    clock.now = START + timedelta(days=11)
    made = library.define_metric(ws, EDITOR, REVENUE | {"key": "money"})
    experiment = make(ws, metrics=(Proportion("converted"), metric_of(made, "secondary")))
    upload(ws, experiment, rows(2000))
    before = analyses.look(ws, LOCAL, experiment.id)
    library.change_metric(ws, EDITOR, "money", {"cap": 3})
    again = analyses.look(ws, LOCAL, experiment.id)
    assert again.result == before.result
    assert [one.version for one in again.design.metrics] == [1, 1]
    (use,) = metric_uses.uses(ws, VIEWER, "MONEY")
    assert (use.slug, use.version, use.role, use.status) == (
        "shorter-checkout", 1, "secondary", "running",
    )  # fmt: skip
    assert [one.version for one in again.result.metrics] == [1, 1]
    revenue = metric_of(library.define_metric(ws, EDITOR, REVENUE), "secondary")
    added = (*again.experiment.metrics, revenue)
    changed = experiments.edit_experiment(
        ws, LOCAL, experiment.id, {"metrics": added}, version=again.experiment.version
    )
    assert changed.metrics[-1].post_hoc


def test_a_preview_tells_the_value_per_arm_and_takes_no_look(ws: Workspace, clock: Clock):
    clock.now = START + timedelta(days=11)
    experiment = make(ws)
    upload(ws, experiment, rows(2000))
    control, treated = metric_preview.preview(ws, VIEWER, experiment.id, REVENUE)
    result = analyses.look(ws, LOCAL, experiment.id).result
    assert result.look == 1
    assert (control.value, treated.n) == (result.metric("revenue").arm("control").value, 1000)
    capped, _ = metric_preview.preview(ws, VIEWER, experiment.id, REVENUE | {"cap": 3})
    assert capped.value < control.value
    missing, _ = metric_preview.preview(
        ws, VIEWER, experiment.id, REVENUE | {"column": "nothing"}
    )
    assert missing.value == Undefined("column_missing")
    with pytest.raises(ConflictError) as refused:
        metric_preview.preview(ws, VIEWER, make(ws).id, REVENUE)
    assert refused.value.code == "NO_DATA"


def test_the_usual_ones_are_defined_once(ws: Workspace):
    library.define_metric(ws, EDITOR, REVENUE | {"key": "REVENUE"})
    added = library.add_usual_ones(ws, EDITOR)
    assert {"conversion", "orders", "average-order-value", "page-load-p95"} <= {
        one.key for one in added
    }
    assert "revenue" not in {one.key for one in added}
    assert library.add_usual_ones(ws, EDITOR) == []
    assert {one.kind for one in library.list_metrics(ws, VIEWER)} == {
        "proportion", "count", "mean", "ratio", "quantile",
    }  # fmt: skip


def test_a_viewer_reads_and_another_organisation_sees_nothing(ws: Workspace):
    made = library.define_metric(ws, EDITOR, REVENUE)
    for call in (
        lambda: library.define_metric(ws, VIEWER, REVENUE),
        lambda: library.change_metric(ws, VIEWER, made.key, {"name": "x"}),
        lambda: library.add_usual_ones(ws, VIEWER),
    ):
        with pytest.raises(ForbiddenError):
            call()
    assert library.list_metrics(ws, STRANGER) == []
    with pytest.raises(NotFoundError):
        library.get_metric(ws, STRANGER, made.key)
