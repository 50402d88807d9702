"""Define a metric or change one, with its value on data that are there."""

from __future__ import annotations

from typing import Any

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.definition import Definition
from experiments_core.errors import UpshotError
from experiments_core.services import experiments, library, metric_preview
from experiments_core.services.workspace import Workspace
from pages.parts import conflict, theme
from pages.parts.create_metrics import BEFORE_HELP, COVARIATE_HELP, ROWS_HELP

NEW = ":new"
KINDS = {
    "proportion": "Rate: did it happen?",
    "mean": "Mean: how much?",
    "count": "Count: how often?",
    "ratio": "Ratio: one sum over another",
    "quantile": "Quantile: how slow are the slowest?",
}
DIRECTIONS = {
    "increase": "More is better", "decrease": "Less is better", "neutral": "Neither",
}  # fmt: skip
MISSING = {"exclude": "is left out", "zero": "counts as 0"}


def new(ws: Workspace, actor: Actor) -> None:
    """The form of a metric that is not there yet."""
    st.header("New metric", anchor=False)
    values = _form("new", {}, {})
    _preview(ws, actor, values, key="new")
    with st.container(horizontal=True):
        if st.button("Define it", type="primary") and _saved(
            lambda: library.define_metric(ws, actor, values)
        ):
            st.rerun()
        if st.button("Cancel"):
            del st.query_params["metric"]
            st.rerun()


def edit(ws: Workspace, actor: Actor, metric: Definition) -> None:
    """The form of a metric that is there; another meaning is a new version.

    The form is filled once: what somebody else saves meanwhile takes nothing typed away.
    """
    begun = f"_editing-{metric.key}"
    base: Definition = st.session_state.setdefault(begun, metric)
    key = f"{metric.key}-{base.revision}"
    with st.expander("Change it", icon=":material/edit:", key=f"edit-{metric.key}"):
        values = _form(key, _words(base), base.meaning)
        mine = _changed(base, values)
        if base.revision != metric.revision and not mine:
            st.session_state[begun] = metric
            st.rerun()
        _preview(ws, actor, values, key=key)
        theme.note(
            "Another name, description or owner stays in this version. Anything else is a new "
            "version; tests that use the metric keep theirs."
        )

        def save(revision: int) -> None:
            if _saved(
                lambda: library.change_metric(ws, actor, metric.key, mine, revision=revision)
            ):
                del st.session_state[begun]
                st.rerun()

        if base.revision == metric.revision:
            if st.button("Save", type="primary", key=f"save-{key}"):
                save(metric.revision)
        elif _both(metric, mine, take_theirs=lambda: st.session_state.pop(begun)):
            save(metric.revision)


def _both(metric: Definition, mine: dict[str, Any], *, take_theirs: Any) -> bool:
    """Show theirs and mine; whether mine is to be saved over theirs."""
    pressed = f"_mine-over-{metric.key}-{metric.revision}"

    def keep() -> None:
        st.session_state[pressed] = True

    theirs = _words(metric) | metric.meaning
    conflict.show(
        f"Somebody changed “{metric.name}” since you began.",
        [(_label(name), _said(theirs.get(name)), _said(value)) for name, value in mine.items()],
        keep_mine=keep,
        take_theirs=take_theirs,
    )
    return bool(st.session_state.pop(pressed, False))


def _changed(base: Definition, values: dict[str, Any]) -> dict[str, Any]:
    """The fields that were touched."""
    before = {"preferred_direction": "increase", "missing": "exclude", **base.meaning}
    before |= _words(base)
    return {
        name: value
        for name, value in values.items()
        if (value or None) != (before.get(name) or None)
    }


def _words(metric: Definition) -> dict[str, str]:
    return {
        "name": metric.name, "description": metric.description, "owner": metric.owner,
    }  # fmt: skip


def _label(field: str) -> str:
    return field.replace("_", " ").capitalize()


def _said(value: Any) -> str:
    return words.NONE if value in {None, ""} else str(value)


