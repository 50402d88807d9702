"""Create: a draft at each step, nothing typed is lost, two people at once."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import ExperimentDraft, Plan
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.metric import MetricRole
from experiments_core.domain.metric_kinds import Mean, Proportion, Quantile, Ratio
from experiments_core.services import acting, experiments, library, metric_uses
from experiments_core.services.workspace import Workspace
from tests.pages.words import button, field, said, tables

Open = Callable[..., AppTest]


def go(app: AppTest, step: str) -> AppTest:
    return button(app, f"Go to {step}").click().run()


def key(app: AppTest, name: str) -> object:
    return next(one for one in app.get("text_input") if one.key == f"create-{name}")


def idea(app: AppTest) -> AppTest:
    field(app, "Name").set_value("Free-shipping banner")
    for label, text in (
        ("If we …", "show a banner"), ("for …", "visitors"), ("then …", "paid orders"),
        ("will …", "rise by 8 %"), ("because …", "shipping costs"),
    ):  # fmt: skip
        field(app, label).set_value(text)
    return app.run()


def test_five_steps_make_a_draft_that_can_start(ws: Workspace, open_page: Open) -> None:
    app = go(idea(open_page("create")), "arms")
    app = go(app, "metrics")
    key(app, "metric0-name").set_value("Paid order").run()
    app = go(app, "plan")
    for label, text in (("Baseline", "8.3"), ("Smallest lift", "8"), ("Users a day", "4200")):
        field(app, label).set_value(text)
    app.run()
    assert "56 160 users, 14 days" in said(app)
    app = go(app, "checklist")
    assert not app.exception
    saved = experiments.get_experiment(ws, LOCAL, "free-shipping-banner")
    assert saved.hypothesis == (
        "If we show a banner for visitors, then paid orders will rise by 8 %, "
        "because shipping costs."
    )
    assert saved.plan.planned_units == 56_160
    assert saved.plan.min_runtime_days == 14
    assert saved.metrics == (
        Proportion("paid_order", key="paid_order", name="Paid order",
                   relative_minimum_detectable_effect=0.08),
    )  # fmt: skip
    button(app, "Start the test").click().run()
    assert experiments.get_experiment(ws, LOCAL, saved.id).status is Status.RUNNING
    assert "This experiment is running." in said(app)


def test_a_split_that_does_not_add_up_is_told_by_how_much_and_kept(
    ws: Workspace, open_page: Open
) -> None:
    app = go(idea(open_page("create")), "arms")
    key(app, "arm0-share").set_value("49").run()
    assert "The split adds up to 99.00 %. It must be exactly 100 %: 1.00 % is missing." in said(
        app
    )
    app = go(app, "metrics")
    text = said(app)
    assert "1.00 % is missing" in text
    assert "Everything you typed is still here." in text
    assert "Not saved; your text is kept" in text
    saved = experiments.get_experiment(ws, LOCAL, "free-shipping-banner")
    assert list(saved.weights_bp.values()) == [5000, 5000]
    app = button(app, "Back to arms").click().run()
    assert key(app, "arm0-share").value == "49"
    button(app, "Equal").click().run()
    assert key(app, "arm0-share").value == "50"


def test_three_equal_arms_add_up_exactly(open_page: Open) -> None:
    app = go(idea(open_page("create")), "arms")
    button(app, "Add an arm").click().run()
    button(app, "Equal").click().run()
    assert [key(app, f"arm{n}-share").value for n in range(3)] == ["33.34", "33.33", "33.33"]
    assert "The split adds up to exactly 100 %." in said(app)


def test_without_a_name_nothing_is_saved_and_nothing_lost(
    ws: Workspace, open_page: Open
) -> None:
    app = open_page("create")
    field(app, "If we …").set_value("show a banner")
    app = go(app.run(), "arms")
    assert "Name is missing" in said(app)
    assert not experiments.list_experiments(ws, LOCAL)
    app = button(app, "Back to idea").click().run()
    assert field(app, "If we …").value == "show a banner"


def test_typed_text_survives_a_visit_to_another_page(open_page: Open) -> None:
    app = idea(open_page("create"))
    app.switch_page("pages/plan.py").run()
    app.switch_page("pages/create.py").run()
    assert field(app, "Name").value == "Free-shipping banner"
    assert field(app, "because …").value == "shipping costs"


def test_a_link_opens_the_draft_at_its_step(ws: Workspace, open_page: Open) -> None:
    metrics = (
        Proportion("paid", name="Paid"),
        Proportion("refund", role="guardrail", preferred_direction="decrease",
                   non_inferiority_margin=0.1),
    )  # fmt: skip
    draft = ExperimentDraft("Shorter form", hypothesis="Fewer fields.", metrics=metrics)
    saved = experiments.create_experiment(ws, LOCAL, draft)
    app = open_page("create", exp=saved.slug, step="metrics")
    assert not app.exception
    assert key(app, "metric1-column").value == "refund"
    assert key(app, "metric1-margin").value == "10.0"
    app = go(app, "plan")
    after = experiments.get_experiment(ws, LOCAL, saved.id)
    assert after.hypothesis == "Fewer fields."
    assert after.metrics[1] == metrics[1]
    assert [metric.role for metric in after.metrics] == [
        MetricRole.PRIMARY, MetricRole.GUARDRAIL,
    ]  # fmt: skip


def test_two_people_see_theirs_and_mine_and_lose_nothing(
    ws: Workspace, open_page: Open
) -> None:
    saved = experiments.create_experiment(ws, LOCAL, ExperimentDraft("Shorter form"))
    app = open_page("create", exp=saved.slug)
    experiments.edit_experiment(ws, LOCAL, saved.id, {"name": "Theirs"}, version=saved.version)
    field(app, "Name").set_value("Mine").run()
    app = go(app, "arms")
    table = tables(app)[0].to_string()
    assert "Theirs" in table
    assert "Mine" in table
    button(app, "Save mine over it").click().run()
    assert experiments.get_experiment(ws, LOCAL, saved.id).name == "Mine"
    assert "Draft saved" in said(app)


def test_an_edit_elsewhere_leaves_a_saved_plan_alone(ws: Workspace, open_page: Open) -> None:
    metrics = (Proportion("paid", relative_minimum_detectable_effect=0.05),)
    plan = Plan(planned_units=40_000, daily_units=3000, baseline=0.1, min_runtime_days=10)
    draft = ExperimentDraft("Referral reward", metrics=metrics, plan=plan)
    saved = experiments.create_experiment(ws, LOCAL, draft)
    app = open_page("create", exp=saved.slug)
    field(app, "Name").set_value("Referral bonus").run()
    app = go(go(go(app, "arms"), "metrics"), "plan")
    after = experiments.get_experiment(ws, LOCAL, saved.id)
    assert after.name == "Referral bonus"
    assert after.plan == plan
    assert after.metrics == metrics
    assert "The draft plans 40 000 users." in said(app)
    field(app, "Smallest lift").set_value("10").run()
    app.checkbox[0].check().run()
    go(app, "checklist")
    replanned = experiments.get_experiment(ws, LOCAL, saved.id).plan
    assert (replanned.planned_units, replanned.lock_results) == (29_502, True)
    assert open_page("create", exp=saved.slug, step="plan").checkbox[0].value


def test_theirs_can_be_taken(ws: Workspace, open_page: Open) -> None:
    saved = experiments.create_experiment(ws, LOCAL, ExperimentDraft("Shorter form"))
    app = open_page("create", exp=saved.slug)
    experiments.edit_experiment(ws, LOCAL, saved.id, {"name": "Theirs"}, version=saved.version)
    field(app, "Name").set_value("Mine").run()
    app = go(app, "arms")
    button(app, "Take theirs").click().run()
    assert app.session_state["create-name"] == "Theirs"
    assert experiments.get_experiment(ws, LOCAL, saved.id).name == "Theirs"


def test_a_started_test_is_not_edited_here(ws: Workspace, open_page: Open) -> None:
    draft = ExperimentDraft("Runs", hypothesis="x", metrics=(Proportion("paid"),))
    saved = experiments.create_experiment(ws, LOCAL, draft)
    acting.transition(ws, LOCAL, saved.id, "start", version=saved.version)
    app = open_page("create", exp=saved.slug)
    assert "This experiment is running." in said(app)
    assert not app.text_input


def test_a_name_from_data_is_never_markup(ws: Workspace, open_page: Open) -> None:
    name = "![x](http://127.0.0.1/b) **B** <b>"
    saved = experiments.create_experiment(ws, LOCAL, ExperimentDraft(name))
    app = open_page("create", exp=saved.slug)
    assert "![" not in app.title[0].value
    assert "<b>" not in app.title[0].value.replace("\\<", "")


def test_every_kind_of_metric_can_be_chosen_and_is_read_back(
    ws: Workspace, open_page: Open
) -> None:
    app = go(go(idea(open_page("create")), "arms"), "metrics")
    for _ in range(3):
        app = button(app, "Add a metric").click().run()
    kinds = [one for one in app.selectbox if str(one.key).endswith("-kind")]
    for box, kind in zip(kinds, ("ratio", "mean", "quantile", "count"), strict=True):
        box.set_value(kind)
    app.run()
    typed = {
        "metric0-name": "Clicks per view", "metric0-column": "clicks",
        "metric0-denominator": "views", "metric0-covariate": "clicks_before",
        "metric0-before": "views_before", "metric1-name": "Revenue",
        "metric1-covariate": "revenue_before", "metric1-cap": "99.9%",
        "metric2-name": "Load time", "metric3-name": "Orders", "metric3-cap": "20",
    }  # fmt: skip
    for name, text in typed.items():
        key(app, name).set_value(text)  # type: ignore[attr-defined]
    next(one for one in app.selectbox if str(one.key).endswith("metric2-q")).set_value("0.95")
    app.run()
    app = go(go(app, "plan"), "checklist")
    assert not app.exception
    saved = experiments.get_experiment(ws, LOCAL, "free-shipping-banner")
    clicks, revenue, load, orders = saved.metrics
    assert isinstance(clicks, Ratio)
    assert clicks.columns == ("clicks", "views")
    assert clicks.covariates == ("clicks_before", "views_before")
    assert isinstance(revenue, Mean)
    assert (revenue.covariate, revenue.cap, revenue.whole) == ("revenue_before", "99.9%", False)
    assert isinstance(load, Quantile)
    assert load.q == 0.95
    assert isinstance(orders, Mean)
    assert (orders.cap, orders.whole) == (20.0, True)
    again = open_page("create", exp="free-shipping-banner", step="metrics")
    shown = {str(one.key).removeprefix("create-"): one.value for one in again.text_input}
    assert {name: shown[name] for name in typed} == typed


def test_a_metric_of_the_library_is_measured_in_the_version_it_has_now(
    ws: Workspace, open_page: Open
) -> None:
    library.define_metric(ws, LOCAL, {
        "key": "views", "name": "Pages seen", "kind": "count", "column": "page_view",
        "aggregation": "count", "unit": "pages", "window_days": 7,
    })  # fmt: skip
    library.change_metric(ws, LOCAL, "views", {"window_days": 14})
    app = go(go(idea(open_page("create")), "arms"), "metrics")
    picker = next(one for one in app.selectbox if one.label == "From the library")
    app = picker.set_value("views").run()
    assert not app.exception
    assert "from the library, version 2" in said(app)
    app = go(app, "plan")
    saved = experiments.get_experiment(ws, LOCAL, "free-shipping-banner")
    (metric,) = saved.metrics
    assert (metric.key, metric.version, metric.window_days) == ("views", 2, 14)
    assert (metric.unit, metric.role) == ("pages", MetricRole.PRIMARY)
    again = open_page("create", exp=saved.slug, step="metrics")
    assert "from the library, version 2" in said(again)
    (use,) = metric_uses.uses(ws, LOCAL, "views")
    assert (use.slug, use.version) == (saved.slug, 2)
