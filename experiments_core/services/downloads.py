"""A reading to take along: CSV, JSON, a notebook that checks itself, an HTML report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from experiments_core.analysis.bayesian import Prior
from experiments_core.analysis.body import to_dict
from experiments_core.charts import words
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.experiment import WHOLE_BP, Experiment
from experiments_core.reports import html, tables
from experiments_core.reports import notebook as notebooks
from experiments_core.services.exploring import Choices, explore
from experiments_core.services.listing import ExperimentSummary, summaries
from experiments_core.services.reporting import Occasion, compose
from experiments_core.services.robustness import primary_sheets
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace

EXPERIMENT_COLUMNS = (
    "key", "name", "status", "verdict", "verdict_text", "final", "metric", "variant",
    "relative_lift", "relative_lift_ci_lower", "relative_lift_ci_upper", "progress",
    "days_left", "split_bp", "allocation_bp", "owner", "tags", "hypothesis", "created_at",
    "first_started_at", "stopped_at", "conclusion", "conclusion_note",
)  # fmt: skip


def csv_of(view: LookView, *, for_spreadsheet: bool = True) -> bytes:
    """One row per metric and arm; see :func:`experiments_core.reports.tables.write_csv`."""
    rows = tables.result_rows(view.result)
    return tables.write_csv(tables.RESULT_COLUMNS, rows, for_spreadsheet=for_spreadsheet)


def json_of(view: LookView) -> bytes:
    """The results body."""
    return tables.write_json(to_dict(view.result))


def notebook_of(
    ws: Workspace, actor: Actor, view: LookView, prior: Prior | None = None
) -> bytes:
    """A notebook that recomputes every number of the reading and fails where one differs.

    Its Bayesian view is in it, and the robustness sheets of the primary metrics where the rows
    are still those of the reading.

    Args:
        ws: The workspace.
        actor: Who takes it along.
        view: The reading.
        prior: Of its Bayesian view; the usual one when left out.
    """
    believed = prior or Prior()
    told = explore(view, Choices(prior=believed))
    story = notebooks.Story(view.experiment.name, _moment(view), _facts(view), view.sql)
    return notebooks.build(
        told.result, view.cells, view.design, story, prior=believed,
        sheets=primary_sheets(ws, actor, view),
    )  # fmt: skip


def html_of(view: LookView) -> bytes:
    """One HTML file that needs no server and no network."""
    occasion = Occasion(
        title=view.experiment.name,
        subtitle=_moment(view),
        unit=view.design.unit,
        names=view.design.names,
        sql=view.sql,
        facts=_facts(view),
    )
    return html.render(compose(view.result, occasion))


def experiments_csv(ws: Workspace, actor: Actor, experiments: Sequence[Experiment]) -> bytes:
    """The list as it is shown, one row per experiment."""
    require(actor, Permission.RESULTS)
    known = summaries(ws, actor)
    rows = [_experiment_row(one, known.get(one.id)) for one in experiments]
    return tables.write_csv(EXPERIMENT_COLUMNS, rows)


def _experiment_row(
    experiment: Experiment, summary: ExperimentSummary | None
) -> dict[str, tables.Cell]:
    moments = {
        name: moment.isoformat().replace("+00:00", "Z")
        for name in ("created_at", "first_started_at", "stopped_at")
        if (moment := getattr(experiment, name)) is not None
    }
    return {
        "key": experiment.key,
        "name": experiment.name,
        "status": experiment.status.value,
        "split_bp": "/".join(str(variant.weight_bp) for variant in experiment.variants),
        "allocation_bp": experiment.allocation_bp,
        "owner": experiment.owner,
        "tags": " ".join(experiment.tags),
        "hypothesis": experiment.hypothesis,
        "conclusion": experiment.conclusion,
        "conclusion_note": experiment.conclusion_note,
        **moments,
        **_summary_cells(summary),
    }


def _summary_cells(summary: ExperimentSummary | None) -> dict[str, tables.Cell]:
    if summary is None:
        return {}
    numbers = ("relative_lift", "relative_lift_ci_lower", "relative_lift_ci_upper", "progress")
    found = {name: getattr(summary, name) for name in numbers}
    return {
        "verdict": summary.verdict,
        "verdict_text": summary.text,
        "final": summary.final,
        "metric": summary.metric,
        "variant": summary.variant,
        "days_left": summary.days_left,
        **{name: value for name, value in found.items() if isinstance(value, float)},
    }


def _moment(view: LookView) -> str:
    number = "" if view.result.look is None else f"Look {view.result.look}, "
    kind = "final" if view.result.final else "interim"
    return f"{number}{words.day(view.taken_at, year=True)} {view.taken_at:%H:%M} UTC, {kind}"


def _facts(view: LookView) -> tuple[tuple[str, str], ...]:
    result, plan = view.result, view.design.plan
    split = " → ".join(_split(phase.weights.values()) for phase in view.design.phases)
    arms = ", ".join(f"{view.design.named(arm)} ({arm})" for arm in view.design.arms)
    facts = [
        ("Status", view.experiment.status.value),
        ("Arms", arms),
        ("Split", split),
        ("Allocation", words.percent(view.experiment.allocation_bp / WHOLE_BP)),
        ("Plan", f"{plan.method}, alpha {plan.alpha:g}, {plan.alternative}, {plan.correction}"),
        ("Data", result.data_hash),
        ("Engine", f"{result.engine_version}, statistics {result.statistics_version}"),
    ]
    if view.data_as_of is not None:
        newest = f"{words.day(view.data_as_of, year=True)} {view.data_as_of:%H:%M} UTC"
        facts.insert(5, ("Data to", newest))
    if result.exploring:
        facts.insert(0, ("Exploring, not the plan", "; ".join(result.exploring)))
    if view.experiment.hypothesis:
        facts.insert(0, ("Hypothesis", view.experiment.hypothesis))
    return tuple(facts)


def _split(weights: Iterable[float]) -> str:
    shares = list(weights)
    whole = sum(shares) or 1.0
    return "/".join(f"{100 * share / whole:.4g}" for share in shares)
