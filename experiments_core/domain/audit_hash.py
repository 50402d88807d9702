"""Which hash explains who got what? Recompute arms by every hash we know; name the best fit.

A fit is a method with its settings: how the hash is read (UTF-8 bytes or UTF-16 code units),
into how many buckets, which arm comes first, which half is the first, whether a holdout lies
before the arms. Units that the best fit does not explain were moved by something else: an
expiry, an override, a changed split.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, permutations

from experiments_core.domain import hashing
from experiments_core.domain.experiment import WHOLE_BP
from experiments_core.domain.hashing import WHOLE, upshot1

MOST_ORDERS = 24
"""Orders of the arms that are tried: all of up to four arms."""
SURE = 0.99
"""Agreement from which a hash explains the list."""


@dataclass(frozen=True, slots=True)
class Fit:
    """One hash with its settings, and how well it explains the list.

    Attributes:
        method: ``upshot1``, ``fnv1a32``, ``md5_mod2``, ``growthbook_v1`` or ``growthbook_v2``.
        settings: In words: reading, buckets, order of the arms.
        agreed: Units whose arm it gives.
        by_chance: Share of units that would agree if the hash had nothing to do with it.
        moved: Units whose arm it does not give, with the arm it gives.
    """

    method: str
    settings: str
    agreed: int
    units: int
    by_chance: float
    moved: tuple[tuple[str, str, str | None], ...] = ()

    @property
    def agreement(self) -> float:
        """Share of units whose arm it gives, a fraction."""
        return self.agreed / self.units if self.units else 0.0

    @property
    def explains(self) -> bool:
        """Whether it is the hash that made the list, but for single units."""
        return self.agreement >= SURE and self.agreement > self.by_chance


Give = Callable[[str], str | None]


def audit(
    served: Mapping[str, str],
    weights_bp: Mapping[str, int],
    seeds: Sequence[str],
    *,
    holdout_bp: int = 0,
    allocation_bp: int = WHOLE_BP,
    most_moved: int = 1_000,
) -> tuple[Fit, ...]:
    """Try every hash on a list of units and the arms they got; the best fit first.

    Args:
        served: Unit -> arm that it got.
        weights_bp: Arm -> basis points, in position order.
        seeds: Keys, comparison names or seeds that the hash may have started with.
        holdout_bp: Share that the other service kept back before the arms.
        allocation_bp: Share of units that took part.
        most_moved: How many unexplained units of the best fit are named.
    """
    units, chance = list(served), _by_chance(served, weights_bp)
    plain = all(map(str.isascii, units))
    found = []
    for method, settings, give in _candidates(
        weights_bp, seeds, plain=plain, holdout_bp=holdout_bp, allocation_bp=allocation_bp
    ):
        agreed = sum(give(unit) == arm for unit, arm in served.items())
        found.append((Fit(method, settings, agreed, len(units), chance), give))
    found.sort(key=lambda pair: -pair[0].agreed)
    return tuple(
        Fit(
            fit.method, fit.settings, fit.agreed, fit.units, fit.by_chance,
            _moved(served, give, most_moved) if place == 0 else (),
        )
        for place, (fit, give) in enumerate(found)
    )  # fmt: skip


def _candidates(
    weights_bp: Mapping[str, int],
    seeds: Sequence[str],
    *,
    plain: bool,
    holdout_bp: int,
    allocation_bp: int,
) -> Iterator[tuple[str, str, Give]]:
    bytes_first = ("utf-8",) if plain else ("utf-8", "utf-16")
    for seed in seeds:
        for order in _orders(list(weights_bp)):
            weights = {arm: weights_bp[arm] for arm in order}
            told = f"seed “{seed}”, {' then '.join(order)}"
            yield "upshot1", told, _upshot1(seed, weights)
            for reading in bytes_first:
                words = f"{told}, {reading}"
                for buckets, held in _fnv_settings(holdout_bp):
                    place = ", holdout first" if held else ""
                    more = f"{told}, mod {buckets}, {reading}{place}"
                    yield "fnv1a32", more, _fnv(seed, weights, buckets, reading, held)
                if len(order) == 2:
                    yield "md5_mod2", words, _md5(seed, order, reading)
            for reading in ("utf-16",) if plain else ("utf-16", "utf-8"):
                for version in (1, 2):
                    give = _growthbook(seed, weights, version, reading, allocation_bp)
                    yield f"growthbook_v{version}", f"{told}, {reading}", give


def _fnv_settings(holdout_bp: int) -> list[tuple[int, int]]:
    """(buckets, basis points before the arms) that are tried."""
    held = [0, holdout_bp] if holdout_bp else [0]
    return [(buckets, before) for buckets in (100, WHOLE) for before in held]


def _orders(arms: Sequence[str]) -> list[tuple[str, ...]]:
    if len(arms) > 4:
        return [tuple(arms), tuple(reversed(arms))]
    return list(permutations(arms))[:MOST_ORDERS]


def _upshot1(seed: str, weights: Mapping[str, int]) -> Give:
    arms, ends = list(weights), list(accumulate(weights.values()))
    return lambda unit: arms[bisect_right(ends, upshot1(seed, unit).variant)]


def _fnv(seed: str, weights: Mapping[str, int], buckets: int, reading: str, held: int) -> Give:
    arms = list(weights)
    rest = WHOLE_BP - held
    ends = [held + end * rest / WHOLE_BP for end in accumulate(weights.values())]

    def give(unit: str) -> str | None:
        bucket = hashing.fnv1a32_hash(seed, unit, reading=reading) % buckets
        place = bucket * WHOLE_BP // buckets
        return None if place < held else arms[min(bisect_right(ends, place), len(arms) - 1)]

    return give


def _growthbook(
    seed: str, weights: Mapping[str, int], version: int, reading: str, allocation_bp: int
) -> Give:
    arms = list(weights)
    shares = [weight / WHOLE_BP for weight in weights.values()]
    ranges = hashing.bucket_ranges(len(arms), allocation_bp / WHOLE_BP, shares)

    def give(unit: str) -> str | None:
        bucket = hashing.growthbook(seed, unit, version, reading=reading) or 0.0
        index = hashing.choose_range(bucket, ranges)
        return None if index < 0 else arms[index]

    return give


def _md5(seed: str, order: Sequence[str], reading: str) -> Give:
    return lambda unit: order[hashing.md5_parity(seed, unit, reading=reading)]


def _by_chance(served: Mapping[str, str], weights_bp: Mapping[str, int]) -> float:
    """Agreement of arms drawn independently with the same weights."""
    if not served:
        return 0.0
    return sum(weights_bp.get(arm, 0) for arm in served.values()) / (WHOLE_BP * len(served))


def _moved(
    served: Mapping[str, str], give: Give, most: int
) -> tuple[tuple[str, str, str | None], ...]:
    found = []
    for unit, arm in served.items():
        given = give(unit)
        if given != arm:
            found.append((unit, arm, given))
            if len(found) == most:
                break
    return tuple(found)
