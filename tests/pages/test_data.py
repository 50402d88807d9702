"""Data: a file comes in only when every row is accounted for and every question answered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.source import Role
from experiments_core.services import analyses, experiments, ingestion
from experiments_core.services.import_report import ImportReport, RuleCount, by_rule
from experiments_core.services.workspace import Workspace
from experiments_core.store.staged import Broken
from pages.parts import data_report
from tests.pages.words import button, field, said, tables, unescaped

Open = Callable[..., AppTest]

TOTALS = b"variant,visitors,conversions\ncontrol,5000,500\nB,5000,580\n"


def unit_rows(*extra: str, users: int = 400) -> bytes:
    """One row per user, both arms in turn; further lines at the end."""
    lines = ["user_id,variant,paid,revenue,country"]
    for number in range(users):
        arm = ("control", "B")[number % 2]
        paid = int(number % 7 == 0)
        lines.append(f"u{number:04d},{arm},{paid},{paid * 20.5},DE")
    return "\n".join([*lines, *extra, ""]).encode()


def drop(app: AppTest, content: bytes, name: str = "checkout_export.csv") -> AppTest:
    app.get("file_uploader")[0].upload(name, content, "text/csv")
    return app.run()


def reply(app: AppTest, label: str) -> AppTest:
    """Choose an answer by its words."""
    for group in (*app.get("button_group"), *app.radio):
        for choice in group.options:
            text = getattr(choice, "content", choice)
            if unescaped(text).startswith(label):
                group.set_value(_value(app, label)).run()
                return app
    raise AssertionError(label)


def _value(app: AppTest, label: str) -> str:
    known = app.session_state["data-draft"]
    return next(
        choice.value
        for question in known.questions
        for choice in question.choices
        if choice.label.startswith(label)
    )


def selectbox(app: AppTest, label: str) -> Any:
    return next(one for one in app.selectbox if unescaped(one.label) == label)


def only_experiment(ws: Workspace) -> Experiment:
    (found,) = experiments.list_experiments(ws, LOCAL)
    return found


def test_totals_become_a_verdict_in_three_steps(ws: Workspace, open_page: Open) -> None:
    app = drop(open_page("data"), TOTALS)
    assert not app.exception
    text = said(app)
    assert "Totals per variant, 2 rows, 2 variants" in text
    assert "2 rows used, 0 left out" in text
    assert "1 question to answer first." in text
    assert button(app, "Import 2 rows").disabled
    app = reply(app, "Yes, no more data")
    button(app, "Import 2 rows").click().run()
    assert not app.exception
    made = only_experiment(ws)
    assert made.name == "Checkout export"
    result = analyses.look(ws, LOCAL, made.id).result
    assert [arm.n for arm in result.metrics[0].arms] == [5000, 5000]
    assert result.verdict.code == "better"


def test_rows_read_are_rows_used_and_left_out_and_the_button_names_both(
    ws: Workspace, open_page: Open
) -> None:
    content = unit_rows("u0000,B,0,0,DE", "u9001,B,maybe,0,DE", "u9002,control,1,3.5,US")
    app = reply(drop(open_page("data"), content), "Yes")
    text = said(app)
    assert "One row per unit, 403 rows, 2 variants" in text
    assert "400 rows used, 3 left out" in text
    table = unescaped(tables(app)[0].to_string())
    assert "UNIT_IN_TWO_ARMS" in table
    assert "OUTCOME_UNKNOWN_WORD" in table or "OUTCOME" in table
    button(app, "Import 400 rows, leave out 3").click().run()
    assert not app.exception
    (record,) = ingestion.imports_of(ws, LOCAL, only_experiment(ws).id)
    assert (record.rows_read, record.rows_used, record.rows_left_out) == (403, 400, 3)


def test_what_blank_means_is_asked_and_the_answer_can_be_changed(
    ws: Workspace, open_page: Open
) -> None:
    content = unit_rows("u9001,B,1,,DE", "u9002,control,0,,DE")
    app = reply(drop(open_page("data"), content), "Yes")
    assert "“revenue” is empty in 2 rows" in said(app)
    assert button(app, "Import 402 rows").disabled
    app = reply(app, "Zero")
    assert not button(app, "Import 402 rows").disabled
    mapping = app.session_state["data-draft"].mapping
    assert [c.blank for c in mapping.named(Role.VALUE)] == ["zero"]
    app = reply(app, "Unknown")
    mapping = app.session_state["data-draft"].mapping
    assert [c.blank for c in mapping.named(Role.VALUE)] == ["exclude"]
    assert not experiments.list_experiments(ws, LOCAL)


def test_a_column_can_be_used_as_something_else(open_page: Open) -> None:
    app = drop(open_page("data"), unit_rows())
    known = app.session_state["data-draft"]
    key = f"data-columns-{known.draft.import_id}-0"
    app.session_state[key] = {
        "edited_rows": {4: {"Use as": "Not used"}}, "added_rows": [], "deleted_rows": [],
    }  # fmt: skip
    app.run()
    known = app.session_state["data-draft"]
    known.use(4, Role.IGNORE)
    app.run()
    assert not app.exception
    assert not known.mapping.named(Role.SEGMENT)


def test_some_of_the_experiments_in_a_file_are_imported_and_each_can_be_undone(
    ws: Workspace, open_page: Open
) -> None:
    rows = "".join(
        f"{test},u{n},{('control', 'B')[n % 2]},{n % 3 == 0:d}\n"
        for test in ("one", "two", "three") for n in range(20)
    )  # fmt: skip
    app = drop(open_page("data"), f"experiment,user_id,variant,paid\n{rows}".encode())
    app.session_state["data-draft"].answers["experiment"] = "*"
    app.run()
    some = next(one for one in app.multiselect if one.label == "Which of them")
    assert some.options == ["one", "two", "three"]
    app = some.set_value(["one", "three"]).run()
    app = reply(app, "Yes, no more data")
    button(app, "Import each experiment").click().run()
    assert not app.exception
    assert "2 experiments imported: 40 rows in use" in unescaped(said(app))
    slugs = {one.slug for one in experiments.list_experiments(ws, LOCAL)}
    assert slugs == {"checkout-export-one", "checkout-export-three"}
    button(app, "Undo 20 rows").click().run()
    assert "2 experiments imported: 20 rows in use" in unescaped(said(app))
    button(app, "Close").click().run()
    assert "experiments imported" not in said(app)


def test_of_several_rows_of_a_unit_each_column_can_count_in_its_own_way(
    open_page: Open,
) -> None:
    extra = [f"u{n:04d},{('control', 'B')[n % 2]},1,{n},DE" for n in range(20)]
    app = drop(open_page("data"), unit_rows(*extra))
    assert "20 of “user_id” have several rows" in said(app)
    app = reply(app, "Converted at least once; numbers added up")
    assert "Several rows per unit, 420 rows" in said(app)
    known = app.session_state["data-draft"]
    known.rules[3] = "last"
    app.run()
    assert not app.exception
    assert "of “revenue” the last value counts" in said(app)
    assert known.mapping.columns[3].repeats == "last"


@pytest.mark.parametrize(
    ("content", "sentence"),
    (
        (b"", "The file is empty (0 bytes)."),
        (b"user_id,variant,paid\n", "header"),
        (b"variant,paid\ncontrol,1\ncontrol,0\n", "only one variant"),
        (b"<html><body>x</body></html>", "This is an HTML page"),
    ),
)
def test_a_file_that_cannot_be_used_says_why_and_leaves_nothing(
    ws: Workspace, open_page: Open, content: bytes, sentence: str
) -> None:
    app = drop(open_page("data"), content)
    assert not app.exception
    text = said(app)
    assert sentence in text
    assert "Nothing of this file was stored." in text
    assert not experiments.list_experiments(ws, LOCAL)
    app = drop(app, TOTALS)
    assert "Totals per variant" in said(app)


def test_the_same_file_again_is_recognised(ws: Workspace, open_page: Open) -> None:
    app = reply(drop(open_page("data"), TOTALS), "Yes")
    button(app, "Import 2 rows").click().run()
    app = drop(open_page("data", exp=only_experiment(ws).slug), TOTALS, "again.csv")
    assert not app.exception
    assert "You imported this file on" in said(app)
    assert "Nothing to do." in said(app)
    button(app, "Choose another file").click().run()
    assert "The rows belong to" in [one.label for one in app.selectbox]


def test_an_import_can_be_undone_and_its_record_stays(ws: Workspace, open_page: Open) -> None:
    app = reply(drop(open_page("data"), unit_rows()), "Yes")
    button(app, "Import 400 rows").click().run()
    made = only_experiment(ws)
    app = open_page("data", exp=made.id)  # a link may name it by its id or key, too
    assert "Imports: 400 rows in use" in said(app)
    button(app, "Undo 400 rows").click().run()
    assert not app.exception
    assert "undone; 400 read" in said(app)
    assert "Imports: 0 rows in use" in said(app)
    assert analyses.look(ws, LOCAL, made.id).result.verdict.code == "no_data"
    button(app, "Redo 400 rows").click().run()
    assert not app.exception
    assert "Imports: 400 rows in use" in said(app)


def test_a_link_to_an_experiment_that_is_gone_says_so(open_page: Open) -> None:
    app = open_page("data", exp="gone")
    assert selectbox(app, "The rows belong to").value == ""
    assert "“gone” takes no data: it was archived or deleted" in said(app)


def test_cancel_leaves_nothing(ws: Workspace, open_page: Open) -> None:
    app = drop(open_page("data"), unit_rows())
    button(app, "Cancel").click().run()
    assert not app.exception
    assert app.get("file_uploader")
    assert not list((ws.db.side / "uploads").iterdir())


def test_a_refused_name_leaves_no_experiment_behind(ws: Workspace, open_page: Open) -> None:
    app = reply(drop(open_page("data"), TOTALS), "Yes")
    field(app, "Name of the new experiment").set_value(" ").run()
    button(app, "Import 2 rows").click().run()
    assert not app.exception
    assert "Name is missing" in said(app)
    assert not experiments.list_experiments(ws, LOCAL)
    field(app, "Name of the new experiment").set_value("Good name").run()
    button(app, "Import 2 rows").click().run()
    assert only_experiment(ws).name == "Good name"


def test_a_file_of_the_inbox_needs_no_browser(ws: Workspace, open_page: Open) -> None:
    Path(ws.db.inbox).mkdir(exist_ok=True)
    (Path(ws.db.inbox) / "orders.csv").write_bytes(unit_rows())
    app = open_page("data")
    assert "orders.csv" in said(app)
    button(app, "Take it").click().run()
    assert not app.exception
    assert "One row per unit, 400 rows, 2 variants" in said(app)


def test_the_next_export_says_what_is_new_and_replaces_or_adds(
    ws: Workspace, open_page: Open
) -> None:
    app = reply(drop(open_page("data"), unit_rows()), "Yes")
    button(app, "Import 400 rows").click().run()
    made = only_experiment(ws)
    app = drop(open_page("data", exp=made.slug), unit_rows(users=500), "next.csv")
    assert not app.exception
    assert "400 units are in the data already" in said(app)
    assert "100 new units, 0 changed, 0 gone since the last import" in said(app)
    shown = [unescaped(one.to_string()) for one in tables(app)]
    assert any("+50" in text for text in shown)
    button(app, "Import 500 rows").click().run()
    records = ingestion.imports_of(ws, LOCAL, made.id)
    assert sorted(one.rows_used or 0 for one in records) == [100, 400]


def test_names_in_the_file_are_never_markup(open_page: Open) -> None:
    content = unit_rows().replace(b"paid", b"![x](http://127.0.0.1/b)")
    app = drop(open_page("data"), content, "**x**.csv")
    assert not app.exception
    assert not any("](http" in one.value.replace("\\", "#") for one in app.markdown)


def test_a_file_that_was_left_on_the_way_can_be_taken_up_or_thrown_away(
    ws: Workspace, open_page: Open
) -> None:
    drop(open_page("data"), unit_rows())
    app = open_page("data")  # the browser was closed meanwhile
    assert "nothing of these files is among the data" in said(app)
    app = button(app, "Go on").click().run()
    assert not app.exception
    assert "One row per unit, 400 rows, 2 variants" in said(app)
    button(reply(app, "Yes"), "Import 400 rows").click().run()
    assert only_experiment(ws).name == "Checkout export"
    drop(open_page("data"), unit_rows(users=300))
    app = open_page("data")
    app = button(app, "Throw away").click().run()
    assert not app.exception
    assert ingestion.unfinished(ws, LOCAL) == []


def test_units_in_two_arms_are_a_choice_that_shows_what_it_does(open_page: Open) -> None:
    app = reply(drop(open_page("data"), unit_rows("u0000,B,0,0,DE")), "Yes")
    assert "1 unit in two arms" in said(app)
    shown = [unescaped(one.to_string()) for one in tables(app)]
    assert any("left out" in text and "of 200" in text for text in shown)
    (choice,) = [one for one in app.radio if one.label == "Units in two arms"]
    app = choice.set_value("refuse").run()
    assert not app.exception
    assert "stand in more than one variant" in said(app)
    app = button(app, "Leave units in two arms out instead").click().run()
    assert "399 rows used, 2 left out" in said(app)


def test_a_contradicting_column_is_asked_about_with_both_results(open_page: Open) -> None:
    def page(line: str) -> str:
        number = int(line[1:5])
        return ("old", "new")[(number + (number in {10, 21})) % 2]

    header, *lines = unit_rows().decode().split("\n")[:-1]
    content = "\n".join([f"{header},page", *(f"{line},{page(line)}" for line in lines), ""])
    app = reply(drop(open_page("data"), content.encode()), "Yes")
    assert "“page” says another variant than “variant” in 2 rows" in said(app)
    shown = [unescaped(one.to_string()) for one in tables(app)]
    assert any("all rows count" in text for text in shown)
    app = reply(app, "Only those in which both agree")
    assert "398 rows used, 2 left out" in said(app)
    assert "VARIANT_CONTRADICTED" in unescaped(tables(app)[0].to_string())
    button(app, "Import 398 rows, leave out 2").click().run()
    assert not app.exception


def test_another_tool_s_totals_are_held_against_the_data_before_anything_is_replaced(
    ws: Workspace, open_page: Open
) -> None:
    app = reply(drop(open_page("data"), unit_rows()), "Yes")
    button(app, "Import 400 rows").click().run()
    made = only_experiment(ws)
    totals = b"variant,visitors,paid\ncontrol,200,29\nB,205,29\n"
    app = drop(open_page("data", exp=made.slug), totals, "tool.csv")
    assert not app.exception
    assert "This file and the data, arm by arm" in said(app)
    shown = " ".join(unescaped(one.to_string()) for one in tables(app))
    assert "Not explained" in shown
    assert "+5" in shown
    button(app, "Cancel").click().run()
    assert [one.state for one in ingestion.imports_of(ws, LOCAL, made.id)] == ["committed"]


def test_a_reason_leaves_out_the_count_that_its_column_shows():
    (told,) = by_rule([Broken("NUMBER", 1200, (2, 3), "revenue", ("abc",))])
    assert data_report.reason(told).startswith("Not a number. Line 2, revenue")


@pytest.mark.parametrize(
    ("rows", "out", "told"),
    (((3, 1), 4, "3 + 1 = 4"), ((1, 1), 1, "1 in all: a row can break more than one rule")),
)
def test_reasons_are_added_up_only_where_they_add_up(
    rows: tuple[int, ...], out: int, told: str
):
    rules = tuple(RuleCount("NUMBER", count, (2,), "", True) for count in rows)
    assert data_report.sum_of(ImportReport(9, 9 - out, out, out, {}, by_rule=rules)) == told


def test_the_intended_split_is_held_against_the_counted_one(
    ws: Workspace, open_page: Open
) -> None:
    uneven = [f"v{n:04d},control,0,0,DE" for n in range(1200)]
    app = drop(open_page("data"), unit_rows(*uneven))
    assert "50 : 50 was intended" in said(app)
    first, second = (one for one in app.number_input if "split" in (one.key or ""))
    first.set_value(87.5)
    second.set_value(12.5)
    button(app, "Use this split").click().run()
    assert not app.exception
    assert "was intended" not in said(app)
    reply(app, "Yes, no more data")
    button(app, "Import 1 600 rows").click().run()
    made = only_experiment(ws)
    assert {v.key: v.weight_bp for v in made.variants} == {"control": 8750, "B": 1250}


def test_names_that_the_experiment_does_not_have_are_mapped_or_left_out(
    ws: Workspace, open_page: Open
) -> None:
    app = reply(drop(open_page("data"), TOTALS), "Yes")
    button(app, "Import 2 rows").click().run()
    made = only_experiment(ws)
    rows = b"experiment,user_id,variant,paid\n" + b"".join(
        b"%s,u%d,%s,%d\n" % (test, number, arm, number % 3 == 0)
        for test in (b"one", b"two")
        for number, arm in enumerate((b"off", b"on", b"maybe") * 20)
    )
    app = drop(open_page("data", exp=made.slug), rows)
    assert not app.exception
    app = reply(app, "one")
    assert "The file has 3 names that Checkout export does not know" in said(app)
    selectbox(app, "“off” is").set_value("control").run()
    selectbox(app, "“on” is").set_value("B").run()
    assert not app.exception
    report = app.session_state["data-draft"].found
    assert report.arms == {"control": 20, "B": 20}
    assert [(one.rule, one.rows) for one in report.blocking] == [("VARIANT_UNKNOWN", 20)]
    selectbox(app, "“maybe” is").set_value("B").run()
    assert app.session_state["data-draft"].found.arms == {"control": 20, "B": 40}


def test_a_new_experiment_is_told_of_which_measures_less_is_better(
    ws: Workspace, open_page: Open
) -> None:
    content = b"variant,visitors,signups,refunds\ncontrol,5000,500,300\nB,5000,580,400\n"
    app = reply(drop(open_page("data"), content), "Yes, no more data")
    (chosen,) = (one for one in app.multiselect if one.label == "Less is better for")
    assert chosen.value == ["refunds"]
    chosen.set_value(["signups"]).run()
    button(app, "Import 2 rows").click().run()
    made = only_experiment(ws)
    good = [metric.preferred_direction.value for metric in made.metrics]
    assert good == ["decrease", "increase"]
