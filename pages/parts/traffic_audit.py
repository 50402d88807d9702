"""Assignment audit: was everybody served what the hash says?"""

from __future__ import annotations

from functools import partial

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import UpshotError
from experiments_core.services.assigned_list import flips_csv, read_served
from experiments_core.services.assignment_audit import AuditReport, audit_assignment
from experiments_core.services.workspace import Workspace
from pages.parts import theme

MOST_SHOWN = 50
MEGABYTES = 20


def draw(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    """Take a list of units and arms, and tell which hash made it."""
    theme.muted(
        "Bring who got what from another system: a file, or pasted, one a line: id, then "
        "variant. Every hash known here is recomputed (upshot1, FNV-1a, MD5, GrowthBook), in "
        "every order and reading. Nothing of the list is kept."
    )
    kept = f"audited-{experiment.id}"
    with st.form(f"audit-{experiment.id}", border=False):
        file = st.file_uploader(
            "CSV or TSV file: two columns, or a header with unit and variant",
            type=["csv", "tsv", "txt"], max_upload_size=MEGABYTES,
        )  # fmt: skip
        pasted = st.text_area(
            "Or paste units and variants", height=120, placeholder="user-1,control"
        )
        seeds = st.text_input(
            "Key or seed of the other system, if you know it", max_chars=200,
            help="Several are separated by commas; those of this test are tried besides.",
        )  # fmt: skip
        pressed = st.form_submit_button("Audit")
    if pressed:
        st.session_state.pop(kept, None)
        try:
            content = pasted or "" if file is None else file.getvalue()
            st.session_state[kept] = audit_assignment(
                ws, actor, experiment.id, read_served(content, experiment.weights_bp),
                seeds=[seed.strip() for seed in seeds.split(",") if seed.strip()],
            )  # fmt: skip
        except UpshotError as error:
            theme.refused(error)
    if kept in st.session_state:
        _report(st.session_state[kept], experiment)


def _report(report: AuditReport, experiment: Experiment) -> None:
    st.markdown(f"**{theme.text(report.sentence, 500)}**")
    theme.table([
        {"Hash": fit.method, "Settings": fit.settings,
         "Agrees": words.percent(fit.agreement, 2), "Chance": words.percent(fit.by_chance, 0)}
        for fit in report.fits
    ])  # fmt: skip
    if report.known:
        differ = words.plural(len(report.otherwise), "unit")
        theme.note(
            f"Upshot has assigned {words.count(report.known)} of them; {differ} on the list "
            "had another variant than Upshot gave."
        )
    if report.flips:
        _flips(report, experiment)


def _flips(report: AuditReport, experiment: Experiment) -> None:
    """Everybody who was served something else, with what explains it."""
    theme.lead(f"{words.plural(len(report.flips), 'unit')} served something else")
    theme.table([
        {"Unit": flip.unit, "Was served": flip.served, "The hash says": flip.expected or "–",
         "Upshot gave": flip.assigned or "–", "Because": flip.why or "–"}
        for flip in report.flips[:MOST_SHOWN]
    ])  # fmt: skip
    if len(report.flips) > MOST_SHOWN:
        theme.note(f"The first {MOST_SHOWN} of {words.count(len(report.flips))}.")
    st.download_button(
        "All of them as CSV",
        partial(flips_csv, report),
        file_name=f"{experiment.slug}-served-otherwise.csv",
        mime="text/csv",
        type="tertiary",
        icon=":material/download:",
        on_click="ignore",
    )
