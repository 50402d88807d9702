"""The tab of raw numbers: from the query to every number that is shown of a comparison."""

from __future__ import annotations

from pages.parts import results_behind
from pages.parts.results_subject import Subject


def draw(subject: Subject) -> None:
    """Show formula, numbers put in, moments, query and rows."""
    number = subject.metric, subject.treatment
    results_behind.behind(subject.ws, subject.actor, subject.view, number)
