"""Organisations, projects, and the things that tests are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from experiments_core.domain import checks
from experiments_core.domain.text import text_problems
from experiments_core.errors import Problem

DEFAULT_PROJECT = "default"
ENVIRONMENTS = ("production", "staging", "development")
RESOURCE_KINDS = ("flag", "file", "model", "ranking", "config", "page", "email", "other")
MOST_HOLDOUT_BP = 1_000
MOST_ENVIRONMENTS = 20


@dataclass(frozen=True, slots=True)
class Organisation:
    """Everybody who shares experiments.

    Attributes:
        time_zone: IANA name; sets the boundaries of days.
    """

    id: str
    name: str
    slug: str
    time_zone: str = "UTC"


FIRST_ORGANISATION = Organisation("default", "Default", "default")
"""The one that is there from the start: of local mode, and of commands that name none."""


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """What holds for every experiment of a project.

    Attributes:
        global_holdout_bp: Share of units that no test may touch, 0 to 1 000 basis points.
        strict_traffic: No change of traffic while a test runs.
        auto_promote_allowed: An experiment that asks for it may deploy its winner by itself.
        pseudonymise_units: Unit ids are kept as keyed hashes; settled once units are there.
        checklist: Lines that somebody has to tick besides.
    """

    environments: tuple[str, ...] = ENVIRONMENTS
    default_environment: str = "production"
    global_holdout_bp: int = 0
    strict_traffic: bool = False
    auto_promote_allowed: bool = False
    pseudonymise_units: bool = False
    checklist: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """Experiments that share settings."""

    id: str
    org_id: str
    key: str
    name: str
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime
    settings: ProjectSettings = field(default_factory=ProjectSettings)


@dataclass(frozen=True, slots=True)
class Resource:
    """The thing under test.

    Attributes:
        locator: Where it is found, unique per kind.
        fallback: What it is when no test says otherwise (any JSON).
    """

    id: str
    kind: str
    locator: str
    fallback: Any
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Namespace:
    """Tests of one namespace share no unit."""

    id: str
    key: str
    name: str
    created_by: str
    created_at: datetime


def project_problems(values: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the fields of a project that were given; types are right."""
    problems: list[Problem] = []
    if "key" in values:
        problems += checks.key("key", values["key"])
    if "name" in values:
        problems += text_problems("name", values["name"], longest=200, shortest=1)
    holdout = values.get("global_holdout_bp", 0)
    if not 0 <= holdout <= MOST_HOLDOUT_BP:
        message = f"global_holdout_bp is {holdout}; it must be between 0 and {MOST_HOLDOUT_BP}"
        problems.append(Problem("global_holdout_bp", holdout, "RANGE", message))
    environments = values.get("environments")
    if environments is not None:
        problems += _list_problems("environments", environments, least=1)
    problems += _list_problems("checklist", values.get("checklist", ()), longest=200)
    return problems


def settings_problems(settings: ProjectSettings) -> list[Problem]:
    """What does not fit together in the settings of a project."""
    if settings.default_environment in settings.environments:
        return []
    listed = ", ".join(settings.environments)
    message = f"default_environment is “{settings.default_environment}”; choose one of {listed}"
    problem = Problem(
        "default_environment", settings.default_environment, "UNKNOWN_CHOICE", message
    )
    return [problem]


def zone_problems(name: str, value: str) -> list[Problem]:
    """What is wrong with the name of a time zone."""
    if value in available_timezones():
        return []
    message = f"{name} is “{value}”; write an IANA name such as Europe/Berlin"
    return [Problem(name, value, "UNKNOWN_CHOICE", message)]


def resource_problems(kind: str, locator: str) -> list[Problem]:
    """What is wrong with a resource."""
    problems = text_problems("locator", locator, longest=500, shortest=1)
    if kind not in RESOURCE_KINDS:
        listed = ", ".join(RESOURCE_KINDS)
        message = f"kind is “{kind}”; choose one of {listed}"
        problems.append(Problem("kind", kind, "UNKNOWN_CHOICE", message))
    return problems


def _list_problems(
    name: str, values: Any, *, least: int = 0, longest: int = 64
) -> list[Problem]:
    problems = []
    if not least <= len(values) <= MOST_ENVIRONMENTS:
        message = (
            f"{name} has {len(values)} entries; {least} to {MOST_ENVIRONMENTS} are allowed"
        )
        problems.append(Problem(name, len(values), "TOO_MANY", message))
    for i, value in enumerate(values):
        problems += text_problems(f"{name}[{i}]", value, longest=longest, shortest=1)
    return problems
