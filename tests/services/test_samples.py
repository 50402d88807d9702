from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.domain.experiment import ExperimentDraft
from experiments_core.errors import ForbiddenError
from experiments_core.services import acting, experiments, samples, workspace
from experiments_core.services.ingestion import imports_of
from experiments_core.services.workspace import Workspace, open_workspace
from experiments_core.settings import Settings
from experiments_core.store.catalog import units_imported

SLUGS = [
    "shorter-checkout", "guest-checkout", "image-compression", "search-ranking-v4",
    "login-wall-on-reviews", "referral-reward",
]  # fmt: skip


def slugs(ws: Workspace) -> list[str]:
    return [experiment.slug for experiment in experiments.list_experiments(ws, LOCAL)]


@pytest.fixture(scope="module")
def loaded() -> Iterator[Workspace]:
    with open_workspace(":memory:") as ws:
        assert samples.load_samples(ws, LOCAL) == 6
        yield ws


def test_the_samples_show_five_endings_and_a_draft(loaded: Workspace):
    found = {e.slug: e for e in experiments.list_experiments(loaded, LOCAL)}
    assert list(found) == SLUGS
    assert all(experiment.sample for experiment in found.values())
    assert [experiment.status for experiment in found.values()] == [
        "stopped", "completed", "completed", "stopped", "completed", "draft",
    ]  # fmt: skip
    assert found["guest-checkout"].conclusion == "won"
    assert found["login-wall-on-reviews"].conclusion == "lost"


def test_the_first_sample_has_its_two_phases_with_their_dates(loaded: Workspace):
    first, second = experiments.get_experiment(loaded, LOCAL, "shorter-checkout").phases
    assert first.weights_bp == {"control": 5000, "short": 5000}
    assert second.weights_bp == {"control": 2000, "short": 8000}
    assert f"{first.started_at:%m-%d} {first.ended_at:%m-%d}" == "05-06 05-12"
    assert second.started_at == first.ended_at


def test_history_tells_when_things_happened_and_when_they_were_recorded(loaded: Workspace):
    events = experiments.history(loaded, LOCAL, "shorter-checkout")
    verbs = [event.verb for event in events if event.object == "experiment"]
    assert verbs == ["create", "start", "traffic", "import", "stop"]
    assert all(event.ts.year >= 2026 for event in events)
    told = [event.after["at"][:10] for event in events if event.after and "at" in event.after]
    assert told == ["2026-05-06", "2026-05-06", "2026-05-12", "2026-05-20"]


def test_each_sample_has_all_rows_of_its_file_and_only_the_metrics_it_planned(
    loaded: Workspace,
):
    used = {
        experiment.slug: [
            record.rows_used for record in imports_of(loaded, LOCAL, experiment.id)
        ]
        for experiment in experiments.list_experiments(loaded, LOCAL)
    }
    assert list(used.values()) == [[44_000], [19_000], [24_000], [21_000], [2], []]
    for experiment in experiments.list_experiments(loaded, LOCAL):
        assert not any(metric.post_hoc for metric in experiment.metrics)
        assert experiment.data_finished or experiment.status == "draft"


def test_a_preview_counts_the_units_that_the_files_brought(loaded: Workspace):
    copy = experiments.get_experiment(loaded, LOCAL, "search-ranking-v4")
    with loaded.db.read() as cursor:
        assert units_imported(cursor, copy.id) == 21_000


def test_samples_leave_ones_own_alone_are_removed_at_a_click_and_come_back_whole():
    with open_workspace(":memory:") as ws:
        own = ExperimentDraft("Mine", key="guest-checkout")
        mine = experiments.create_experiment(ws, LOCAL, own)
        assert samples.load_samples(ws, LOCAL) == 6
        assert samples.load_samples(ws, LOCAL) == 0
        assert experiments.get_experiment(ws, LOCAL, "guest-checkout") == mine
        before = experiments.get_experiment(ws, LOCAL, "shorter-checkout")
        again = experiments.get_experiment(ws, LOCAL, "search-ranking-v4")
        acting.transition(ws, LOCAL, again.id, "start", version=again.version)
        assert samples.remove_samples(ws, LOCAL) == 6
        assert slugs(ws) == [mine.slug]
        assert samples.remove_samples(ws, LOCAL) == 0
        assert samples.load_samples(ws, LOCAL) == 6
        assert len(slugs(ws)) == 7
        after = experiments.get_experiment(ws, LOCAL, "shorter-checkout")
        assert (after.phases, after.stop_reason) == (before.phases, before.stop_reason)


def test_samples_need_the_right_to_edit():
    with open_workspace(":memory:") as ws:
        for act in (samples.load_samples, samples.remove_samples):
            with pytest.raises(ForbiddenError):
                act(ws, Actor("guest", Role.VIEWER))


def test_only_an_empty_workspace_is_filled_at_the_first_start(tmp_path: Path):
    file = tmp_path / "upshot.duckdb"
    try:
        ws = samples.start(Settings(workspace=file))
        assert slugs(ws) == []
        ws = samples.start(Settings(workspace=file, sample=True))
        assert slugs(ws) == SLUGS
        samples.remove_samples(ws, LOCAL)
        ws = samples.start(Settings(workspace=file, sample=True))
        assert slugs(ws) == []
    finally:
        workspace.stop()
