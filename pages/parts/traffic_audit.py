"""Assignment audit: was everybody served what the hash says?"""

from __future__ import annotations

import csv
import io

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import InvalidInputError, UpshotError
from experiments_core.services.assignment_audit import AuditReport, audit_assignment
from experiments_core.services.workspace import Workspace
from pages.parts import theme

MOST_SHOWN = 50


def draw(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    """Take a list of units and arms, and tell which hash made it."""
    theme.muted(
        "Paste who got what from another system, one a line: id, then variant. Every hash "
        "known here is recomputed (upshot1, FNV-1a, MD5, GrowthBook), in every order and "
        "reading."
    )
    with st.form(f"audit-{experiment.id}", border=False):
        pasted = st.text_area("Units and variants", height=120, placeholder="user-1,control")
        seeds = st.text_input(
            "Key or seed of the other system, if you know it", max_chars=200,
            help="Several are separated by commas; those of this test are tried besides.",
        )  # fmt: skip
        pressed = st.form_submit_button("Audit")
    if not pressed:
        return
    try:
        served = read_list(pasted)
        report = audit_assignment(
            ws, actor, experiment.id, served,
            seeds=[seed.strip() for seed in seeds.split(",") if seed.strip()],
        )  # fmt: skip
    except UpshotError as error:
        theme.refused(error)
        return
    _report(report)


def read_list(pasted: str) -> dict[str, str]:
    """Read ``unit,variant`` lines (comma, semicolon or tab).

    Raises:
        InvalidInputError: a line has not two fields, or a unit stands there twice with
            different arms.
    """
    first = pasted.partition("\n")[0]
    delimiter = next((mark for mark in "\t;," if mark in first), ",")
    served: dict[str, str] = {}
    for number, row in enumerate(csv.reader(io.StringIO(pasted), delimiter=delimiter), start=1):
        fields = [field.strip() for field in row if field.strip()]
        if not fields:
            continue
        if len(fields) != 2:
            raise InvalidInputError(f"Line {number} has {len(fields)} fields; it needs two.")
        unit, variant = fields
        if served.setdefault(unit, variant) != variant:
            raise InvalidInputError(f"“{unit}” stands there with two variants (line {number}).")
    return served


def _report(report: AuditReport) -> None:
    st.markdown(f"**{theme.text(report.sentence, 500)}**")
    theme.table([
        {"Hash": fit.method, "Settings": fit.settings,
         "Agrees": words.percent(fit.agreement, 2), "Chance": words.percent(fit.by_chance, 0)}
        for fit in report.fits
    ])  # fmt: skip
    moved = report.fits[0].moved if report.fits[0].explains else ()
    if moved:
        theme.lead(f"{words.plural(len(moved), 'unit')} served something else")
        theme.table([
            {"Unit": unit, "Was served": arm, "The hash says": given or "nothing"}
            for unit, arm, given in moved[:MOST_SHOWN]
        ])  # fmt: skip
    if report.known:
        differ = words.plural(len(report.otherwise), "unit")
        theme.note(
            f"Upshot has assigned {words.count(report.known)} of them; {differ} on the list "
            "had another variant than Upshot gave."
        )
