"""Who gets what now, gate by gate."""

from __future__ import annotations

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.services.flowing import Gate, flow
from experiments_core.services.workspace import Workspace
from pages.parts import theme


def draw(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    """A table from everybody to the arms; how many were assigned so far."""
    gates = flow(ws, actor, experiment.id)
    inside = sum(gate.units or 0 for gate in gates)
    theme.section(f"{_heading(experiment.status)}: {_said(experiment, inside)}")
    theme.table([_row(gate) for gate in gates], right=True)
    if experiment.assignment_mode == "external":
        theme.note("The arms of this test come with its data; Upshot assigns nobody.")
    elif experiment.assignment_mode == "listed":
        theme.note("Only named participants take part; everybody else gets the fallback.")


def _said(experiment: Experiment, inside: int) -> str:
    if inside:
        return f"{words.plural(inside, experiment.unit)} assigned so far"
    live = experiment.status in {Status.DRAFT, Status.RUNNING, Status.PAUSED}
    return "nobody was assigned here yet" if live else "nobody was assigned here"


def _heading(status: Status) -> str:
    if status is Status.DRAFT:
        return "Who will get what"
    live = status in {Status.RUNNING, Status.PAUSED}
    return "Who gets what now" if live else "Who got what"


def _row(gate: Gate) -> dict[str, object]:
    share = "those who meet it" if gate.share is None else words.percent(gate.share, 2)
    return {
        "Step": gate.words,
        "Share of those who reach it": share,
        "Of all": words.NONE if gate.of_all is None else words.percent(gate.of_all, 2),
        "So far": words.NONE if gate.units is None else words.count(gate.units),
    }
