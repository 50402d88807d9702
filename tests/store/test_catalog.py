from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from experiments_core.domain.experiment import Experiment, Phase, Variant
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.store import catalog
from experiments_core.store.database import Database

NOON = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)


def phase(seq: int, ended_at: datetime | None = None) -> Phase:
    return Phase(
        1, seq, "start", NOON, ended_at, {"a": 5000, "ü": 5000}, 10_000, 0, "why", "mira"
    )


def experiment(**changes: object) -> Experiment:
    arms = (
        Variant("a", "A", is_control=True, weight_bp=5000, value={"x": [1]}, id="v1"),
        Variant("ü", "Ü", is_control=False, weight_bp=5000, id="v2"),
    )
    made = Experiment(
        "id-1", "Key-1", "slug-1", "Näme", 1, Status.RUNNING, arms, NOON, NOON, "mira",
        metrics=(Proportion("paid"), Mean("revenue", role="secondary")), phases=(phase(1),),
    )  # fmt: skip
    return replace(made, **changes)


@pytest.fixture
def db() -> Iterator[Database]:
    with Database.memory() as database:
        with database.write() as cursor:
            catalog.insert_experiment(cursor, experiment())
        yield database


@pytest.mark.parametrize("reference", ("id-1", "Key-1", "kEY-1", "slug-1"))
def test_an_experiment_is_found_by_id_key_or_slug_and_comes_back_whole(
    db: Database, reference: str
):
    with db.read() as cursor:
        assert catalog.find_experiment(cursor, "default", reference) == experiment()


@pytest.mark.parametrize(
    ("organisation", "reference"), (("default", "Slug-1"), ("default", "x"), ("other", "id-1"))
)
def test_others_and_unknown_ones_are_not_found(db: Database, organisation: str, reference: str):
    with db.read() as cursor:
        assert catalog.find_experiment(cursor, organisation, reference) is None


def test_the_id_comes_before_the_key_and_the_key_before_the_slug(db: Database):
    with db.write() as cursor:
        for i, (key, slug) in enumerate((("id-1", "s2"), ("s2", "s3"))):
            catalog.insert_experiment(
                cursor, experiment(id=f"n{i}", key=key, slug=slug, phases=())
            )
        found = [catalog.find_experiment(cursor, "default", r) for r in ("id-1", "s2")]
    assert [one.id for one in found if one] == ["id-1", "n1"]


def test_an_update_needs_the_version_that_is_there(db: Database):
    changed = experiment(name="B", version=2)
    with db.write() as cursor:
        assert not catalog.update_experiment(cursor, changed, version=2, by="mira")
        assert catalog.update_experiment(cursor, changed, version=1, by="mira")
        assert not catalog.update_experiment(cursor, changed, version=1, by="mira")
        assert catalog.find_experiment(cursor, "default", "id-1") == changed


def test_a_stored_phase_keeps_everything_but_its_missing_end(db: Database):
    later = NOON + timedelta(days=1)
    overwritten = replace(phase(1, later), weights_bp={"a": 1}, reason="other", by="eve")
    with db.write() as cursor:
        changed = experiment(phases=(overwritten, phase(2)), version=2)
        catalog.update_experiment(cursor, changed, version=1, by="eve")
        moved_end = replace(overwritten, ended_at=later + timedelta(days=1))
        changed = experiment(phases=(moved_end, phase(2)), version=3)
        catalog.update_experiment(cursor, changed, version=2, by="eve")
        found = catalog.find_experiment(cursor, "default", "id-1")
    assert found is not None
    assert found.phases == (phase(1, later), phase(2))


def test_the_list_has_the_last_changed_first(db: Database):
    with db.write() as cursor:
        late = NOON + timedelta(hours=1)
        new = experiment(id="id-2", key="k2", slug="s2", updated_at=late, phases=())
        catalog.insert_experiment(cursor, new)
        listed = catalog.all_experiments(cursor, "default")
        assert catalog.all_experiments(cursor, "other") == []
    assert [one.id for one in listed] == ["id-2", "id-1"]
    assert listed == [new, experiment()]


def test_names_in_use_are_keys_and_slugs_in_lower_case(db: Database):
    with db.read() as cursor:
        assert catalog.taken_names(cursor, "default") == {"key-1": "Näme", "slug-1": "Näme"}


def test_times_of_any_zone_are_kept_in_utc():
    berlin = NOON.astimezone(timezone(timedelta(hours=2)))
    assert catalog.to_utc(berlin) == NOON.replace(tzinfo=None)
    assert catalog.from_utc(catalog.to_utc(berlin)) == NOON
    assert catalog.to_utc(None) is catalog.from_utc(None) is None


def test_units_are_counted_over_committed_imports_of_both_shapes(db: Database):
    insert = (
        "INSERT INTO imports (id, org_id, experiment_id, file_name, bytes, sha256, shape, "
        "rows_read, rows_used, rows_left_out, state, actor, created_at) VALUES "
        "($1, 'default', 'id-1', 'f.csv', 1, 'x', $2, $3, $3, 0, $4, 'mira', now()::TIMESTAMP)"
    )
    totals = (
        "INSERT INTO totals (dataset_id, import_id, line, arm, visitors, conversions) VALUES "
        "('d', 'i3', 2, 'a', 300, '{}'), ('d', 'i3', 3, 'b', 400, '{}')"
    )
    with db.write() as cursor:
        assert catalog.units_imported(cursor, "id-1") is None
        cursor.execute(insert, ["i1", "unit", 100, "committed"])
        cursor.execute(insert, ["i2", "unit", 50, "undone"])
        cursor.execute(insert, ["i3", "totals", 2, "committed"])
        cursor.execute(totals)
        assert catalog.units_imported(cursor, "id-1") == 800
