"""The steps of Create: where one stands, saving at each step, and what to do when it fails."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.arms import split_problems
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.errors import NotFoundError, UpshotError, VersionStaleError
from experiments_core.services import experiments as service
from experiments_core.services import workspace
from pages.parts import conflict, create_prefill, create_save, theme, who
from pages.parts import create_form as form

STEPS = {
    "idea": "Idea",
    "arms": "Arms",
    "metrics": "Metrics",
    "plan": "Plan",
    "checklist": "Checklist",
}
STEP = "step"
CHOSEN = "create-step-chosen"
FAILED = "create-failed"
OPEN = {Status.DRAFT, Status.STOPPED, Status.COMPLETED}


def open_form() -> Experiment | None:
    """Bring the form into the state that the address asks for.

    Returns:
        The experiment the address names if its design cannot be changed any more; the form
        is then not for it.
    """
    form.ensure()
    design = create_prefill.take()
    if design is not None:
        form.reset(design)
    asked = st.query_params.get("exp")
    known = form.base()
    if asked is not None and design is None and (known is None or known.slug != asked):
        known = _load(asked)
    if known is not None:
        st.query_params["exp"] = known.slug
        if known.is_sealed or known.place not in OPEN:
            return known
    return None


def _load(asked: str) -> Experiment | None:
    try:
        found = service.get_experiment(workspace.current(), who.actor(), asked)
    except NotFoundError as error:
        theme.refused(error)
        st.query_params.pop("exp", None)
        return None
    st.session_state.pop(FAILED, None)
    form.fill(found)
    return found


def now() -> str:
    """The step the address names; the first otherwise."""
    asked = st.query_params.get(STEP, "")
    return asked if asked in STEPS else next(iter(STEPS))


def strip() -> str:
    """The steps as one bar; returns the present one."""
    step = now()
    done = _done()
    st.session_state[CHOSEN] = step
    st.segmented_control(
        "Step",
        list(STEPS),
        format_func=lambda one: _label(one, done=done[one]),
        key=CHOSEN,
        required=True,
        on_change=_chosen,
        label_visibility="collapsed",
        width="stretch",
    )
    return step


def _label(step: str, *, done: bool) -> str:
    number = list(STEPS).index(step) + 1
    return f":material/check: {STEPS[step]}" if done else f"**{number}** {STEPS[step]}"


def _done() -> dict[str, bool]:
    known = form.base()
    roles = [form.get(f"metric{number}-role") for number in form.get(form.METRICS)]
    names = [form.text(f"metric{number}-name") for number in form.get(form.METRICS)]
    named = any(role == "primary" and name for role, name in zip(roles, names, strict=True))
    return {
        "idea": bool(form.text("name").strip()),
        "arms": _arms_fit(),
        "metrics": named,
        "plan": bool(known and known.plan.planned_units),
        "checklist": False,
    }


def _arms_fit() -> bool:
    try:
        return not split_problems([(arm.key, arm.weight_bp) for arm in create_save.arms()])
    except UpshotError:
        return False


def _chosen() -> None:
    go(st.session_state[CHOSEN])


def go(step: str) -> None:
    """Keep the draft, then show a step; what cannot be saved is said there."""
    keep()
    st.query_params[STEP] = step


def keep(over: Experiment | None = None) -> None:
    """Save what has been typed; remember why if it cannot be saved."""
    try:
        saved = create_save.save(workspace.current(), who.actor(), over=over)
    except UpshotError as error:
        st.session_state[FAILED] = error
        return
    st.session_state.pop(FAILED, None)
    st.query_params["exp"] = saved.slug


def saved_note() -> str:
    """``Draft saved 14:02 UTC``, or that it is not."""
    known = form.base()
    if FAILED in st.session_state:
        return "Not saved; your text is kept"
    if known is None:
        begun = "Saved at the first step you finish"
        planned = form.text("baseline") or form.text("mean")
        return f"Your plan is filled in at step 4. {begun}" if planned else begun
    what = "Draft saved" if known.status is Status.DRAFT else "Saved"
    return f"✓ {what} {known.updated_at:%H:%M} UTC"


def failure() -> None:
    """Why the last save was refused, and the way on."""
    error = st.session_state.get(FAILED)
    if isinstance(error, VersionStaleError):
        conflict.show(
            error.message, conflict.rows_of(error.current, _mine()),
            keep_mine=_keep_mine, take_theirs=_take_theirs,
        )  # fmt: skip
    elif isinstance(error, UpshotError):
        with st.container(border=True, key="refusal"):
            theme.refused(
                error, "The draft is not saved yet. Everything you typed is still here."
            )


def _mine() -> dict[str, object]:
    known = form.base()
    try:
        return create_save.changed(known, create_save.fields()) if known else {}
    except UpshotError:
        return {}


def _keep_mine() -> None:
    error = st.session_state[FAILED]
    keep(over=error.current)
    saved = form.base()
    if FAILED not in st.session_state and saved is not None:
        form.fill(saved)  # what they changed elsewhere is in the form now, not undone by it


def _take_theirs() -> None:
    error = st.session_state.pop(FAILED)
    form.fill(error.current)


def buttons(step: str, *, last: Callable[[], None]) -> None:
    """Back and next at the edges; the last step has its own button."""
    order = list(STEPS)
    place = order.index(step)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        if place:
            before = order[place - 1]
            st.button(
                f"Back to {STEPS[before].lower()}",
                icon=":material/arrow_back:",
                on_click=go,
                args=(before,),
            )
        else:
            st.button("Save draft", on_click=keep)
        if place + 1 < len(order):
            after = order[place + 1]
            st.button(
                f"Go to {STEPS[after].lower()}", type="primary", on_click=go, args=(after,)
            )
        else:
            last()


def title() -> str:
    """The name typed so far."""
    return words.plain(form.text("name"), 80) or "New experiment"
