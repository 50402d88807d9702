"""One reading as a notebook that recomputes its own numbers and fails where they differ.

The notebook carries the cells (counts and moments per arm and phase) and the plain formulas; it
needs scipy and nothing of Upshot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pprint import pformat
from typing import Any

from experiments_core.analysis.bayesian import Prior
from experiments_core.analysis.cells import Cells
from experiments_core.analysis.design import Design
from experiments_core.analysis.results import ExperimentResult
from experiments_core.analysis.robustness import Robustness
from experiments_core.reports import formulas
from experiments_core.reports.notebook_sheet import printed_sheet, sheet_of
from experiments_core.reports.notebook_study import printed, study_of

FORMULAS = (
    "strata", "rates", "means", "p_values", "lines", "kinds", "asked",
    "study", "arms", "compared", "phases", "contrasts", "visible", "belief", "sheet", "replay",
)  # fmt: skip
OWN_IMPORTS = re.compile(
    r"^from experiments_core\S+ import (?:\([^)]*\)|[^(\n]*)\n", re.MULTILINE
)
MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")
WIDTH = 92


@dataclass(frozen=True, slots=True)
class Story:
    """What the notebook says in words: a title, one line on the moment, facts, the query."""

    title: str
    moment: str
    facts: tuple[tuple[str, str], ...]
    sql: str


def build(
    result: ExperimentResult,
    cells: Cells,
    design: Design,
    story: Story,
    *,
    prior: Prior,
    sheets: Sequence[Robustness] = (),
) -> bytes:
    """Write the notebook.

    Args:
        result: The reading.
        cells: What it was read from.
        design: What the analysis was told besides.
        story: Title, facts and query.
        prior: What the Bayesian view of the reading believes.
        sheets: Robustness sheets of some of its comparisons.
    """
    study = study_of(result, cells, design, prior) | {"sheets": list(map(sheet_of, sheets))}
    numbers = dict(printed(result))
    for sheet in sheets:
        numbers |= dict(printed_sheet(sheet))
    parts = (
        _words(_introduction(story, len(numbers))),
        _words(
            "## The data\n\nUnits, counts and centred moments (n, mean, variance with n − 1; "
            "of two columns n, both means, both variances, covariance; of more columns n, the "
            "means, the table of variances and covariances; of a quantile n, value, "
            "its limits and their level) per arm and phase, the split that was asked for, the "
            "plan, the prior of the Bayesian view, and the same moments for every other "
            "analysis of a robustness sheet."
        ),
        _code(f"STUDY = {pformat(study, width=WIDTH, sort_dicts=False)}"),
        _words("## What was printed\n\nEvery number, with all its digits."),
        _code(f"PRINTED = {pformat(numbers, width=WIDTH, sort_dicts=False)}"),
        _words("## The formulas"),
        *(_code(source(module)) for module in FORMULAS),
        _words("## Printed and recomputed"),
        _code(COMPARISON),
        _words(f"## The query behind the cells\n\n{_fenced(story.sql)}"),
    )
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
        "cells": [part | {"id": f"upshot-{i}"} for i, part in enumerate(parts)],
    }
    return (json.dumps(notebook, ensure_ascii=False, indent=1) + "\n").encode()


def _words(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _code(text: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "metadata": {},
        "source": text,
        "outputs": [],
        "execution_count": None,
    }


COMPARISON = """\
again = replay(STUDY)
for name, value in PRINTED.items():
    print(f"{name:<60} {value!s:>24} {again.get(name)!s:>24}")

wrong = differences(PRINTED, STUDY)
if wrong:
    raise AssertionError("\\n".join(wrong))
print(f"\\nAll {len(PRINTED)} numbers agree to 1e-9.")"""


def source(module: str) -> str:
    """The text of a module of formulas, without what it imports from its neighbours."""
    text = resources.files(formulas).joinpath(f"{module}.py").read_text(encoding="utf-8")
    return OWN_IMPORTS.sub("", text).rstrip()


def _introduction(story: Story, numbers: int) -> str:
    facts = "\n".join(f"- {_safe(name)}: {_safe(text)}" for name, text in story.facts)
    return (
        f"# {_safe(story.title)}\n\n{_safe(story.moment)}\n\n"
        f"This notebook recomputes the {numbers} numbers of this reading from the counts and "
        "moments below, by formulas written out here, and stops with an error if one of them "
        "differs by more than 1e-9 (relative). It needs Python with scipy, and nothing else."
        f"\n\n{facts}"
    )


def _safe(text: str) -> str:
    """Text from data inside Markdown: nothing in it is markup."""
    return MARKUP.sub(r"\\\1", " ".join(text.split()))


def _fenced(code: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sql\n{code}\n{fence}"
