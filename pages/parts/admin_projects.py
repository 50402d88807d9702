"""Projects and what holds for every experiment of one."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.project import MOST_HOLDOUT_BP, Project
from experiments_core.errors import UpshotError
from experiments_core.services import organisations, projects
from experiments_core.services.workspace import Workspace
from pages.parts import theme


def draw(ws: Workspace, actor: Actor) -> None:
    """The organisation's zone, each project with its settings, a form for a new one."""
    found = projects.list_projects(ws, actor)
    theme.section(f"{words.plural(len(found), 'project')}")
    for project in found:
        with st.expander(f"{theme.text(project.name)} ({theme.text(project.key)})",
                         expanded=len(found) == 1):  # fmt: skip
            _settings(ws, actor, project)
    with st.popover("New project", icon=":material/add:", type="tertiary"):
        name = st.text_input("Name", key="project-name")
        hidden = st.toggle("Keep unit ids as pseudonyms", key="project-hidden")
        if st.button("Make it", key="project-make", type="primary"):
            values = {"name": name, "pseudonymise_units": hidden}
            _try(lambda: projects.create_project(ws, actor, values))
    theme.section("Organisation")
    ours = organisations.organisation_of(ws, actor.org_id)
    with st.form("organisation", border=False):
        name = st.text_input("Name", ours.name, key="organisation-name")
        zone = st.text_input(
            "Time zone", ours.time_zone, key="organisation-zone",
            help="IANA name such as Europe/Berlin.",
        )  # fmt: skip
        if st.form_submit_button("Save"):
            _try(lambda: organisations.edit_organisation(ws, actor, name=name, time_zone=zone))


def _settings(ws: Workspace, actor: Actor, project: Project) -> None:
    now = project.settings
    with st.form(f"project-{project.id}-{project.version}", border=False):
        strict = st.toggle("Strict traffic: no change while a test runs", now.strict_traffic)
        promote = st.toggle(
            "Auto-promote allowed: an experiment that asks for it deploys its winner by itself",
            now.auto_promote_allowed,
        )
        hidden = st.toggle(
            "Pseudonyms: unit ids are stored as keyed hashes only; settled by the first unit",
            now.pseudonymise_units,
        )
        holdout = st.number_input(
            "Units that no test may touch, in %", 0.0, MOST_HOLDOUT_BP / 100,
            now.global_holdout_bp / 100, 0.1, format="%.2f",
        )  # fmt: skip
        if st.form_submit_button("Save"):
            changes = {
                "strict_traffic": strict,
                "auto_promote_allowed": promote,
                "pseudonymise_units": hidden,
                "global_holdout_bp": round(holdout * 100),
            }
            _try(lambda: projects.edit_project(
                ws, actor, project.id, changes, version=project.version
            ))  # fmt: skip


def _try(act: object) -> None:
    assert callable(act)  # noqa: S101  ours
    try:
        act()
    except UpshotError as error:
        theme.refused(error)
        return
    st.rerun()
