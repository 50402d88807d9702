"""The foot of the results: what these numbers rest on, and how to take them along."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.services import downloads
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from pages.parts import markup, results_bayes

Maker = Callable[[LookView], bytes]


def draw(
    ws: Workspace, actor: Actor, view: LookView, shown: LookView, experiment: Experiment
) -> None:
    """Look, moment, data hash and engine; then the files, made when they are asked for.

    Args:
        ws: The workspace.
        actor: Who takes them along.
        view: The look.
        shown: The same as somebody explores it: what the files hold.
        experiment: Whose look.
    """
    result = view.result
    parts = [
        *([f"Look {result.look}"] if result.look else []),
        f"{words.day(view.taken_at, year=True)} {view.taken_at:%H:%M} UTC",
        f"data {_short(result.data_hash)}",
        f"engine {result.engine_version}",
    ]
    told = ["Each figure has a camera at its right: it saves a PNG."]
    if shown.result.exploring:
        told.insert(0, "The files hold what is shown, and say that it is explored.")
    with st.container(horizontal=True, vertical_alignment="center", key="foot"):
        markup.draw(markup.note(" · ".join(parts)), *(markup.note(line) for line in told))
        for label, suffix, mime, make in _files(ws, actor, experiment):
            st.download_button(
                label,
                data=partial(make, shown),
                file_name=f"{experiment.slug}-results.{suffix}",
                mime=mime,
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
                key=f"download-{suffix}",
            )


def _files(
    ws: Workspace, actor: Actor, experiment: Experiment
) -> tuple[tuple[str, str, str, Maker], ...]:
    choices = results_bayes.prior_of(experiment)

    def notebook(view: LookView) -> bytes:
        return downloads.notebook_of(ws, actor, view, choices().prior)

    return (
        ("CSV", "csv", "text/csv", downloads.csv_of),
        ("JSON", "json", "application/json", downloads.json_of),
        ("Notebook", "ipynb", "application/x-ipynb+json", notebook),
        ("Report", "html", "text/html", downloads.html_of),
    )


def _short(data_hash: str) -> str:
    digest = data_hash.rpartition(":")[2]
    return digest if len(digest) <= 10 else f"{digest[:4]}…{digest[-4:]}"