def _form(key: str, words_now: dict[str, str], meaning: dict[str, Any]) -> dict[str, Any]:
    """The fields, those that fit the kind; what is empty takes a field away."""

    def name_of(field: str) -> str:
        return f"metric-{key}-{field}"

    values: dict[str, Any] = {}
    with st.grid(2, min_column_width=260, gap="small"):
        values["name"] = st.text_input("Name", words_now.get("name", ""), key=name_of("name"))
        kind = st.selectbox(
            "Kind", list(KINDS), format_func=KINDS.__getitem__, key=name_of("kind"),
            index=list(KINDS).index(meaning.get("kind", "proportion")),
        )  # fmt: skip
        values["kind"] = kind
        values |= _source(kind, meaning, name_of)
        directions = list(DIRECTIONS)
        values["preferred_direction"] = st.selectbox(
            "Direction", directions, format_func=DIRECTIONS.__getitem__,
            index=directions.index(meaning.get("preferred_direction", "increase")),
            key=name_of("direction"),
        )  # fmt: skip
        values["missing"] = st.selectbox(
            "A unit without a value", list(MISSING), format_func=MISSING.__getitem__,
            index=list(MISSING).index(meaning.get("missing", "exclude")),
            key=name_of("missing"),
        )  # fmt: skip
        if "owner" in words_now:
            values["owner"] = st.text_input("Owner", words_now["owner"], key=name_of("owner"))
    values["description"] = st.text_area(
        "Description", words_now.get("description", ""), key=name_of("description"),
        placeholder="What it counts, and what it does not.",
    )  # fmt: skip
    return {**dict.fromkeys(meaning), **values}


def _source(kind: str, meaning: dict[str, Any], name_of: Any) -> dict[str, Any]:
    """Where the number comes from; only the fields that a kind has."""

    def text(field: str, label: str, hint: str = "", told: str | None = None) -> str | None:
        given = st.text_input(
            label, str(meaning.get(field, "")), placeholder=hint, key=name_of(field), help=told
        )
        return given.strip() or None

    if kind == "ratio":
        values: dict[str, Any] = {
            "numerator": text("numerator", "Numerator: column or event", "revenue"),
            "denominator": text("denominator", "Denominator: column or event", "orders"),
        }
    else:
        told = ROWS_HELP if kind == "quantile" else None
        values = {"column": text("column", "Column or event", "paid_order", told)}
    if kind in {"mean", "count", "ratio"}:
        values["covariate"] = text(
            "covariate", "Adjust by (optional)",
            "clicks_before" if kind == "ratio" else "revenue_before", COVARIATE_HELP,
        )  # fmt: skip
    if kind == "ratio":
        values["covariate_denominator"] = text(
            "covariate_denominator", "… divided by (optional)", "views_before", BEFORE_HELP
        )
    if kind in {"mean", "count"}:
        cap = text("cap", "Cap: an amount, or a point such as 99.9%")
        values["cap"] = _amount(cap)
    if kind == "quantile":
        values["q"] = st.number_input(
            "Which quantile", 0.01, 0.99, float(meaning.get("q", 0.95)), 0.01,
            key=name_of("q"),
        )  # fmt: skip
    if kind != "proportion":
        values["unit"] = text("unit", "Unit", "USD")
    return values


def _amount(typed: str | None) -> float | str | None:
    if typed is None or typed.endswith("%"):
        return typed
    try:
        return float(typed)
    except ValueError:
        return typed


def _preview(ws: Workspace, actor: Actor, values: dict[str, Any], *, key: str) -> None:
    """The value per arm on the data of a test, as the fields are now."""
    known = experiments.list_experiments(ws, actor)
    if not known:
        return
    names = {one.slug: words.plain(one.name, 80) for one in known}
    slug = st.selectbox(
        "Try it on the data of", list(names), index=None, format_func=names.__getitem__,
        placeholder="Choose a test", key=f"preview-{key}",
    )  # fmt: skip
    if slug is None:
        return
    said = {name: value for name, value in values.items() if name != "owner"}
    try:
        arms = metric_preview.preview(
            ws, actor, slug, said | {"name": values["name"] or "Preview"}
        )
    except UpshotError as error:
        theme.refused(error)
        return
    experiment = next(one for one in known if one.slug == slug)
    labels = {one.key: one.name for one in experiment.variants}
    rate = values["kind"] == "proportion"
    unit = values.get("unit") or ""

    def shown(value: Any) -> str:
        if not isinstance(value, float):
            return words.reason(value)
        return words.rate(value) if rate else words.amount(value, unit)

    theme.table(
        {
            "Arm": labels.get(arm.variant, arm.variant),
            f"{experiment.unit.capitalize()}s": words.count(arm.n),
            "Value": shown(arm.value),
            "Interval": words.interval(arm.ci_lower, arm.ci_upper, shown),
        }
        for arm in arms
    )
    theme.note("A preview: nothing is compared, and no look is counted.")


def _saved(save: Any) -> bool:
    """Save, and show what was saved; say why where it is refused."""
    try:
        done = save()
    except UpshotError as error:
        theme.refused(error)
        return False
    st.query_params["metric"] = done.key
    return True
