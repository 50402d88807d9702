"""Stamn's forms: what its clients send and read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from experiments_core.api.facades import common
from experiments_core.api.facades.camel import CamelAnswer, CamelBody
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.services.participants import Participant

DIALECT = common.Dialect("stamn", lambda one: one.assignment_mode == "listed")


STATUS = {
    Status.DRAFT: "draft", Status.RUNNING: "running", Status.PAUSED: "paused",
    Status.STOPPED: "paused", Status.COMPLETED: "completed", Status.ARCHIVED: "completed",
}  # fmt: skip


Name = Annotated[str, Field(min_length=1, max_length=100)]


Weight = Annotated[float, Field(ge=0, le=100)]


class NewVariant(CamelBody):
    """A version of the file; all weights missing means equal shares."""

    name: Name
    content: Any = None
    weight: Weight | None = None
    is_control: bool = False


class NewExperiment(CamelBody):
    """What Stamn's clients send."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=10_000)] = ""
    target_file: Annotated[str, Field(min_length=1, max_length=500)]
    variants: Annotated[list[NewVariant], Field(min_length=2, max_length=20)]
    participant_ids: Annotated[list[str], Field(max_length=10_000)]


class Change(CamelBody):
    """Words, and in a draft the file."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    description: Annotated[str, Field(max_length=10_000)] | None = None
    target_file: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class VariantChange(CamelBody):
    """What changes about one version."""

    name: Name | None = None
    content: Any = None
    weight: Weight | None = None
    is_control: bool | None = None


class StatusChange(CamelBody):
    """Where the experiment goes."""

    status: Literal["running", "paused", "completed"]


class Deploy(CamelBody):
    """Which version for whom."""

    participant_id: Annotated[str, Field(min_length=1, max_length=256)]
    variant_id: Annotated[str, Field(min_length=1, max_length=100)]


class ExperimentAnswer(CamelAnswer):
    """An experiment as Stamn's clients read it."""

    id: str
    name: str
    description: str
    target_file: str
    status: str
    variants: list[dict[str, Any]]
    assignments: list[dict[str, Any]]


class ListAnswer(CamelAnswer):
    """The experiments of the caller."""

    data: list[ExperimentAnswer]


def experiment_body(
    one: Experiment, files: dict[str, str], named: list[Participant]
) -> dict[str, Any]:
    """Render an experiment with its versions and who has which."""
    ids = {variant.key: variant.id for variant in one.variants}
    return {
        "id": DIALECT.id_of(one),
        "name": one.name,
        "description": one.description,
        "targetFile": files.get(one.resource or "", ""),
        "status": STATUS[one.status],
        "variants": [
            {
                "id": variant.id, "name": variant.name, "content": variant.value,
                "weight": variant.weight_bp / 100, "isControl": variant.is_control,
            }
            for variant in one.variants
        ],
        "assignments": [
            {"participantId": known.unit_id, "variantId": ids[known.variant]}
            for known in named
        ],
    }  # fmt: skip
