"""Projects and what holds for every experiment of one; the organisation around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.project import MOST_HOLDOUT_BP, Project
from experiments_core.errors import UpshotError
from experiments_core.services import organisations, projects
from experiments_core.services.workspace import Workspace
from pages.parts import edited, maker, theme

LABELS = {
    "strict_traffic": "Strict traffic: no change while a test runs",
    "auto_promote_allowed": (
        "Auto-promote allowed: an experiment that asks for it deploys its winner by itself"
    ),
    "pseudonymise_units": (
        "Pseudonyms: unit ids are stored as keyed hashes only; settled by the first unit"
    ),
    "global_holdout_bp": "Units that no test may touch, in %",
    "name": "Name",
    "time_zone": "Time zone",
}


def draw(ws: Workspace, actor: Actor) -> None:
    """The organisation's zone, each project with its settings, a form for a new one."""
    found = projects.list_projects(ws, actor)
    theme.section(f"{words.plural(len(found), 'project')}")
    for project in found:
        with st.expander(f"{theme.text(project.name)} ({theme.text(project.key)})",
                         expanded=len(found) == 1):  # fmt: skip
            _settings(ws, actor, project)
    with maker.open_maker("new-project", "New project") as form:
        name = st.text_input("Name", key=form.key("name"))
        hidden = st.toggle("Keep unit ids as pseudonyms", key=form.key("hidden"))
        values = {"name": name, "pseudonymise_units": hidden}
        form.button(lambda: projects.create_project(ws, actor, values))
    theme.section("Organisation")
    _organisation(ws, actor)


def _settings(ws: Workspace, actor: Actor, project: Project) -> None:
    now = project.settings
    saved = {
        "strict_traffic": now.strict_traffic,
        "auto_promote_allowed": now.auto_promote_allowed,
        "pseudonymise_units": now.pseudonymise_units,
        "global_holdout_bp": now.global_holdout_bp,
    }
    form = edited.begin(f"project-{project.key}", project.version, saved)
    typed = {name: st.toggle(LABELS[name], form.base[name], key=form.key(name))
             for name in list(saved)[:3]}  # fmt: skip
    share = st.number_input(
        LABELS["global_holdout_bp"], 0.0, MOST_HOLDOUT_BP / 100,
        form.base["global_holdout_bp"] / 100, 0.1, format="%.2f",
        key=form.key("global_holdout_bp"),
    )  # fmt: skip
    mine = form.touched({**typed, "global_holdout_bp": round(share * 100)})

    def save() -> None:
        projects.edit_project(ws, actor, project.id, mine, version=project.version)

    if form.may_save(f"project “{project.name}”", mine, _said):
        _try(save, form)


def _organisation(ws: Workspace, actor: Actor) -> None:
    ours = organisations.organisation_of(ws, actor.org_id)
    saved = {"name": ours.name, "time_zone": ours.time_zone}
    form = edited.begin("organisation", f"{ours.name}/{ours.time_zone}", saved)
    mine = form.touched({
        "name": st.text_input("Name", form.base["name"], key=form.key("name")),
        "time_zone": st.text_input(
            "Time zone", form.base["time_zone"], key=form.key("time_zone"),
            help="IANA name such as Europe/Berlin.",
        ),
    })  # fmt: skip
    if form.may_save("organisation", mine, _said):
        _try(lambda: organisations.edit_organisation(ws, actor, **mine), form)


def _said(values: Mapping[str, Any], name: str) -> tuple[str, str]:
    """Label and value of a field as they stand in the comparison."""
    value = values[name]
    if name == "global_holdout_bp":
        return LABELS[name], words.percent(value / 10_000, 2)
    if isinstance(value, bool):
        return LABELS[name].partition(":")[0], "on" if value else "off"
    return LABELS[name], value


def _try(act: Any, form: edited.Form) -> None:
    try:
        act()
    except UpshotError as error:
        theme.refused(error)
        return
    form.end()
    st.rerun()
