"""The data of one look under other choices than the plan's: shown, never the verdict.

Nothing is fetched and no look is taken: the cells kept with the look are judged again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from experiments_core.analysis import bayesian, on_request
from experiments_core.analysis.bayesian import Prior
from experiments_core.analysis.design import Design
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.families import CORRECTIONS
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.words import level as level_words
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services.analyses import LookView

CORRECTION_NAMES = {
    "none": "no correction", "holm": "Holm", "bh": "Benjamini-Hochberg",
    "bonferroni": "Bonferroni", "hochberg": "Hochberg", "by": "Benjamini-Yekutieli",
}  # fmt: skip
SIDES = {
    "two-sided": "two-sided", "greater": "one-sided (greater)", "less": "one-sided (less)",
}  # fmt: skip


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
        prior: Asks for the Bayesian view beside the verdict; no departure from the plan.
    """

    reference: str | None = None
    confidence_level: float | None = None
    correction: str | None = None
    alternative: str | None = None
    methods: tuple[str, ...] = ()
    prior: Prior | None = None


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


def departures(planned: Design, explored: Design) -> tuple[str, ...]:
    """In what the explored design differs from the plan, in words."""
    return tuple(_departures(planned, explored))


def explore(view: LookView, choices: Choices) -> LookView:
    """The look as the choices would show it; the look itself where nothing departs.

    Raises:
        InvalidInputError: a choice does not exist.
    """
    design = applied(view.design, choices)
    if view.result.locked:
        return view
    told = departures(view.design, design)
    shown = view.result
    if told:
        result = analyze(view.cells, design, view.quality, data_hash=view.result.data_hash)
        told = (*view.result.exploring, *told)
        shown = replace(result, look=view.result.look, exploring=told)
    if choices.prior is not None:
        groups = Groups.of(view.cells, len(design.phases))
        shown = bayesian.with_view(shown, groups, design, choices.prior)
    return view if shown is view.result else replace(view, result=shown, design=design)


def _departures(planned: Design, explored: Design) -> Iterator[str]:
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


def _known(field: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        message = f"There is no {field} “{value}”; there are {', '.join(allowed)}."
        raise InvalidInputError(
            message, details=(Problem(field, value, "UNKNOWN_CHOICE", message),)
        )
