"""Event logs, moments, conversions alone and several experiments in one file, row by row."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from math import comb
from typing import Any

import pytest

from experiments_core.analysis.body import from_dict, to_dict
from experiments_core.domain.access import LOCAL
from experiments_core.domain.source import Mapping, Role
from experiments_core.errors import ConflictError, InvalidInputError
from experiments_core.services import analyses, courses, import_steps, ingestion
from experiments_core.services.ingestion import Draft, ImportReport
from experiments_core.services.workspace import Workspace

LOG = """user_id,variant,event,at,amount
u1,a,seen,2026-05-01 10:00,
u1,,buy,2026-05-01 11:00,10.50
u1,,buy,2026-05-09 11:00,5
u1,a,seen,2026-05-02 10:00,
u2,b,seen,2026-05-01 10:00,
u2,,buy,2026-05-01 09:00,99
u2,,scroll,2026-05-01 10:30,
u3,,buy,2026-05-01 10:30,4
u4,b,seen,2026-05-02 10:00,
u4,,BUY,2026-05-02 10:00,2
,b,seen,2026-05-02 10:00,
u5,,seen,2026-05-02 10:00,
u6,a,seen,2026-05-02 10:00,
u6,b,seen,2026-05-03 10:00,
u6,,buy,2026-05-04 10:00,1
u7,a,seen,2026-05-03 08:00,
u8,b,,2026-05-03 08:00,
u9,b,seen,2026-05-03 08:00,
"""


def receive(ws: Workspace, text: str, name: str = "x.csv") -> Draft:
    return ingestion.receive(ws, LOCAL, io.BytesIO(text.encode()), name)


def read(ws: Workspace, draft: Draft, **said: Any) -> tuple[Mapping, ImportReport]:
    mapping = replace(draft.detection.proposal, finished=True, **said)
    return mapping, ingestion.check(ws, LOCAL, draft.import_id, mapping)


def stored(ws: Workspace, sql: str) -> list[tuple[Any, ...]]:
    with ws.db.read() as cursor:
        (table,) = cursor.execute("SELECT table_name FROM datasets").fetchone() or ("",)
        return cursor.execute(sql.replace("TABLE", table)).fetchall()


def log(ws: Workspace, **said: Any) -> tuple[Draft, Mapping, ImportReport]:
    draft = receive(ws, LOG)
    told = {"conversion_events": ("buy",), "exposure_event": "seen", "window": "all",
            "control": "a"} | said  # fmt: skip
    mapping, report = read(ws, draft, **told)
    return draft, mapping, report


def test_the_first_exposure_counts_and_what_came_before_it_does_not(ws: Workspace):
    draft, mapping, report = log(ws)
    assert report.arms == {"a": 2, "b": 3}
    assert report.rows_read == 18
    assert {one.rule: one.lines for one in report.by_rule} == {
        "EXPOSURE_AGAIN": (5,),
        "BEFORE_EXPOSURE": (7,),
        "EVENT_OTHER": (8,),
        "NOT_EXPOSED": (9,),
        "UNIT_BLANK": (12,),
        "VARIANT_BLANK": (13,),
        "UNIT_IN_TWO_ARMS": (14, 15, 16),
        "EVENT_BLANK": (18,),
    }
    ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Log")
    rows = stored(ws, "SELECT unit, arm, line, c0, c1 FROM TABLE ORDER BY unit")
    assert rows == [
        ("u1", "a", 2, 1, 15.5), ("u2", "b", 6, 0, 0.0), ("u4", "b", 10, 1, 2.0),
        ("u7", "a", 17, 0, 0.0), ("u9", "b", 19, 0, 0.0),
    ]  # fmt: skip


def test_a_window_leaves_later_conversions_out(ws: Workspace):
    _, _, report = log(ws, window="24")
    assert next(o for o in report.by_rule if o.rule == "OUTSIDE_WINDOW").lines == (4,)
    with pytest.raises(InvalidInputError, match="number of hours above 0, or all, not “soon”"):
        log(ws, window="soon")
    assert "within 24 hours" in " ".join(one.message for one in report.warnings)


def test_a_unit_in_two_arms_may_count_where_it_was_first_seen(ws: Workspace):
    _, _, report = log(ws, crossovers="first_seen")
    assert report.arms == {"a": 3, "b": 3}
    with pytest.raises(InvalidInputError, match="more than one variant: “u6”"):
        log(ws, crossovers="refuse")


def test_several_events_are_outcomes_of_their_own(ws: Workspace):
    draft, mapping, _ = log(ws, conversion_events=("buy", "scroll"))
    experiment = ingestion.create_from_import(ws, LOCAL, draft.import_id, mapping, name="Two")
    assert [metric.key for metric in experiment.metrics] == ["buy", "scroll", "amount"]


def test_an_amount_that_is_no_number_blocks_only_where_it_counts(ws: Workspace):
    text = LOG + "u9,,buy,2026-05-04 08:00,much\nu7,,scroll,2026-05-04 08:00,many\n"
    draft = receive(ws, text)
    mapping = ingestion.give_role(draft.detection.proposal, 4, Role.VALUE)
    mapping = replace(
        mapping, conversion_events=("buy",), exposure_event="seen", window="all", control="a"
    )
    report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
    assert [(one.rule, one.lines) for one in report.blocking] == [("NUMBER", (20,))]


def test_nothing_is_read_while_it_is_open_which_event_counts(ws: Workspace):
    draft = receive(ws, LOG)
    _, report = read(ws, draft, control="a")
    assert report.rows_read == 0
    assert {"CONVERSION_EVENT", "CONVERSION_WINDOW"} <= {one.code for one in report.questions}


def test_exposures_and_purchases_in_two_files_are_one_log(ws: Workspace):
    seen = "user_id,variant,exposed_at\n" + "".join(
        f"u{n},{'ab'[n % 2]},2026-05-01 10:{n:02}\n" for n in range(20)
    )
    bought = "user_id,bought_at,revenue\n" + "".join(
        f"u{n % 8},2026-05-02 10:{n:02},{n}\n" for n in range(16)
    )
    sources = [
        (io.BytesIO(t.encode()), n) for t, n in ((seen, "seen.csv"), (bought, "buys.csv"))
    ]
    draft = ingestion.receive_files(ws, LOCAL, sources)
    assert draft.questions[0].default == "events"
    dialect = replace(draft.detection.dialect, combine="events")
    draft = ingestion.look_again(ws, LOCAL, draft.import_id, dialect=dialect)
    assert draft.detection.proposal.exposure_event == "exposure"
    mapping, report = read(ws, draft, conversion_events=("buys",), window="all", control="a")
    assert (report.rows_read, report.rows_left_out) == (36, 0)
    ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Two files")
    assert stored(ws, "SELECT arm, sum(c0), sum(c1) FROM TABLE GROUP BY arm ORDER BY arm") == [
        ("a", 4, 56.0), ("b", 4, 64.0),
    ]  # fmt: skip


SNAPSHOTS = (
    "experiment_id,metric_id,time_since_start,count_c,count_t,mean_c,mean_t,variance_c,variance_t\n"
    "x1,1,1.0,100,101,0.5,0.6,0.25,0.24\nx1,1,2.0,200,201,0.5,0.6,0.25,0.24\n"
    "x1,2,1.0,100,101,10,11,4,5\nx1,2,2.0,200,201,10,12,4,5\n"
)


def test_of_running_totals_the_last_reading_counts(ws: Workspace):
    draft = receive(ws, SNAPSHOTS)
    mapping, report = read(ws, draft, control="control")
    assert [c.role for c in mapping.columns if c.name == "time_since_start"] == [Role.TIME]
    assert report.arms == {"control": 200, "treatment": 201}
    assert (report.rows_read, report.rows_used, report.by_rule) == (8, 8, ())
    assert "8 rows are running totals" in " ".join(one.message for one in report.warnings)
    ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Moments")
    view = analyses.look(ws, LOCAL, "moments")
    assert view.design.basis == "moments"
    metric = view.result.metrics[1]
    assert [arm.value for arm in metric.arms] == [10, 12]
    assert metric.arms[1].contrast is not None
    assert metric.arms[1].contrast.difference == 2
    course = courses.series(ws, LOCAL, "moments", metric.key)["treatment"]
    assert [(point.day, point.control_n, point.difference) for point in course] == [
        (1.0, 100, 1), (2.0, 200, 2),
    ]  # fmt: skip


DAILY = "variant,day,n,mean,variance\n" + "".join(
    f"{arm},2026-05-0{day},{n},{mean},4\n"
    for day, (n, ours, theirs) in enumerate(((10, 5, 6), (30, 6, 6), (20, 4, 7)), 1)
    for arm, mean in (("control", ours), ("new", theirs))
)


@pytest.mark.parametrize(
    ("how", "n", "difference", "course"),
    (
        ("parts", 60, 1.1667, [(10, 1.0), (40, 0.25), (60, 1.1667)]),
        ("running", 20, 3.0, [(10, 1.0), (30, 0.0), (20, 3.0)]),
    ),
)
def test_what_readings_on_several_days_are_is_asked(
    ws: Workspace, how: str, n: int, difference: float, course: list[tuple[int, float]]
):
    """Means 5, 6, 4 of 10, 30, 20 units make 5.1667; 6, 6, 7 make 6.3333."""
    draft = receive(ws, DAILY)
    mapping, report = read(ws, draft)
    question = next(one for one in report.questions if one.code == "READINGS")
    assert (question.default, "line 6" in question.text) == ("parts", True)
    mapping, report = read(ws, draft, readings=how)
    assert (report.rows_read, report.rows_used, report.questions) == (6, 6, ())
    ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Days")
    view = analyses.look(ws, LOCAL, "days")
    found = view.result.metrics[0].arms[1].contrast
    assert found is not None
    assert view.result.metrics[0].arms[0].n == n
    assert found.difference == pytest.approx(difference, abs=1e-4)
    points = courses.series(ws, LOCAL, "days", view.result.metrics[0].key)["new"]
    assert [p.control_n for p in points] == [n for n, _ in course]
    assert [p.difference for p in points] == pytest.approx([d for _, d in course], abs=1e-4)
    assert [p.day for p in points] == [date(2026, 5, day) for day in (1, 2, 3)]


def days(counts: dict[str, list[tuple[int, int]]]) -> str:
    """Visitors and purchases of each arm, day by day from 1 May."""
    rows = [
        f"2026-05-{day:02},{arm},{visitors},{purchases}"
        for arm, found in counts.items()
        for day, (visitors, purchases) in enumerate(found, 1)
    ]
    return "\n".join(("date,variant,visitors,purchases", *rows, ""))


def test_totals_by_day_have_a_course(ws: Workspace):
    text = days({
        "control": [(100, 10), (90, 8), (110, 12)], "new": [(98, 12), (95, 9), (105, 11)],
    })  # fmt: skip
    draft = receive(ws, text)
    mapping, report = read(ws, draft)
    assert (report.questions, report.rows_used) == ((), 6)
    ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Totals")
    view = analyses.look(ws, LOCAL, "totals")
    points = courses.series(ws, LOCAL, "totals", view.result.metrics[0].key)["new"]
    assert [(p.day.day, p.control_n, p.treatment_n) for p in points] == [  # type: ignore[union-attr]
        (1, 100, 98), (2, 190, 193), (3, 300, 298),
    ]  # fmt: skip
    assert points[-1].difference == view.result.metrics[0].arms[1].contrast.difference  # type: ignore[union-attr]


RUNNING = days({
    "control": [(100, 10), (190, 18), (300, 30)], "new": [(98, 12), (193, 21), (298, 32)],
})  # fmt: skip


def test_totals_that_never_fall_may_be_running_and_that_is_asked(ws: Workspace):
    assert not read(
        ws,
        receive(
            ws,
            days(
                {
                    "control": [(100, 10), (101, 11), (109, 12)],
                    "new": [(98, 1), (99, 2), (99, 3)],
                }
            ),
        ),
    )[1].questions
    draft = receive(ws, RUNNING)
    mapping, report = read(ws, draft)
    question = next(one for one in report.questions if one.code == "READINGS")
    assert question.default == "parts"
    mapping, report = read(ws, draft, readings="running")
    assert report.arms == {"control": 300, "new": 298}
    assert report.rows_used == 6
    ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Totals")
    view = analyses.look(ws, LOCAL, "totals")
    assert [arm.n for arm in view.result.metrics[0].arms] == [300, 298]
    points = courses.series(ws, LOCAL, "totals", view.result.metrics[0].key)["new"]
    assert [(p.control_n, p.treatment_n) for p in points] == [(100, 98), (190, 193), (300, 298)]


def test_totals_that_fall_are_no_running_totals(ws: Workspace):
    draft = receive(ws, RUNNING.replace("193,21", "90,21"))
    with pytest.raises(InvalidInputError, match="Line 6 is no running total"):
        read(ws, draft, readings="running")


def test_a_newer_export_of_moments_shows_the_difference(ws: Workspace):
    draft = receive(ws, SNAPSHOTS)
    mapping, _ = read(ws, draft, control="control")
    ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Moments")
    made = analyses.look(ws, LOCAL, "moments").experiment.id
    newer = SNAPSHOTS + "x1,1,3.0,300,301,0.5,0.7,0.25,0.24\n"
    again = ingestion.receive(
        ws, LOCAL, io.BytesIO(newer.encode()), "x.csv", experiment_id=made
    )
    mapping = replace(again.detection.proposal, control="control")
    report = ingestion.check(ws, LOCAL, again.import_id, mapping)
    assert report.difference is not None
    ingestion.commit(ws, LOCAL, again.import_id, existing="replace")
    course = courses.series(ws, LOCAL, "moments", "1")["treatment"]
    assert [point.control_n for point in course] == [100, 200, 300]


def test_control_that_stands_beside_every_treatment_counts_once(ws: Workspace):
    text = (
        "variant_id,count_c,count_t,mean_c,mean_t,variance_c,variance_t\n"
        "1,100,101,10,11,4,5\n2,100,99,10,12,4,5\n"
    )
    draft = receive(ws, text)
    _, report = read(ws, draft, control="control")
    assert report.arms == {"control": 100, "1": 101, "2": 99}
    assert report.questions == ()
    assert [(one.rule, one.blocking) for one in report.by_rule] == [("READING_COPY", False)]


def test_a_second_row_of_one_time_is_refused(ws: Workspace):
    draft = receive(ws, DAILY + "new,2026-05-03,21,7,4\n")
    _, report = read(ws, draft, readings="running")
    assert [(one.rule, one.lines) for one in report.blocking] == [("READING_TWICE", (8,))]


@pytest.mark.parametrize(
    ("row", "rule"),
    (
        ("b,-5,1,1", "COUNT"),
        ("b,5.5,1,1", "COUNT"),
        ("b,5,much,1", "NUMBER"),
        ("b,5,1,-1", "VARIANCE"),
        ("b,5,inf,1", "NUMBER"),
    ),
)
def test_moments_that_cannot_be_are_refused_by_line(ws: Workspace, row: str, rule: str):
    draft = receive(ws, f"variant,n,mean,variance\na,10,1,1\nc,10,1,1\n{row}\n")
    _, report = read(ws, draft, control="a")
    assert [(one.rule, one.lines) for one in report.blocking] == [(rule, (4,))]


def test_a_standard_deviation_is_as_good_as_a_variance(ws: Workspace):
    draft = receive(ws, "variant,users,mean_order,sd_order\na,100,10,3\nb,100,11,4\n")
    mapping, _ = read(ws, draft, control="a")
    ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Spread")
    cells = analyses.look(ws, LOCAL, "spread").cells
    assert sorted(c.summaries["value"].variance for c in cells.values()) == [9, 16]  # type: ignore[union-attr]


MANY = "experiment,variant,user_id,converted\n" + "".join(
    f"{test},{'ab'[n % 2]},u{n},{n % 3 == 0:d}\n"
    for test in ("one", "two", "Three")
    for n in range(20)
)


def test_which_of_several_experiments_is_read_is_asked(ws: Workspace):
    draft = receive(ws, MANY)
    question = next(one for one in draft.questions if one.code == "EXPERIMENT")
    assert [c.value for c in question.choices] == ["one", "two", "Three", "*", "-"]
    mapping, report = read(ws, draft, control="a", experiment="two")
    assert (report.rows_read, report.rows_used) == (60, 20)
    assert [(one.rule, one.rows) for one in report.by_rule] == [("OTHER_EXPERIMENT", 40)]
    ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Two")
    assert stored(ws, "SELECT min(line), max(line) FROM TABLE") == [(22, 41)]


def test_each_experiment_of_a_file_becomes_one_or_none_does(ws: Workspace):
    draft = receive(ws, MANY)
    mapping, report = read(ws, draft, control="a", experiment="*")
    assert not report.questions
    with pytest.raises(ConflictError, match="several experiments"):
        ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="All")
    done = ingestion.commit_each(ws, LOCAL, draft.import_id, mapping, name="Test")
    assert [one.rows_used for one in done] == [20, 20, 20]
    views = [analyses.look(ws, LOCAL, slug) for slug in ("test-one", "test-two", "test-three")]
    assert [view.result.metrics[0].arms[0].n for view in views] == [10, 10, 10]
    broken = receive(ws, MANY + "".join(f"four,a,u{n},1\n" for n in range(5)))
    mapping, _ = read(ws, broken, control="a", experiment="*")
    with pytest.raises(InvalidInputError, match="Experiment “four”: "):
        ingestion.commit_each(ws, LOCAL, broken.import_id, mapping, name="Again")
    with ws.db.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM experiments").fetchone() == (3,)
    wanted = replace(mapping, experiments=("two", "three"))
    some = ingestion.commit_each(ws, LOCAL, broken.import_id, wanted, name="Some")
    assert [one.state for one in some] == ["committed"] * 2
    assert ingestion.undo(ws, LOCAL, some[0].id).state == "undone"
    assert import_steps.read_import(ws, LOCAL, some[1].id).state == "committed"
    missing = replace(mapping, experiments=("five",))
    again = receive(ws, MANY)
    with pytest.raises(InvalidInputError, match="no experiment “five”"):
        ingestion.commit_each(ws, LOCAL, again.import_id, missing, name="Some")


def test_a_local_time_is_read_in_its_zone_and_one_that_never_was_is_refused(ws: Workspace):
    rows = "".join(f"u{n},{'ab'[n % 2]},1,2026-05-01 00:{n:02}:00\n" for n in range(20))
    draft = receive(ws, f"user_id,variant,converted,at\n{rows}u99,a,1,2026-03-29 02:30:00\n")
    column = replace(draft.detection.proposal.columns[3], zone="Europe/Berlin")
    columns = (*draft.detection.proposal.columns[:3], column)
    mapping, report = read(ws, draft, control="a", columns=columns)
    assert [(one.rule, one.lines) for one in report.blocking] == [("TIME", (22,))]
    ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Zone", mode="good_rows")
    assert str(stored(ws, "SELECT min(first_ts) FROM TABLE")[0][0]) == "2026-04-30 22:00:00"


def test_conversions_alone_give_a_verdict_and_a_lift_but_no_rate(ws: Workspace):
    """187 against 142 at an even split: z 2.481, p 0.0131, +31.7 % (5.9 % to 63.7 %)."""
    draft = receive(ws, "variant,purchases\ncontrol,142\ntreatment,187\n")
    assert draft.detection.seen.startswith("Conversions per variant")
    mapping, report = read(ws, draft)
    assert "COUNTS_ONLY" in {one.code for one in report.warnings}
    ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Counts")
    view = analyses.look(ws, LOCAL, "counts")
    assert view.result.verdict.basis == "counts_only"
    assert view.result.verdict.code == "better"
    metric = view.result.metrics[0]
    assert [(arm.n, arm.conversions) for arm in metric.arms] == [(142, 142), (187, 187)]
    assert {getattr(arm.value, "reason", "") for arm in metric.arms} == {"no_users"}
    found = metric.arms[1].contrast
    assert found is not None
    assert found.statistic == pytest.approx(2.4809303, rel=1e-6)
    assert found.p_value == pytest.approx(0.0131040, rel=1e-5)
    exact = 2 * sum(comb(329, x) for x in range(187, 330)) / 2**329
    assert found.p_value_exact == pytest.approx(exact, rel=1e-9)
    assert found.p_value_exact == pytest.approx(0.0151, abs=5e-5)
    assert from_dict(to_dict(view.result)) == view.result
    lift = (found.relative_lift, found.relative_lift_ci_lower, found.relative_lift_ci_upper)
    # Wilson's interval of 187/329 (0.51438 … 0.62228), as a lift s / (1 - s) - 1
    assert lift == pytest.approx((45 / 142, 0.0592371, 0.6372438), rel=1e-6)
    assert getattr(found.difference, "reason", "") == "no_users"
    checks = {check.check: check.level for check in view.result.health}
    assert checks["counts_only"] == "warn"
    assert "sample_ratio_mismatch" not in checks


def test_conversions_of_an_uneven_split_are_held_against_it(ws: Workspace):
    draft = receive(ws, "variant,purchases\ncontrol,900\ntreatment,100\n")
    mapping, _ = read(ws, draft, split={"control": 9000, "treatment": 1000})
    ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Uneven")
    found = analyses.look(ws, LOCAL, "uneven").result.metrics[0].arms[1].contrast
    assert found is not None
    assert found.statistic == pytest.approx(0, abs=1e-9)
    assert found.relative_lift == pytest.approx(0, abs=1e-9)
