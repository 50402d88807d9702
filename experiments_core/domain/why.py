"""Would this unit enter, and why? Every rule of the assignment in turn, with its answer."""

from __future__ import annotations

from dataclasses import dataclass

from experiments_core.domain import hashing
from experiments_core.domain.assignment import Decision, Reason, Rules, Stored
from experiments_core.domain.experiment import WHOLE_BP
from experiments_core.domain.hashing import upshot1
from experiments_core.domain.targeting import Attributes, Verdict
from experiments_core.errors import ConflictError


@dataclass(frozen=True, slots=True)
class Step:
    """One rule and what it says about one unit.

    Attributes:
        rule: The question.
        answer: The answer, with the numbers it rests on.
        decides: It is the rule that answered; later ones are not asked.
        conditions: For the targeting: every condition with its own answer.
    """

    rule: str
    answer: str
    decides: bool = False
    conditions: tuple[Verdict, ...] = ()


def walk(
    rules: Rules,
    unit: str,
    attributes: Attributes | None = None,
    *,
    override: str | None = None,
    stored: Stored | None = None,
) -> tuple[Decision, tuple[Step, ...]]:
    """Decide about a unit and tell each rule's answer, up to the one that decides.

    Raises:
        ConflictError: never for a test whose arms come with the data; that is an answer here.
    """
    try:
        decision = rules.decide(unit, attributes, override=override, stored=stored)
    except ConflictError as error:
        decision, told = Decision(None, Reason.NOT_LISTED), error.message
        return decision, (Step("Who assigns?", told, decides=True),)
    steps = []
    for reasons, rule, tell in _STEPS:
        answer = tell(rules, unit, attributes or {}, override, stored)
        decides = decision.reason in reasons or (rule == _KEPT and stored is not None)
        conditions: tuple[Verdict, ...] = ()
        if rule == _TARGETING and rules.targeting is not None:
            conditions = tuple(rules.targeting.explain(attributes or {}))
        steps.append(Step(rule, answer, decides, conditions))
        if decides:
            break
    return decision, tuple(steps)


def _running(rules: Rules, _unit: str, _a: Attributes, _o: str | None, _s: object) -> str:
    if rules.place == "running":
        return "yes"
    return f"no, it is {'in the bin' if rules.place == 'bin' else rules.place}"


def _override(_r: Rules, _unit: str, _a: Attributes, override: str | None, _s: object) -> str:
    return "no" if override is None else f"yes: {override}, left out of the analysis"


def _stored(
    _r: Rules, _unit: str, _a: Attributes, _o: str | None, stored: Stored | None
) -> str:
    if stored is None:
        return "no"
    return f"yes: {stored.variant or 'holdout'}, and it keeps it"


def _listed(rules: Rules, _unit: str, _a: Attributes, _o: str | None, _s: object) -> str:
    if rules.mode != "listed":
        return "not needed: Upshot assigns every unit"
    return "no: only named participants take part"


def _targeted(rules: Rules, _unit: str, found: Attributes, _o: str | None, _s: object) -> str:
    if rules.targeting is None:
        return "no rules: everybody"
    return "yes" if rules.targeting.met(found) else "no"


def _held_by_project(
    rules: Rules, unit: str, _a: Attributes, _o: str | None, _s: object
) -> str:
    share = rules.project.global_holdout_bp
    if not share:
        return "the project holds nobody out"
    draw = upshot1(f"project/{rules.project.key}", unit).holdout
    return f"{'yes' if draw < share else 'no'}: bucket {draw}, held out below {share}"


def _slot(rules: Rules, unit: str, _a: Attributes, _o: str | None, _s: object) -> str:
    slot = rules.namespace
    if slot is None:
        return "no namespace: the test may share units with others"
    bucket = rules.slot_bucket(slot, unit)
    owns = slot.from_bp <= bucket < slot.to_bp
    return (
        f"{'yes' if owns else 'no'}: bucket {bucket} of “{slot.key}”, this test has "
        f"{slot.from_bp} to {slot.to_bp}"
    )


def _allocated(rules: Rules, unit: str, _a: Attributes, _o: str | None, _s: object) -> str:
    if rules.method.startswith("growthbook"):
        bucket = hashing.growthbook(rules.seed, unit, int(rules.method[-1]))
        share = rules.allocation_bp / WHOLE_BP
        return f"bucket {bucket}; {share:.2%} of each arm's range is taken in"
    draw = upshot1(rules.seed, unit).allocation
    inside = "yes" if draw < rules.allocation_bp else "no"
    return f"{inside}: bucket {draw}, taken in below {rules.allocation_bp}"


def _holdout(rules: Rules, unit: str, _a: Attributes, _o: str | None, _s: object) -> str:
    if not rules.holdout_bp:
        return "this test holds nobody out"
    draw = upshot1(rules.seed, unit).holdout
    out = "yes" if draw < rules.holdout_bp else "no"
    return f"{out}: bucket {draw}, held out below {rules.holdout_bp}"


def _arm(rules: Rules, unit: str, attributes: Attributes, _o: str | None, _s: object) -> str:
    decision = rules.decide(unit, attributes)
    return f"{decision.variant}: bucket {rules.variant_bucket(unit)} of {WHOLE_BP}"


_KEPT = "Is it in the test already?"
_TARGETING = "Does the targeting let it in?"
_STEPS = (
    ((Reason.NOT_RUNNING, Reason.PAUSED), "Is the test running?", _running),
    ((Reason.OVERRIDE,), "Did a tester override it?", _override),
    ((Reason.STORED,), _KEPT, _stored),
    ((Reason.NOT_LISTED,), "Is it on the list?", _listed),
    ((Reason.NOT_TARGETED,), _TARGETING, _targeted),
    ((Reason.GLOBAL_HOLDOUT,), "Is it held out of all tests?", _held_by_project),
    ((Reason.OTHER_EXPERIMENT,), "Is its slot this test's?", _slot),
    ((Reason.NOT_ALLOCATED,), "Is it allocated?", _allocated),
    ((Reason.HOLDOUT,), "Is it held out of this test?", _holdout),
    ((Reason.ASSIGNED,), "Which arm?", _arm),
)
