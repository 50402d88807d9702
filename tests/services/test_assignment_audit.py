from __future__ import annotations

from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, ExperimentDraft, VariantDraft
from experiments_core.domain.hashing import (
    bucket_ranges,
    choose_range,
    fnv1a32_hash,
    growthbook,
    md5_parity,
    upshot1,
)
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.errors import InvalidInputError
from experiments_core.services.acting import transition
from experiments_core.services.assigned_list import (
    drawn_csv,
    flips_csv,
    read_served,
    read_units,
)
from experiments_core.services.assigning import assign
from experiments_core.services.assignment_audit import AuditReport, audit_assignment
from experiments_core.services.experiments import create_experiment
from experiments_core.services.participants import set_override
from experiments_core.services.traffic import change_traffic
from experiments_core.services.workspace import Workspace

UNITS = [f"user-{i}" for i in range(400)]


@pytest.fixture(autouse=True)
def ranking(ws: Workspace) -> Experiment:
    arms = (
        VariantDraft("champion", weight_bp=6000),
        VariantDraft("challenger", weight_bp=4000),
    )
    draft = ExperimentDraft("Ranking", variants=arms, metrics=(Proportion("paid"),))
    made = create_experiment(ws, LOCAL, draft)
    return transition(ws, LOCAL, made.id, "start", version=made.version)


def look(ws: Workspace, served: dict[str, str], **more: Any) -> AuditReport:
    return audit_assignment(ws, LOCAL, "ranking", served, **more)


@pytest.mark.parametrize("buckets", (100, 10_000))
@pytest.mark.parametrize("order", (("champion", "challenger"), ("challenger", "champion")))
def test_fnv_is_found_whatever_its_buckets_and_order(
    ws: Workspace, ranking: Experiment, buckets: int, order: tuple[str, str]
):
    weights = ranking.weights_bp
    end = weights[order[0]] * buckets // 10_000
    served = {unit: order[fnv1a32_hash("old-key", unit) % buckets >= end] for unit in UNITS}
    report = look(ws, served, seeds=["wrong", "old-key"])
    best = report.fits[0]
    assert (best.method, best.agreement, best.moved) == ("fnv1a32", 1.0, ())
    assert f"mod {buckets}" in best.settings
    assert f"{order[0]} then {order[1]}" in best.settings
    assert "explains every one of 400 units" in report.sentence


@pytest.mark.parametrize("first", (0, 1))
def test_md5_is_found_in_both_polarities(ws: Workspace, first: int):
    arms = ("champion", "challenger")
    served = {u: arms[md5_parity("ranking-v2", u) ^ first] for u in UNITS}
    half = {"champion": 5000, "challenger": 5000}
    report = look(ws, served, seeds=["ranking-v2"], weights_bp=half)
    assert (report.fits[0].method, report.fits[0].agreement) == ("md5_mod2", 1.0)


@pytest.mark.parametrize("version", (1, 2))
def test_growthbook_is_found_and_read_in_code_units(ws: Workspace, version: int):
    ranges = bucket_ranges(2, 1, [0.6, 0.4])
    arms = ("champion", "challenger")
    people = [f"Zoë-{i}😀" for i in range(300)]
    served = {}
    for unit in people:
        bucket = growthbook("gb", unit, version)
        assert bucket is not None
        served[unit] = arms[choose_range(bucket, ranges)]
    best = look(ws, served, seeds=["gb"]).fits[0]
    assert (best.method, best.agreement) == (f"growthbook_v{version}", 1.0)
    assert "utf-16" in best.settings


def test_units_that_were_served_something_else_are_named(ws: Workspace):
    arms = ("champion", "challenger")
    served = {u: arms[fnv1a32_hash("k", u) % 10_000 >= 6000] for u in UNITS}
    served["user-7"] = "champion" if served["user-7"] == "challenger" else "challenger"
    report = look(ws, served, seeds=["k"])
    assert [unit for unit, _, _ in report.fits[0].moved] == ["user-7"]
    assert report.fits[0].explains
    assert "1 was served something else" in report.sentence


