from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments_core.domain.assignment import HOLDOUT, Decision, ProjectRules, Reason, Rules
from experiments_core.domain.experiment import NamespaceSlot
from experiments_core.errors import InvalidInputError
from experiments_core.query.assignment import assignment_sql

CONNECTION = duckdb.connect()
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
shares = st.integers(0, 10_000)


def rules(weights: dict[str, int], **changes: object) -> Rules:
    ends, total = [], 0
    for weight in weights.values():
        total += weight
        ends.append(total)
    base = Rules("running", "hash", "upshot1", "s", tuple(weights), tuple(ends), 10_000, 0)
    made = replace(base, **changes)  # type: ignore[arg-type]
    decisions = tuple(Decision(arm, Reason.ASSIGNED, is_new=True) for arm in made.arms)
    return replace(made, decisions=decisions)


@settings(max_examples=60, deadline=None)
@given(
    units=st.lists(names, min_size=1, max_size=30, unique=True),
    seed=names,
    weight=shares,
    allocation=shares,
    holdout=st.integers(0, 5000),
    project=st.integers(0, 1000),
    slot=st.none() | st.tuples(shares, shares),
)
def test_the_query_gives_the_answers_of_the_program(
    units: list[str], seed: str, weight: int, allocation: int, holdout: int, project: int,
    slot: tuple[int, int] | None,
):  # fmt: skip
    namespace = NamespaceSlot("it's", min(slot), max(slot) + 1) if slot else None
    design = rules(
        {"a'b": weight, "c": 0, "d": 10_000 - weight}, seed=seed, allocation_bp=allocation,
        holdout_bp=holdout, namespace=namespace, project=ProjectRules("p'q", project),
    )  # fmt: skip
    sql = assignment_sql(design, "(SELECT unnest(?) AS unit)")
    found = {u: (v, r) for u, v, r in CONNECTION.execute(sql, [units]).fetchall()}
    for unit in units:
        decision = design.decide(unit)
        variant = HOLDOUT if decision.reason == "holdout" else decision.variant
        assert found[unit] == (variant, decision.reason.value)


def test_a_hash_that_sql_does_not_have_is_refused():
    with pytest.raises(InvalidInputError):
        assignment_sql(rules({"a": 10_000}, method="fnv1a32"), "units")
