"""The data of one look under other choices than the plan's: shown, never the verdict.

No look is taken: the cells kept with the look are judged again. Only another covariate asks
the rows, because those cells do not hold it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from experiments_core.analysis import bayesian, on_request
from experiments_core.analysis.bayesian import Prior
from experiments_core.analysis.design import Design
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.explain import moment_rows
from experiments_core.analysis.families import CORRECTIONS
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.words import level as level_words
from experiments_core.domain.access import Actor
from experiments_core.domain.metric import Metric
from experiments_core.domain.metric_kinds import Mean
from experiments_core.errors import ConflictError, InvalidInputError, Problem
from experiments_core.services import binding, inspecting
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from experiments_core.store import cells as store_cells

CORRECTION_NAMES = {
    "none": "no correction", "holm": "Holm", "bh": "Benjamini-Hochberg",
    "bonferroni": "Bonferroni", "hochberg": "Hochberg", "by": "Benjamini-Yekutieli",
}  # fmt: skip
SIDES = {
    "two-sided": "two-sided", "greater": "one-sided (greater)", "less": "one-sided (less)",
}  # fmt: skip
NO_COVARIATE = "none"


PRIORS = {
    "usual": ("Prior: Beta(1, 1) for rates, else flat", Prior()),
    "jeffreys": ("Prior: Beta(½, ½) for rates, else flat", Prior(alpha=0.5, beta=0.5)),
    "lift": ("Prior: lifts near 0, standard deviation 30\u202f%", Prior(lift_deviation=0.3)),
    "small": ("Prior: lifts near 0, standard deviation 5\u202f%", Prior(lift_deviation=0.05)),
}
"""Priors by name, each with the words of its choice."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What somebody wants to see instead; None keeps what the plan says.

    Attributes:
        reference: Variant the others are compared with.
        confidence_level: 1 - alpha of the whole family, a fraction.
        correction: Of the primary family.
        alternative: ``two-sided``, ``greater`` or ``less``.
        methods: As in :data:`experiments_core.analysis.on_request.METHODS`.
        covariate: Header text of a number from before the test that adjusts every mean, or
            ``none``.
        prior: Asks for the Bayesian view beside the verdict; no departure from the plan.
    """

    reference: str | None = None
    confidence_level: float | None = None
    correction: str | None = None
    alternative: str | None = None
    methods: tuple[str, ...] = ()
    prior: Prior | None = None
    covariate: str | None = None

    @property
    def asks_rows(self) -> bool:
        """Whether the cells of the look do not hold what is wanted."""
        return self.covariate not in {None, NO_COVARIATE}


def applied(design: Design, choices: Choices) -> Design:
    """The design with the choices put in.

    Raises:
        InvalidInputError: a choice does not exist; the message lists those that do.
    """
    plan = design.plan
    held = () if design.holdout is None else (design.holdout,)
    _known("reference", choices.reference, (*design.arms, *held))
    _known("correction", choices.correction, ("none", *CORRECTIONS))
    _known("alternative", choices.alternative, tuple(SIDES))
    level = choices.confidence_level
    if level is not None and not 0.5 < level < 1:
        message = f"A confidence level lies between 0.5 and 1, not at {level:g}."
        raise InvalidInputError(message, details=(Problem("level", level, "RANGE", message),))
    return replace(
        design,
        arms=_arms(design, choices.reference),
        reference=choices.reference or design.reference,
        methods=on_request.chosen(choices.methods),
        metrics=_metrics(design.metrics, choices.covariate),
        plan=replace(
            plan,
            alpha=plan.alpha if level is None else round(1 - level, 12),
            correction=choices.correction or plan.correction,
            alternative=choices.alternative or plan.alternative,
        ),
    )


def _arms(design: Design, reference: str | None) -> tuple[str, ...]:
    """The holdout joins the arms where they are compared with it."""
    joins = reference is not None and reference == design.holdout
    return (reference or "", *design.arms) if joins else design.arms


def _metrics(metrics: Sequence[Metric], covariate: str | None) -> tuple[Metric, ...]:
    """The same metrics, every mean with this covariate or with none."""
    if covariate is None:
        return tuple(metrics)
    name = None if covariate == NO_COVARIATE else covariate
    return tuple(
        replace(one, covariate=None if name == one.column else name)
        if isinstance(one, Mean)
        else one
        for one in metrics
    )


def explored(ws: Workspace, actor: Actor, view: LookView, choices: Choices) -> LookView:
    """The look as the choices would show it, with the rows asked again where that is needed.

    Args:
        ws: The workspace.
        actor: Who asks.
        view: A look at the data as they are now.
        choices: What somebody wants to see instead.

    Raises:
        InvalidInputError: a choice does not exist.
        ConflictError: the rows have changed since this look, or there are only totals.
    """
    if not choices.asks_rows or view.result.locked:
        return explore(view, choices)
    reading = inspecting.rows_of(ws, actor, view)
    design = applied(view.design, choices)
    if reading.query is None or reading.data is None:
        raise ConflictError(
            "A covariate needs one row per unit; these data are totals.",
            code="NO_UNIT_ROWS",
            hint="Import one row per unit.",
        )
    if reading.data_hash != view.result.data_hash:
        raise ConflictError(
            "The data have changed since this look, so its rows cannot be asked again.",
            code="DATA_CHANGED",
            hint="Open the newest look.",
        )
    _known("covariate", choices.covariate, (NO_COVARIATE, *reading.covariate_columns))
    query = replace(reading.query, needs=binding.bound(design.metrics, reading.data))
    with ws.db.read() as cursor:
        table = store_cells.unit_cells(cursor, query)
    return explore(replace(view, cells=table.cells, sql=table.sql), choices)


def explore(view: LookView, choices: Choices) -> LookView:
    """The cells of a look judged as the choices say; the look itself where nothing departs.

    Raises:
        InvalidInputError: a choice does not exist.
    """
    design = applied(view.design, choices)
    if view.result.locked:
        return view
    told = tuple(_departures(view.design, design, choices))
    shown, moments = view.result, view.moments
    groups = Groups.of(view.cells, len(design.phases))
    if told:
        result = analyze(view.cells, design, view.quality, data_hash=view.result.data_hash)
        told = (*view.result.exploring, *told)
        shown = replace(result, look=view.result.look, exploring=told)
        moments = moment_rows(groups, design)
    if choices.prior is not None:
        shown = bayesian.with_view(shown, groups, design, choices.prior)
    if shown is view.result:
        return view
    return replace(view, result=shown, design=design, moments=moments)


def _departures(planned: Design, explored: Design, choices: Choices) -> Iterator[str]:
    """In what the explored design differs from the plan, in words."""
    if explored.reference != planned.reference:
        yield f"compared with {explored.named(explored.reference)}"
    if explored.plan.alpha != planned.plan.alpha:
        yield f"{level_words(1 - explored.plan.alpha)} intervals"
    if explored.plan.correction != planned.plan.correction:
        yield CORRECTION_NAMES[explored.plan.correction]
    if explored.plan.alternative != planned.plan.alternative:
        yield SIDES[explored.plan.alternative]
    for name in explored.methods:
        yield on_request.METHODS[name].name
    if explored.metrics != planned.metrics:
        column = choices.covariate
        raw = column == NO_COVARIATE
        yield "without a covariate" if raw else f"means adjusted by {column}"


def _known(field: str, value: str | None, allowed: Sequence[str]) -> None:
    if value is not None and value not in allowed:
        message = f"There is no {field} “{value}”; there are {', '.join(allowed)}."
        raise _refused(field, value, message)


def _refused(field: str, value: str, message: str) -> InvalidInputError:
    return InvalidInputError(
        message, details=(Problem(field, value, "UNKNOWN_CHOICE", message),)
    )
