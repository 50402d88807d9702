"""Assign a whole table of units in one query: the same answers as ``domain.assignment``.

DuckDB's dialect; text only. ``sha256`` gives the digest as hexadecimal text, of which the first
three groups of 16 digits are the three draws.
"""

from __future__ import annotations

from experiments_core.domain.assignment import HOLDOUT, Rules
from experiments_core.errors import InvalidInputError
from experiments_core.query.literals import quoted

WHOLE = 10_000


def assignment_sql(rules: Rules, units: str) -> str:
    """Write the query: unit, variant (NULL for the fallback, ``holdout``), reason.

    Rules 5 to 10 are in it, but for the targeting, which needs attributes: hand in the units
    that it lets in. Overrides and stored assignments are not looked at.

    Args:
        rules: The design; only ``upshot1`` is a hash that SQL has.
        units: A relation with the column ``unit``.

    Raises:
        InvalidInputError: the test uses another hash.
    """
    if rules.method != "upshot1":
        raise InvalidInputError(
            f"The hash {rules.method} cannot be drawn in a query.",
            hint="Ask unit by unit, or use upshot1.",
        )
    slot, share = rules.namespace, rules.project.global_holdout_bp
    digests = [f"sha256({quoted(rules.seed + ':')} || unit) AS d"]
    conditions = []
    if share:
        digests.append(f"sha256({quoted(f'project/{rules.project.key}:')} || unit) AS p")
        conditions.append(f"WHEN {_draw('p', 1)} < {share} THEN 'global_holdout'")
    if slot is not None:
        digests.append(f"sha256({quoted(f'ns/{slot.key}:')} || unit) AS s")
        inside = f"{_draw('s', 0)} BETWEEN {slot.from_bp} AND {slot.to_bp - 1}"
        conditions.append(f"WHEN NOT {inside} THEN 'other_experiment'")
    conditions += [
        f"WHEN {_draw('d', 0)} >= {rules.allocation_bp} THEN 'not_allocated'",
        f"WHEN {_draw('d', 1)} < {rules.holdout_bp} THEN 'holdout'",
    ]
    arms = " ".join(
        f"WHEN v < {end} THEN {quoted(arm)}"
        for arm, end in zip(rules.arms, rules.ends, strict=True)
    )
    return (
        f"SELECT unit, CASE reason WHEN 'assigned' THEN CASE {arms} END "
        f"WHEN 'holdout' THEN '{HOLDOUT}' END AS variant, reason\n"
        f"FROM (SELECT unit, {_draw('d', 2)} AS v, "
        f"CASE {' '.join(conditions)} ELSE 'assigned' END AS reason\n"
        f"FROM (SELECT unit, {', '.join(digests)} FROM {units}))"
    )


def _draw(digest: str, number: int) -> str:
    """One of the draws of a digest; ``substr`` costs half of what a slice does."""
    return f"('0x' || substr({digest}, {16 * number + 1}, 16))::UBIGINT % {WHOLE}"
