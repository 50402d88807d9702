"""The decision box: what we suggest, what people guessed, what was decided, what is live."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor, Permission, may
from experiments_core.domain.deployment import Deployment
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.notes import ACTIONS, Decision
from experiments_core.errors import UpshotError
from experiments_core.services import (
    deciding,
    deploying,
    forecasting,
    past_looks,
    promoting,
)
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from pages.parts import markup, results_head, theme
from pages.parts.markup import Html
from pages.parts.verbs import CONCLUSIONS

LABELS = {
    "ship": "Ship a version",
    "roll_back": "Roll back",
    "extend": "Extend the test",
    "stop_flat": "Stop: no difference",
    "invalidate": "Invalidate: do not use",
}
SAID = {
    "ship": "ship", "roll_back": "roll back", "extend": "extend", "stop_flat": "stop flat",
    "invalidate": "invalidate", "keep_running": "keep running", "investigate": "investigate",
    "discuss": "discuss",
}  # fmt: skip


def draw(ws: Workspace, actor: Actor, view: LookView, experiment: Experiment) -> None:
    """Draw the box."""
    with st.container(border=True, key="decision"):
        advice = view.result.recommendation
        markup.draw(
            markup.section("Decision"),
            *([results_head.suggestion(advice.text)] if advice.text else []),
            _promotion(ws, view, experiment),
            _forecasts(forecasting.outcomes(ws, actor, experiment.id, view.result), experiment),
            _concluded(experiment),
            _decided(deciding.decisions(ws, actor, experiment.id), experiment),
        )
        _deployed(ws, actor, experiment)
        if may(actor, Permission.EDIT) and st.button(
            "Record a decision", icon=":material/gavel:", key="record-decision"
        ):
            _decide(ws, actor, view, experiment)


def _promotion(ws: Workspace, view: LookView, experiment: Experiment) -> Html:
    """What auto-promote still waits for, each condition with its number."""
    waits = promoting.conditions(experiment, view.result, ws.now())
    if not waits:
        return markup.join()
    lines = [markup.text(f"{'✓' if one.met else '○'} {one.text}", 300) for one in waits]
    met = sum(one.met for one in waits)
    parts = [
        markup.lead("Auto-promote", f"{met} of {len(waits)} conditions met"),
        markup.bullets(lines),
    ]
    if not promoting.may_act(ws, experiment):
        waits_for = "It stays a suggestion: an admin has not allowed it for the project."
        parts.append(markup.note(waits_for))
    return markup.join(*parts)


def _forecasts(found: tuple[forecasting.Outcome, ...], experiment: Experiment) -> Html:
    if not found:
        return markup.join()
    rows = markup.table(
        {
            "Who": one.forecast.by,
            "Metric": _metric_name(experiment, one.forecast.metric),
            "Version": _name(experiment, one.forecast.variant),
            "Guess": _guess(one),
            "Outcome": _outcome(one),
            "In the range": {True: "yes", False: "no", None: words.NONE}[one.inside],
        }
        for one in found
    )
    told = words.plural(len(found), "guess", "guesses")
    return markup.join(markup.lead("Forecast and outcome", told), rows)


def _guess(one: forecasting.Outcome) -> str:
    told = words.lift(one.forecast.guess)
    if one.forecast.lower is None or one.forecast.upper is None:
        return told
    return f"{told} ({words.lift_interval(one.forecast.lower, one.forecast.upper)})"


def _outcome(one: forecasting.Outcome) -> str:
    if one.lift is None or one.lower is None or one.upper is None:
        return words.NONE
    return f"{words.lift(one.lift)} ({words.lift_interval(one.lower, one.upper)})"


def _concluded(experiment: Experiment) -> Html:
    """How the test was closed, with the version that won and the note of then."""
    if experiment.conclusion is None or experiment.completed_at is None:
        return markup.join()
    what = CONCLUSIONS.get(experiment.conclusion, experiment.conclusion)
    if experiment.conclusion == "won" and experiment.winner is not None:
        what = f"{what}, {_name(experiment, experiment.winner)}"
    told = (experiment.conclusion_note, experiment.stop_reason)
    return markup.join(
        markup.lead(f"Concluded: {what}", words.day(experiment.completed_at, year=True)),
        *(markup.paragraph(markup.text(text, 5000)) for text in told if text),
    )


def _decided(found: tuple[Decision, ...], experiment: Experiment) -> Html:
    parts: list[Html] = []
    for one in reversed(found):
        what = LABELS[one.action]
        if one.variant is not None:
            what = f"{what}: {_name(experiment, one.variant)}"
        look = f" on look {one.look}" if one.look else ""
        parts.append(
            markup.lead(what, f"{one.by}, {words.day(one.created_at, year=True)}{look}")
        )
        if one.departs and one.recommended:
            suggested = SAID.get(one.recommended, one.recommended)
            parts.append(markup.note(f"Departs from the suggestion to {suggested}."))
        if one.note:
            parts.append(markup.paragraph(markup.text(one.note, 5000)))
    return markup.join(*parts)


def _deployed(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    for one in deploying.deployments(ws, actor, experiment.id):
        if one.state != "active":
            theme.note(_taken_back(experiment, one))
            continue
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            theme.lead(_live(experiment, one), _by(one))
            if may(actor, Permission.DEPLOY) and st.button("Revert", key=f"revert-{one.id}"):
                _revert(ws, actor, experiment, one)


def _live(experiment: Experiment, one: Deployment) -> str:
    name = _name(experiment, one.variant)
    return f"{one.unit_id} gets {name}" if one.unit_id else f"Everyone gets {name}"


def _taken_back(experiment: Experiment, one: Deployment) -> str:
    """Say who had it from when, and who took it back."""
    who = one.unit_id or "everyone"
    since = words.day(one.created_at, year=True)
    told = f"{_name(experiment, one.variant)}, for {who} from {since}: taken back"
    if one.reverted_at is None:
        return f"{told}."
    return f"{told} by {one.reverted_by}, {words.day(one.reverted_at, year=True)}."


def _by(one: Deployment) -> str:
    known = f", {words.plural(len(one.acknowledged), 'condition')} unmet and acknowledged"
    return (
        f"{one.by}, {words.day(one.created_at, year=True)}{known if one.acknowledged else ''}"
    )


@st.dialog("Revert the deployment")
def _revert(ws: Workspace, actor: Actor, experiment: Experiment, one: Deployment) -> None:
    back = _name(experiment, one.previous or experiment.control.key)
    who = f"{one.unit_id} gets" if one.unit_id else "Everyone outside the test gets"
    after = "its assigned version" if one.unit_id else back
    st.markdown(f"{theme.text(who)} {theme.text(after)} again. Data and results stay.")
    reason = st.text_input("Reason", max_chars=500)
    if st.button("Revert", type="primary", key="confirm-revert"):
        try:
            deploying.revert(ws, actor, one.id, reason=reason)
        except UpshotError as error:
            theme.refused(error)
        else:
            st.rerun()


@st.dialog("Record a decision")
def _decide(ws: Workspace, actor: Actor, view: LookView, experiment: Experiment) -> None:
    names = {one.key: words.plain(one.name, 60) for one in experiment.variants}
    key = f"decision-{experiment.slug}"
    action = st.selectbox(
        "Decision", ACTIONS, index=None, format_func=LABELS.__getitem__,
        placeholder="Choose one", key=f"{key}-action",
    )  # fmt: skip
    variant = None
    if action == "ship":
        advised = view.result.recommendation.variant
        variant = st.selectbox(
            "Version", list(names), format_func=names.__getitem__,
            index=list(names).index(advised) if advised in names else None,
            key=f"{key}-variant",
        )  # fmt: skip
    note = st.text_area(
        "Note", max_chars=5000, key=f"{key}-note",
        placeholder="Why. Needed where you depart from the suggestion.",
    )  # fmt: skip
    if st.button("Record", type="primary", disabled=action is None, key=f"{key}-save"):
        _save(ws, actor, experiment, action=str(action), variant=variant, note=note)


def _save(
    ws: Workspace,
    actor: Actor,
    experiment: Experiment,
    *,
    action: str,
    variant: str | None,
    note: str,
) -> None:
    try:
        deciding.decide(ws, actor, experiment.id, action=action, variant=variant, note=note)
    except UpshotError as error:
        theme.refused(error)
        return
    for part in ("action", "variant", "note"):
        st.session_state.pop(f"decision-{experiment.slug}-{part}", None)
    st.rerun()


def forecast_form(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    """Before anybody has looked: write down what you expect."""
    treatments = {
        one.key: words.plain(one.name, 60) for one in experiment.variants if not one.is_control
    }
    metrics = {one.key: words.plain(one.name, 60) for one in experiment.metrics}
    if not metrics or not treatments or experiment.deleted_at:
        return
    if past_looks.listed(ws, actor, experiment.id):
        return
    with st.container(border=True, key="forecast"):
        theme.lead("What do you expect?", "before anybody has looked")
        for one in forecasting.forecasts(ws, actor, experiment.id):
            told = words.lift(one.guess)
            theme.note(f"{one.by} expects {told} on {metrics.get(one.metric, one.metric)}.")
        with st.form("forecast-form", border=False, clear_on_submit=True):
            metric = st.selectbox("Metric", list(metrics), format_func=metrics.__getitem__)
            variant = st.selectbox(
                "Version", list(treatments), format_func=treatments.__getitem__
            )
            guess = st.number_input("Your guess of the lift, in percent", value=0.0, step=0.5)
            ends = st.slider("Likely range, in percent", -50.0, 50.0, (-5.0, 5.0), step=0.5)
            if st.form_submit_button("Write it down"):
                _guess_saved(
                    ws,
                    actor,
                    experiment,
                    metric=metric,
                    variant=variant,
                    guess=guess,
                    ends=ends,
                )


def _guess_saved(
    ws: Workspace,
    actor: Actor,
    experiment: Experiment,
    *,
    metric: str,
    variant: str,
    guess: float,
    ends: tuple[float, float],
) -> None:
    try:
        forecasting.forecast(
            ws, actor, experiment.id, metric=metric, variant=variant, guess=guess / 100,
            lower=ends[0] / 100, upper=ends[1] / 100,
        )  # fmt: skip
    except UpshotError as error:
        theme.refused(error)
    else:
        st.rerun()


def _name(experiment: Experiment, key: str) -> str:
    return next((one.name for one in experiment.variants if one.key == key), key)


def _metric_name(experiment: Experiment, key: str) -> str:
    return next((one.name for one in experiment.metrics if one.key == key), key)
