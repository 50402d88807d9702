"""Experiments are found, made and edited, each by who may."""

from __future__ import annotations

from typing import Any

import pytest

from experiments_core.domain.experiment import ExperimentDraft, Plan, VariantDraft
from experiments_core.domain.metric_kinds import Mean
from experiments_core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
)
from experiments_core.services import acting, traffic
from experiments_core.services import experiments as service
from experiments_core.services.workspace import Workspace
from tests.services.lives import GUEST, MIRA, TOM, create, go
from tests.services.people import STRANGER


def test_a_draft_becomes_an_experiment_with_everything_filled_in(ws: Workspace):
    made = create(ws, "Zoë’s  checkout ", tags=(" a", "A", "b"), hypothesis=" Faster. ")
    assert (made.key, made.slug, made.name) == (
        "zoes-checkout",
        "zoes-checkout",
        "Zoë’s  checkout",
    )
    assert (made.version, made.status, made.owner, made.created_by) == (
        1,
        "draft",
        "Mira",
        "Mira",
    )
    assert (made.tags, made.hypothesis) == (("a", "b"), "Faster.")
    assert made.weights_bp == {"control": 5000, "treatment": 5000}
    assert made.control.key == "control"
    assert made.hash_seed == made.key
    for reference in (made.id, made.key.upper(), made.slug):
        assert service.get_experiment(ws, GUEST, reference) == made


def test_what_a_draft_asks_of_auto_promote_is_kept(ws: Workspace):
    asked: dict[str, Any] = {
        "auto_promote": True, "promote_threshold": 0.05, "promote_after_days": 3,
    }  # fmt: skip
    made = create(ws, "Offer", **asked)
    assert {name: getattr(made, name) for name in asked} == asked


def test_keys_made_from_names_are_unique_and_typed_ones_must_be(ws: Workspace):
    first, second = create(ws), create(ws)
    assert (first.key, second.key, second.slug) == ("checkout", "checkout-2", "checkout-2")
    for key in ("CHECKOUT", "checkout-2"):
        with pytest.raises(
            ConflictError, match="belongs to the experiment “Checkout”"
        ) as refused:
            create(ws, "Other", key=key)
        assert refused.value.code == "DUPLICATE_KEY"
    assert create(ws, "Other", key="Mine.1").slug == "other"


def test_a_key_in_the_bin_stays_reserved(ws: Workspace):
    go(ws, create(ws), "delete")
    with pytest.raises(ConflictError, match="bin"):
        create(ws, "Other", key="checkout")


def test_every_wrong_field_is_named_and_nothing_is_stored(ws: Workspace):
    arms = (VariantDraft("a", weight_bp=5000), VariantDraft("b", weight_bp=4900))
    with pytest.raises(InvalidInputError) as refused:
        create(ws, "", variants=arms, tags=("x" * 41,), plan=Plan(alpha=2))
    assert {problem.rule for problem in refused.value.details} == {
        "NAME_LENGTH", "SPLIT_SUM", "LENGTH", "RANGE",
    }  # fmt: skip
    assert service.list_experiments(ws, MIRA) == []
    with ws.db.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM audit").fetchone() == (0,)


def test_a_split_that_does_not_add_up_says_by_how_much(ws: Workspace):
    arms = (VariantDraft("a", weight_bp=5000), VariantDraft("b", weight_bp=4900))
    with pytest.raises(InvalidInputError, match=r"99\.00 %\. It must be .* 1\.00 % is missing"):
        create(ws, variants=arms)


def test_lists_hide_archive_and_bin_unless_asked(ws: Workspace, clock: Any):
    shown = create(ws, "shown")
    clock.wait(minutes=1)
    archived = go(ws, create(ws, "archived"), "archive")
    binned = go(ws, create(ws, "binned"), "archive", "delete")
    assert service.list_experiments(ws, GUEST) == [shown]
    assert service.list_experiments(ws, GUEST, include_archived=True) == [archived, shown]
    assert service.list_experiments(ws, GUEST, in_bin=True) == [binned]


