"""Try a unit id: would it enter, and why?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import InvalidInputError, UpshotError
from experiments_core.services import trying
from experiments_core.services.assigned_list import drawn_csv, read_units
from experiments_core.services.trying import Trial, try_unit
from experiments_core.services.workspace import Workspace
from pages.parts import rules, theme

INDENT = "· "
MEGABYTES = 20


def draw(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    """Fields for the unit and its attributes, then every rule's answer."""
    with st.grid(2, min_column_width=220, gap="medium"):
        unit = st.text_input(
            f"{experiment.unit.capitalize()} id", key=_key(experiment, "unit"), max_chars=256,
            placeholder="user-1",
        )  # fmt: skip
        typed = st.text_area(
            "Attributes, one a line", key=_key(experiment, "attributes"), height=80,
            placeholder="country = DE\nage = 31", max_chars=5_000,
        )  # fmt: skip
    if not unit:
        theme.muted("Type an id to see which rule decides about it. Nothing is stored.")
        return
    try:
        found = try_unit(
            ws, actor, experiment.id, unit, attributes_of(typed or ""), as_if_running=True
        )
    except UpshotError as error:
        theme.refused(error)
        return
    names = {variant.key: variant.name or variant.key for variant in experiment.variants}
    st.markdown(f"**{theme.text(sentence(unit, found, names))}**")
    _steps(found)


def draw_list(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    """Who of a whole list would get what, as a file to take along."""
    if experiment.assignment_mode != "hash":
        return
    file = st.file_uploader(
        "Or a list of ids, one a line: who would get what?", type=["csv", "tsv", "txt"],
        max_upload_size=MEGABYTES, key=_key(experiment, "list"),
        help="A file with a header or several columns: the first column is taken. Targeting, "
        "overrides and stored assignments are not asked; nothing is stored.",
    )  # fmt: skip
    if file is None:
        return
    try:
        drawn = trying.draw_list(ws, actor, experiment.id, read_units(file.getvalue()))
    except UpshotError as error:
        theme.refused(error)
        return
    counted = Counter(arm or "fallback" for arm, _ in drawn.values())
    theme.table([
        {"Would get": arm, "Units": words.count(n), "Share": words.percent(n / len(drawn), 2)}
        for arm, n in sorted(counted.items())
    ])  # fmt: skip
    st.download_button(
        "The list as CSV",
        partial(drawn_csv, [(unit, arm, why) for unit, (arm, why) in drawn.items()]),
        file_name=f"{experiment.slug}-drawn.csv",
        mime="text/csv",
        type="tertiary",
        icon=":material/download:",
        on_click="ignore",
    )


def sentence(unit: str, trial: Trial, names: Mapping[str, str]) -> str:
    """What the unit gets, and the rule that says so; ``names`` by key."""
    decision = trial.decision
    why = decision.reason.value.replace("_", " ")
    served = names.get(trial.served, trial.served)
    if decision.variant is None:
        return f"{unit.strip()} gets the fallback, {served}: {why}."
    return f"{unit.strip()} gets {names.get(decision.variant, decision.variant)}: {why}."


def attributes_of(typed: str) -> dict[str, Any]:
    """Read ``name = value`` lines; numbers, true, false and lists are read as JSON.

    Raises:
        InvalidInputError: a line has no ``=``.
    """
    found: dict[str, Any] = {}
    for number, line in enumerate(typed.splitlines(), start=1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise InvalidInputError(
                f"Line {number} is “{line.strip()[:60]}”; write it as name = value."
            )
        found[name.strip()] = rules.value_of(value.strip())
    return found


def _steps(trial: Trial) -> None:
    rows: list[dict[str, object]] = []
    for step in trial.steps:
        mark = "▸ " if step.decides else ""
        rows.append({"Rule": f"{mark}{step.rule}", "Answer": step.answer})
        rows += [
            {
                "Rule": f"{INDENT * (verdict.depth + 1)}{verdict.rule}",
                "Answer": "yes" if verdict.passed else f"no: {verdict.why}",
            }
            for verdict in step.conditions
        ]
    theme.table(rows)


def _key(experiment: Experiment, name: str) -> str:
    return f"try-{experiment.id}-{name}"
