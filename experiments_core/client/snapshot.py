"""Decisions without asking: the running experiments as the server's snapshot tells them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from experiments_core.client.wire import UNANSWERED, Wire
from experiments_core.domain.assignment import Decision, ProjectRules, Reason, Rules
from experiments_core.domain.experiment import NamespaceSlot
from experiments_core.domain.targeting import compile_targeting


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a unit gets.

    Attributes:
        variant: Key of the arm; None for the fallback.
        value: What to serve.
        reason: The rule that answered.
        local: Decided here, without asking the server.
    """

    variant: str | None
    value: Any
    reason: str
    in_experiment: bool
    local: bool = False


@dataclass(frozen=True, slots=True)
class Local:
    """A running experiment that may be decided here.

    Attributes:
        rules: The rules that the server runs.
        overrides: Unit -> arm, of testers.
        values: Arm -> what to serve.
        fallback: What to serve without an arm.
    """

    rules: Rules
    overrides: Mapping[str, str]
    values: Mapping[str, Any]
    fallback: Any

    def assign(self, unit_id: str, attributes: Mapping[str, Any] | None) -> Assignment:
        """Decide as the server would."""
        override = self.overrides.get(unit_id)
        decision = self.rules.decide(unit_id, attributes, override=override)
        variant = decision.variant
        value = self.fallback if variant is None else self.values.get(variant)
        return Assignment(
            variant, value, decision.reason.value, decision.in_experiment, local=True
        )


class Snapshot:
    """The last snapshot, fetched again when it is older than ``fresh_for`` seconds."""

    def __init__(self, wire: Wire, fresh_for: float) -> None:
        self._wire, self._fresh_for = wire, fresh_for
        self._found: dict[str, Local] = {}
        self._etag, self._asked = "", float("-inf")
        self._lock = threading.Lock()

    def get(self, experiment: str) -> Local | None:
        """An experiment that may be decided here; None where the server has to be asked."""
        with self._lock:
            if time.monotonic() - self._asked > self._fresh_for:
                self._refresh()
            return self._found.get(experiment)

    def _refresh(self) -> None:
        """Fetch it; without an answer nothing is decided here and the next call tries again."""
        headers = {"If-None-Match": self._etag} if self._etag else {}
        reply = self._wire.request("GET", "/snapshot", headers=headers)
        if reply.status != UNANSWERED:
            self._asked = time.monotonic()
        if reply.status == 200:
            running = reply.body["data"]["experiments"]
            self._found = {one["key"]: _local(one) for one in running if one["local"]}
            self._etag = reply.etag
        elif reply.status != 304:
            self._found, self._etag = {}, ""


def _local(found: Mapping[str, Any]) -> Local:
    """Rules out of a snapshot: the same code that the server runs."""
    arms = [variant["key"] for variant in found["variants"]]
    slot = found["namespace"]
    rules = Rules(
        place="running",
        mode="hash",
        method=found["hash_method"],
        seed=found["hash_seed"],
        arms=tuple(arms),
        ends=tuple(accumulate(variant["weight_bp"] for variant in found["variants"])),
        allocation_bp=found["allocation_bp"],
        holdout_bp=found["holdout_bp"],
        targeting=compile_targeting(found["targeting"]),
        namespace=NamespaceSlot(**slot) if slot else None,
        project=ProjectRules(**found["project"]),
        decisions=tuple(Decision(arm, Reason.ASSIGNED, is_new=True) for arm in arms),
    )
    values = {variant["key"]: variant["value"] for variant in found["variants"]}
    return Local(rules, found["overrides"], values, found["fallback"])
