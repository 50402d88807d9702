"""The results page on hand-made results: every state, every choice, no dead end."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from experiments_core.analysis.design import Design, Quality
from experiments_core.analysis.results import ExperimentResult
from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, ExperimentDraft, Plan, VariantDraft
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.errors import WorkspaceError
from experiments_core.services import (
    acting,
    analyses,
    courses,
    experiments,
    explaining,
    segmenting,
    workspace,
)
from experiments_core.services.cutting import Cut
from experiments_core.stats.estimate import Undefined
from tests.charts import examples
from tests.charts.figures import plain
from tests.pages.running import run_page
from tests.pages.words import seen, tables

pytestmark = pytest.mark.usefixtures("told")
COUNTED = itertools.count()
BEACON = "![x](http://example.invalid/beacon) :red[B] $a$ <img src=x>"


@pytest.fixture
def ws() -> Iterator[workspace.Workspace]:
    opened = workspace.use(workspace.open_workspace(":memory:"))
    yield opened
    workspace.stop()


def running(ws: workspace.Workspace, name: str, treatment: str = "B") -> Experiment:
    draft = ExperimentDraft(
        name=name,
        hypothesis="Fewer fields, more orders.",
        variants=(
            VariantDraft("control", "Control", True, 5000),
            VariantDraft("B", treatment, False, 5000),
        ),
        metrics=(Proportion("paid_order"),),
        plan=Plan(planned_units=56_200),
    )
    made = experiments.create_experiment(ws, LOCAL, draft)
    at = datetime(2026, 5, 6, tzinfo=UTC)
    return acting.transition(ws, LOCAL, made.id, "start", version=made.version, at=at)


@dataclass
class Told:
    """What the patched services answer, and what they were asked."""

    result: ExperimentResult
    asked: list[str]


def look_at(result: ExperimentResult) -> SimpleNamespace:
    """What the page reads of a look, around a result made by hand."""
    arms = tuple(arm.variant for arm in result.metrics[0].arms) if result.metrics else ()
    return SimpleNamespace(
        result=result,
        experiment=SimpleNamespace(id=f"this one {next(COUNTED)}", sample=False),
        taken_at=datetime(2026, 5, 20, 9, 14, tzinfo=UTC),
        views=2,
        newer_data=False,
        data_as_of=None,
        covariates=(),
        query=None,
        quality=Quality(rows_read=5_865),
        cut=Cut(),
        design=Design(arms=arms, reference=result.reference, metrics=(), phases=()),
    )


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    answer = Told(examples.shorter_checkout(), [])

    def noting(name: str, make: Callable[[], Any]) -> Callable[..., Any]:
        def call(*_: object, **__: object) -> Any:
            answer.asked.append(name)
            return make()

        return call

    explanation = SimpleNamespace(
        formula="z = d / s",
        numbers="z = 2.36",
        sql="SELECT 1",
        moments=[{"arm": "B", "n": 1}],
        steps=(),
    )
    view = (
        (analyses, "look", lambda: look_at(answer.result)),
        (courses, "daily", dict),
        (courses, "lifts", lambda: {("paid_order", "B"): (0.05, 0.09, 0.075)}),
        (courses, "series", lambda: {"B": examples.cumulative_points()}),
        (segmenting, "segment_columns", lambda: ("device",)),
        (segmenting, "segments", lambda: examples.segments()[:3]),
        (segmenting, "opened_slices", tuple),
        (explaining, "explained", lambda: explanation),
        (segmenting, "explained_segment", lambda: explanation),
    )
    for home, name, make in view:
        monkeypatch.setattr(home, name, noting(name, make))
    return answer


def box(app: AppTest, label: str) -> Any:
    """The select box with this label."""
    return next(one for one in app.selectbox if one.label == label)


def opened(**params: str) -> AppTest:
    return run_page("results", **params)


def written(app: AppTest) -> str:
    return raw(app).replace("\\", "") + seen(app)


def headings(app: AppTest) -> list[str]:
    """Titles and section titles, in order."""
    found = [re.findall(r"<h[12]>(.*?)</h[12]>", one.value) for one in app.html]
    return [html.unescape(one) for part in found for one in part]


def raw(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in app.markdown)


def spec(app: AppTest, place: int = 0) -> str:
    text = app.get("plotly_chart")[place].proto.spec
    return plain(text.encode().decode("unicode_escape") if "\\u202f" in text else text)


@pytest.mark.usefixtures("ws")
def test_without_experiments_the_page_says_what_fills_it():
    app = opened()
    assert app.subheader[0].value == r"Nothing here yet\."
    assert [button.label for button in app.button] == ["Go to experiments"]


def test_an_old_link_says_so_and_offers_the_others(ws: workspace.Workspace):
    running(ws, "Shorter checkout")
    app = opened(exp="gone")
    assert "There is no experiment" in app.subheader[0].value
    assert app.selectbox[0].options == ["Shorter checkout"]
    assert app.selectbox[0].value is None


def test_the_verdict_stands_first_then_the_figure(ws: workspace.Workspace):
    running(ws, "Shorter checkout")
    app = opened(exp="shorter-checkout")
    assert headings(app)[0].startswith("B is better")
    assert "2 of 3 checks pass; 1 to know about" in written(app)
    assert "<b>+7.5 %</b>" in spec(app)
    assert headings(app)[1].startswith("Scorecard:")


def test_the_figure_is_sent_once_with_words_for_a_screen_reader(ws: workspace.Workspace):
    running(ws, "Shorter checkout")
    told = [plain(one.proto.alt) for one in opened().get("plotly_chart")]
    assert sum("Paid order, B: 8.09 % to 8.70 %" in one for one in told) == 1


def test_the_table_of_numbers_is_real_text(ws: workspace.Workspace):
    running(ws, "Shorter checkout")
    table = tables(opened())[0]
    assert len(table) == 14
    assert plain(table["Lift"][1]) == "+7.5 %"


def test_a_closed_gate_says_the_cause_and_greys_the_numbers(
    ws: workspace.Workspace, told: Told
):
    closed = examples.gate_closed()
    one_phase: dict[str, object] = {"observed": {"B": 4_320}, "weights": {}, "p_value": None}
    facts: dict[str, object] = {
        "observed": {"control": 3_680, "B": 4_320}, "expected": {"control": 4_000.0, "B": 4e3},
        "residuals": {"control": -7.155}, "degrees_of_freedom": 1, "by_phase": [one_phase],
        "chi_square": 51.2, "share": 0.0312, "misleading_total": False,
    }  # fmt: skip
    ratio = replace(closed.health[0], facts=facts)
    told.result = replace(closed, health=(ratio, *closed.health[1:]))
    running(ws, "Search ranking")
    app = opened()
    assert headings(app)[0] == "Traffic is not what you asked for."
    assert "not usable" in spec(app)
    assert "1 of 3 checks pass; 2 to know about" in written(app)
    card = plain(seen(app))
    for line in (
        "What to do: Look for what counts people",
        "\nControl: 3 680 counted, 4 000 expected\nB: 4 320 counted, 4 000 expected",
        "\nchi-square: 51.2\nshare: 3.1 %\nplain total misleads: no",
    ):
        assert line in card
    assert "by phase" not in card


@pytest.mark.parametrize("basis", ("units", "stored"))
def test_no_data_has_doors_and_no_chart(ws: workspace.Workspace, told: Told, basis: str):
    bare = replace(examples.no_metrics(), health=(), progress=None)
    code = {"units": "no_data", "stored": "cannot_say"}[basis]
    told.result = replace(bare, verdict=replace(bare.verdict, code=code, basis=basis))
    running(ws, "Empty")
    app = opened()
    assert app.get("plotly_chart") == []
    assert "Upload a file" in [button.label for button in app.button]
    assert "5 865 rows and events came, but none counts" in plain(written(app))


def test_too_early_shows_counts_without_a_verdict(ws: workspace.Workspace, told: Told):
    early = examples.interim()
    told.result = replace(early, verdict=replace(early.verdict, code="too_early"))
    running(ws, "Young")
    app = opened()
    assert "interim" in spec(app)
    assert '"better"' not in spec(app)


def test_a_segment_is_written_out_when_somebody_asks(ws: workspace.Workspace, told: Told):
    running(ws, "Shorter checkout")
    app = opened(tab="segments")
    assert "explained_segment" not in told.asked
    asked = next(one for one in app.toggle if one.key.startswith("explain-segment"))
    asked.set_value(True).run()
    assert "explained_segment" in told.asked
    assert "z = 2.36" in [one.value for one in app.code]


def test_metrics_without_a_lift_on_any_day_say_why(
    ws: workspace.Workspace, monkeypatch: pytest.MonkeyPatch
):
    none = Undefined("zero_control")
    points = tuple(replace(p, relative_lift=none) for p in examples.cumulative_points())
    monkeypatch.setattr(courses, "series", lambda *_, **__: {"B": points})
    running(ws, "Zero")
    assert "Control has none, so no relative lift exists." in written(opened())


def test_the_switch_shows_differences_under_the_same_verdict(ws: workspace.Workspace):
    running(ws, "Shorter checkout")
    app = opened(show="difference")
    assert "<b>+0.61 pp</b>" in spec(app)
    assert "better" in spec(app)


def test_only_the_open_tab_is_computed(ws: workspace.Workspace, told: Told):
    running(ws, "Shorter checkout")
    opened(tab="raw")
    assert told.asked == ["look", "daily", "lifts", "explained"]


@pytest.mark.parametrize(
    ("tab", "words"),
    (
        ("time", "The lift has stayed near"),
        ("segments", "One of 3 segments stands out"),
        ("phases", "Inside each phase B leads"),
        ("raw", "How this was computed"),
    ),
)
def test_a_link_opens_its_tab(ws: workspace.Workspace, tab: str, words: str):
    running(ws, "Shorter checkout")
    assert words in written(opened(tab=tab))


def test_a_link_chooses_the_metric(ws: workspace.Workspace):
    running(ws, "Shorter checkout")
    app = opened(metric="page_load", tab="raw")
    assert box(app, "Metric").value == "page_load"


def test_a_choice_goes_into_the_address(ws: workspace.Workspace):
    running(ws, "Shorter checkout")
    app = opened()
    box(app, "Metric").select("time_to_pay").run()
    assert app.query_params["metric"] in ("time_to_pay", ["time_to_pay"])


def test_three_arms_can_be_told_apart(ws: workspace.Workspace, told: Told):
    told.result = examples.three_arms()
    running(ws, "Three")
    app = opened(tab="raw")
    assert box(app, "Variant").options == ["B", "<b>C</b> & co"]


def test_names_from_data_are_never_markup(ws: workspace.Workspace):
    running(ws, BEACON, treatment=BEACON)
    for tab in ("time", "segments", "phases", "raw"):
        app = opened(tab=tab)
        assert not any(sign in raw(app) for sign in ("![x](http", ":red[B]"))
        assert "&lt;img src=x&gt;" in "".join(one.value for one in app.html)
        assert not any("<img" in one.value for one in app.html)


def test_an_error_is_a_sentence_and_keeps_the_picker(
    ws: workspace.Workspace, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object, **__: object) -> None:
        raise WorkspaceError("The file cannot be read.", hint="Restore the last backup.")

    monkeypatch.setattr(analyses, "look", fail)
    running(ws, "Shorter checkout")
    app = opened()
    assert "The file cannot be read." in written(app)
    assert "Code WORKSPACE" in written(app)
    assert app.selectbox[0].value == "shorter-checkout"