def test_what_upshot_itself_assigned_is_compared_too(ws: Workspace, ranking: Experiment):
    given = {u: assign(ws, LOCAL, ranking.id, u).variant or "" for u in UNITS[:50]}
    flipped = "champion" if given["user-3"] == "challenger" else "challenger"
    report = look(ws, given | {"user-3": flipped, "never-seen": "champion"})
    assert report.known == 50
    assert report.otherwise == (("user-3", flipped, given["user-3"]),)
    (flip,) = report.flips
    assert (flip.unit, flip.served, flip.assigned) == ("user-3", flipped, given["user-3"])
    assert flip.why == f"Upshot assigned {given['user-3']}"
    assert report.fits[0].method == "upshot1"


def test_a_list_that_no_hash_made_is_said_to_be_none(ws: Workspace):
    served = {u: ("champion", "challenger")[i % 2] for i, u in enumerate(UNITS)}
    report = look(ws, served)
    assert not report.fits[0].explains
    assert report.sentence.startswith("No hash known here explains this list")


def test_an_arm_that_the_test_does_not_have_is_refused(ws: Workspace):
    with pytest.raises(InvalidInputError) as refused:
        look(ws, {"u": "purple"})
    assert "“purple”" in refused.value.message
    with pytest.raises(InvalidInputError):
        look(ws, {})


def test_a_changed_split_and_a_version_given_by_hand_explain_a_flip(
    ws: Workspace, ranking: Experiment
):
    old = {u: assign(ws, LOCAL, ranking.id, u).variant or "" for u in UNITS}
    arms = {"champion": 1000, "challenger": 9000}
    change_traffic(
        ws, LOCAL, ranking.id, version=ranking.version, weights_bp=arms, reason="ramp"
    )
    set_override(ws, LOCAL, ranking.id, "qa", "champion")
    new = {
        f"new-{i}": assign(ws, LOCAL, ranking.id, f"new-{i}").variant or "" for i in range(2)
    }
    many = {f"fresh-{i}": upshot1("ranking", f"fresh-{i}").variant for i in range(60_000)}
    served = {u: "champion" if bucket < 1000 else "challenger" for u, bucket in many.items()}
    report = look(ws, served | old | new | {"qa": "champion"})
    assert report.fits[0].explains
    why = {flip.unit: flip.why for flip in report.flips}
    moved = [unit for unit in UNITS if why.get(unit)]
    assert moved
    assert {why[unit] for unit in moved} == {"assigned in phase 1, under another split"}
    assert why.get("qa", "given by hand") == "given by hand"
    lines = flips_csv(report).decode("utf-8-sig").splitlines()
    assert lines[0] == "unit,served,hash_says,upshot_gave,why"
    assert len(lines) == 1 + len(report.flips)


ARMS = ("a", "b")


@pytest.mark.parametrize("mark", (",", ";", "\t"))
def test_a_list_is_read_by_its_delimiter(mark: str):
    assert read_served(f"u1{mark}a\n\nu2{mark} b \nu1{mark}a", ARMS) == {"u1": "a", "u2": "b"}


@pytest.mark.parametrize(
    "text",
    (
        "unit,variant\nu1,a\nu2,b\n",
        "day,user_id,group,x\n1,u1,a,9\n1,u2,b,9\n",
        "who,what\r\nu1,a\r\nu2,b",
        "\ufeffvariant;unit\na;u1\nb;u2",
    ),
)
def test_a_header_says_which_columns_are_meant(text: str):
    assert read_served(text.encode(), ARMS) == {"u1": "a", "u2": "b"}


@pytest.mark.parametrize(
    "text", ("u1", "u1,a,b", "u1,a\nu1,b", "unit,variant\nu1,", "x,y,z\nu1,a,1", b"\xff\xfe")
)
def test_a_list_that_says_no_arm_or_two_is_refused(text: str | bytes):
    with pytest.raises(InvalidInputError):
        read_served(text, ARMS)


def test_ids_are_read_one_a_line_and_once():
    assert read_units("user_id,x\nu1,1\nu2,2\nu1,3\n") == ["u1", "u2"]
    assert read_units(b"u1\n\nu2") == ["u1", "u2"]
    assert drawn_csv([("=u1", None, "not_allocated")]).decode("utf-8-sig").splitlines() == [
        "unit,variant,reason", "'=u1,,not_allocated",
    ]  # fmt: skip
