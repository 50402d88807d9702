"""Namespaces: tests that share units by ranges of one draw, so that none has them twice."""

from __future__ import annotations

from collections.abc import Iterable

from experiments_core.domain.experiment import WHOLE_BP, NamespaceSlot
from experiments_core.errors import ConflictError, Problem


def slot_problems(slot: NamespaceSlot, name: str = "namespace") -> list[Problem]:
    """What is wrong with a range of a namespace, in itself."""
    problems = []
    for end, value in (("from_bp", slot.from_bp), ("to_bp", slot.to_bp)):
        where = f"{name}.{end}"
        if isinstance(value, bool) or not isinstance(value, int):
            message = f"{where} must be a whole number of basis points (1 % = 100)"
            problems.append(Problem(where, value, "TYPE", message))
        elif not 0 <= value <= WHOLE_BP:
            message = f"{where} is {value}; it must be between 0 and {WHOLE_BP}"
            problems.append(Problem(where, value, "RANGE", message))
    if not problems and slot.from_bp >= slot.to_bp:
        message = (
            f"{name} is empty: from_bp ({slot.from_bp}) must be below to_bp ({slot.to_bp})"
        )
        problems.append(Problem(f"{name}.to_bp", slot.to_bp, "RANGE", message))
    return problems


def check_overlap(slot: NamespaceSlot, taken: Iterable[tuple[str, NamespaceSlot]]) -> None:
    """Refuse a range that shares a bucket with another test's range of the same namespace.

    Args:
        slot: The range that is wanted; half-open.
        taken: Name and range of every other living test.

    Raises:
        ConflictError: ``NAMESPACE_OVERLAP``, naming the test and the free ranges.
    """
    same = [(name, other) for name, other in taken if other.key == slot.key]
    for name, other in same:
        if slot.from_bp < other.to_bp and other.from_bp < slot.to_bp:
            free = ", ".join(f"{a} to {b}" for a, b in free_ranges([o for _, o in same]))
            raise ConflictError(
                f"“{name}” has {other.from_bp} to {other.to_bp} of the namespace "
                f"“{slot.key}”; {slot.from_bp} to {slot.to_bp} overlaps it.",
                code="NAMESPACE_OVERLAP",
                hint=f"Free (in basis points): {free or 'nothing'}.",
                details=(
                    Problem("namespace", [slot.from_bp, slot.to_bp], "NAMESPACE_OVERLAP",
                            f"overlaps the range of “{name}”"),
                ),
            )  # fmt: skip


def free_ranges(taken: Iterable[NamespaceSlot]) -> list[tuple[int, int]]:
    """The parts of a namespace that no test has, half-open, in basis points."""
    free, begin = [], 0
    for slot in sorted(taken, key=lambda one: one.from_bp):
        if slot.from_bp > begin:
            free.append((begin, slot.from_bp))
        begin = max(begin, slot.to_bp)
    return [*free, (begin, WHOLE_BP)] if begin < WHOLE_BP else free