def test_another_organisation_sees_nothing(ws: Workspace):
    made = create(ws)
    assert service.list_experiments(ws, STRANGER) == []
    for call in (
        lambda: service.get_experiment(ws, STRANGER, made.id),
        lambda: service.edit_experiment(ws, STRANGER, made.id, {"name": "x"}, version=1),
        lambda: acting.transition(ws, STRANGER, made.id, "start", version=1),
        lambda: service.history(ws, STRANGER, made.id),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_a_viewer_may_look_but_not_touch(ws: Workspace):
    made = create(ws)
    assert service.checklist(ws, GUEST, made.id)
    assert service.history(ws, GUEST, made.id)
    assert traffic.preview_traffic(ws, GUEST, made.id, allocation_bp=1)
    one = {"version": 1}
    for call in (
        lambda: service.create_experiment(ws, GUEST, ExperimentDraft("x")),
        lambda: service.edit_experiment(ws, GUEST, made.id, {"name": "x"}, **one),
        lambda: acting.transition(ws, GUEST, made.id, "start", **one),
        lambda: traffic.change_traffic(
            ws, GUEST, made.id, allocation_bp=1, reason="why", **one
        ),
    ):
        with pytest.raises(ForbiddenError):
            call()


def test_an_edit_raises_the_version_and_only_a_change_counts(ws: Workspace, clock: Any):
    made = create(ws)
    now = clock.wait(minutes=1)
    edited = service.edit_experiment(ws, TOM, made.id, {"name": " New "}, version=1)
    assert (edited.name, edited.version, edited.updated_at) == ("New", 2, now)
    assert edited.slug == made.slug
    again = service.edit_experiment(ws, TOM, made.id, {"name": "New"}, version=2)
    assert again == edited
    assert len(service.history(ws, TOM, made.id)) == 2


def test_arms_of_a_draft_keep_their_ids_by_key(ws: Workspace):
    made = create(ws)
    arms = [VariantDraft("new"), VariantDraft("control", "Old form")]
    edited = service.edit_experiment(ws, MIRA, made.id, {"variants": arms}, version=1)
    assert edited.control.id == made.control.id
    assert edited.control.name == "Old form"
    assert edited.weights_bp == {"new": 5000, "control": 5000}


def test_the_key_of_a_draft_may_change_to_a_free_one(ws: Workspace):
    made, other = create(ws), create(ws, "Other")
    with pytest.raises(ConflictError) as refused:
        service.edit_experiment(ws, MIRA, made.id, {"key": "OTHER"}, version=1)
    assert refused.value.code == "DUPLICATE_KEY"
    edited = service.edit_experiment(ws, MIRA, made.id, {"key": "Checkout"}, version=1)
    assert (edited.key, edited.hash_seed) == ("Checkout", "Checkout")
    assert service.get_experiment(ws, MIRA, other.id) == other


def test_imported_data_may_bring_many_arms(ws: Workspace):
    many = tuple(VariantDraft(f"v{i}") for i in range(30))
    with pytest.raises(InvalidInputError):
        create(ws, variants=many)
    made = create(ws, variants=many, assignment_mode="external")
    more = [*many, VariantDraft("v30")]
    edited = service.edit_experiment(ws, MIRA, made.id, {"variants": more}, version=1)
    assert len(edited.variants) == 31


def test_a_sealed_field_of_a_started_experiment_is_refused(ws: Workspace):
    running = go(ws, create(ws), "start")
    with pytest.raises(ConflictError, match="fixed when the test started on 4 May") as refused:
        service.edit_experiment(ws, MIRA, running.id, {"hypothesis": "x"}, version=2)
    assert refused.value.code == "SEALED"
    assert service.get_experiment(ws, MIRA, running.id) == running


def test_a_secondary_metric_added_after_the_start_is_marked(ws: Workspace):
    running = go(ws, create(ws), "start")
    metrics = [*running.metrics, Mean("revenue", role="secondary")]
    edited = service.edit_experiment(ws, MIRA, running.id, {"metrics": metrics}, version=2)
    assert [metric.post_hoc for metric in edited.metrics] == [False, True]
