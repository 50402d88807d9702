"""Arms and the split: what somebody typed becomes variants, or a list of what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from experiments_core.domain.experiment import WHOLE_BP, Variant, VariantDraft
from experiments_core.domain.shares import equal_weights
from experiments_core.domain.text import clean, slugify, text_problems
from experiments_core.errors import Problem

LEAST = 2
LIMIT_HASH = 20
LIMIT_EXTERNAL = 100
LONGEST_VALUE = 64 * 1024
CONTROL_KEYS = ("control", "champion")

DEFAULT_ARMS = (
    VariantDraft("control", "Control", is_control=True),
    VariantDraft("treatment", "Treatment"),
)


def variant_problems(
    value: object, *, limit: int = LIMIT_HASH, least: int = LEAST
) -> list[Problem]:
    """Check the arms of a draft: how many, their keys, the control, the split."""
    if not isinstance(value, list | tuple) or not all(
        isinstance(draft, VariantDraft) for draft in value
    ):
        return [Problem("variants", value, "TYPE", "variants must be a list of variants")]
    drafts: Sequence[VariantDraft] = value
    problems = []
    if not least <= len(drafts) <= limit:
        message = f"{len(drafts)} variants; a test has {LEAST} to {limit}"
        problems.append(Problem("variants", len(drafts), "RANGE", message))
    for i, draft in enumerate(drafts):
        problems += _one_problems(f"variants[{i}]", draft)
    controls = [key_of(draft) for draft in drafts if draft.is_control]
    if len(controls) > 1:
        message = (
            f"{len(controls)} variants are marked as control ({', '.join(controls)}); one is"
        )
        problems.append(Problem("variants", controls, "NOT_UNIQUE", message))
    problems += _similar_keys(drafts)
    if any(draft.weight_bp is not None for draft in drafts):
        problems += split_problems([(key_of(draft), draft.weight_bp) for draft in drafts])
    return problems


def parity_problems(hash_method: str, weights: Sequence[object]) -> list[Problem]:
    """Check that a hash that knows two halves is asked for two halves."""
    if hash_method != "md5_mod2" or list(weights) == [WHOLE_BP // 2] * 2:
        return []
    message = "md5_mod2 knows only two arms of 50 % each; choose upshot1 for another split"
    return [Problem("hash_method", hash_method, "SPLIT_SUM", message)]


def split_problems(weights: Sequence[tuple[str, object]]) -> list[Problem]:
    """Check that the weights of (key, basis points) are whole and make exactly 100 %."""
    problems = [problem for key, weight in weights for problem in _weight_problems(key, weight)]
    if problems:
        return problems
    total = sum(weight for _, weight in weights if isinstance(weight, int))
    if total == WHOLE_BP:
        return []
    gap = f"{percent(abs(WHOLE_BP - total))} is {'missing' if total < WHOLE_BP else 'too much'}"
    message = f"The split adds up to {percent(total)}. It must be exactly 100 %: {gap}."
    return [Problem("weights_bp", total, "SPLIT_SUM", message)]


def make_variants(
    drafts: Sequence[VariantDraft],
    new_id: Callable[[], str],
    existing: Sequence[Variant] = (),
) -> tuple[Variant, ...]:
    """Turn checked drafts into variants: keys, equal weights and the control filled in.

    An arm whose key exists already keeps its id, and what a draft does not say of its version.
    """
    before = {variant.key: variant for variant in existing}
    nobody = Variant("", "", is_control=False, weight_bp=0)
    keys = [key_of(draft) for draft in drafts]
    control = _control(drafts, keys)
    equal = equal_weights(len(drafts))
    return tuple(
        Variant(
            key=key,
            name=clean(draft.name) or key,
            is_control=key == control,
            weight_bp=equal[i] if draft.weight_bp is None else draft.weight_bp,
            value=draft.value,
            id=before.get(key, nobody).id or new_id(),
            version_hash=_kept(draft.version_hash, before.get(key, nobody).version_hash),
            model_id=_kept(draft.model_id, before.get(key, nobody).model_id),
        )
        for i, (key, draft) in enumerate(zip(keys, drafts, strict=True))
    )


def _kept(said: str | None, before: str) -> str:
    return before if said is None else clean(said)


def key_of(draft: VariantDraft) -> str:
    """The arm's key: as typed, or made from its name."""
    return clean(draft.key) or slugify(draft.name, "")


def percent(basis_points: int) -> str:
    """Write basis points as percent: 9900 -> “99.00 %”."""
    return f"{basis_points // 100}.{basis_points % 100:02d} %"


def _one_problems(field: str, draft: VariantDraft) -> list[Problem]:
    key = draft.key if clean(draft.key) else key_of(draft)
    problems = text_problems(f"{field}.key", key, longest=100, shortest=1)
    problems += text_problems(f"{field}.name", draft.name, longest=200)
    for name in ("version_hash", "model_id"):
        problems += text_problems(f"{field}.{name}", getattr(draft, name) or "", longest=200)
    try:
        size = len(json.dumps(draft.value, allow_nan=False))
    except (TypeError, ValueError):
        message = f"the value of {key} cannot be written as JSON"
        return [*problems, Problem(f"{field}.value", repr(draft.value), "TYPE", message)]
    if size > LONGEST_VALUE:
        message = f"the value of {key} has {size} bytes; at most {LONGEST_VALUE} are allowed"
        problems.append(Problem(f"{field}.value", size, "LENGTH", message))
    return problems


def _weight_problems(key: str, weight: object) -> list[Problem]:
    field = f"weights_bp.{key}"
    if weight is None:
        return [Problem(field, weight, "REQUIRED", f"the weight of {key} is missing")]
    if isinstance(weight, bool) or not isinstance(weight, int):
        message = f"the weight of {key} must be a whole number of basis points (1 % = 100)"
        return [Problem(field, weight, "TYPE", message)]
    if not 0 <= weight <= WHOLE_BP:
        message = f"the weight of {key} is {weight}; it must be between 0 and {WHOLE_BP}"
        return [Problem(field, weight, "RANGE", message)]
    return []


def _similar_keys(drafts: Sequence[VariantDraft]) -> list[Problem]:
    seen: dict[str, str] = {}
    problems = []
    for draft in drafts:
        key = key_of(draft)
        first = seen.get(key.casefold())
        if first and key:
            message = f"the variants “{first}” and “{key}” cannot be told apart; rename one"
            problems.append(Problem("variants", key, "VARIANT_KEY_TOO_SIMILAR", message))
        seen[key.casefold()] = key
    return problems


def _control(drafts: Sequence[VariantDraft], keys: Sequence[str]) -> str:
    flagged = [key for key, draft in zip(keys, drafts, strict=True) if draft.is_control]
    named = [key for name in CONTROL_KEYS for key in keys if key.casefold() == name]
    return [*flagged, *named, *keys][0]
