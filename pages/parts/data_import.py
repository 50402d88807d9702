"""One file on its way in: what was dropped, what was said about it, what reading it showed.

Everything said is kept apart from the proposal, so that each answer can be changed again.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field, replace

from experiments_core.domain.source import MEASURED, Mapping, Role, Shape
from experiments_core.errors import InvalidInputError, UpshotError
from experiments_core.services import ingestion
from experiments_core.services.ingestion import Draft, ImportReport, Question

BLANK_FIELD = re.compile(r"columns\[(\d+)\]\.(blank|converted|decimal|time_format|rate)")
READ = MEASURED | {Role.COVARIATE, Role.TIME}
"""Roles whose cells are read as numbers, yes or no, or times."""


@dataclass
class Import:
    """One file on its way in.

    Attributes:
        draft: What was received and seen.
        roles: Position of a column -> what a person said it is.
        rules: Position of a column -> what counts of several rows of a unit.
        only: Of several experiments in the file, those that are wanted; all when empty.
        split: Intended shares by arm, in any numbers; equal when empty.
        answers: Field of a question -> the answer.
        asked: Every question so far, by its field.
        merges: Name in the file -> the variant of the experiment that it is.
        crossovers: What is done with units in two arms, where somebody said so.
        checked: The mapping that was read with, and its report or why there is none.
        named: Position of the column that tells experiments apart, and those that it names.
    """

    draft: Draft
    experiment_id: str | None = None
    roles: dict[int, Role] = field(default_factory=dict)
    rules: dict[int, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    split: dict[str, float] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    asked: dict[str, Question] = field(default_factory=dict)
    merges: dict[str, str] = field(default_factory=dict)
    crossovers: str = ""
    checked: tuple[Mapping, ImportReport | UpshotError] | None = None
    named: tuple[int | None, list[str]] | None = None

    @property
    def mapping(self) -> Mapping:
        """The proposal with everything that was said; a chosen use has the last word."""
        mapping = self.draft.detection.proposal
        for name, value in self.answers.items():
            with contextlib.suppress(InvalidInputError, KeyError):  # asked no more
                mapping = ingestion.answer(mapping, self.asked[name], value)
        for position, role in self.roles.items():
            mapping = ingestion.give_role(mapping, position, role)
        columns = tuple(
            replace(column, repeats=self.rules.get(column.position, column.repeats))
            for column in mapping.columns
        )
        crossovers = self.crossovers or mapping.crossovers
        only = self.only if mapping.experiment == "*" else ()
        split = ingestion.basis_points(self.split) or mapping.split
        return replace(
            mapping, columns=columns, crossovers=crossovers, experiments=only, split=split,
            merge_variants={**mapping.merge_variants, **self.merges},
        )  # fmt: skip

    @property
    def found(self) -> ImportReport | UpshotError | None:
        """What reading with the present mapping gave; None before it was read."""
        if self.checked is None or self.checked[0] != self.mapping:
            return None
        return self.checked[1]

    @property
    def has_repeats(self) -> bool:
        """Units have several rows, so that each column may say what counts then."""
        mapping = self.mapping
        asked = any(one.field == "repeats" for one in self.open_questions)
        several = mapping.repeats != "refuse" or mapping.combines or asked
        return mapping.shape is Shape.EVENTS or (mapping.shape is Shape.UNIT and several)

    @property
    def open_questions(self) -> tuple[Question, ...]:
        """What nobody has answered."""
        if isinstance(self.found, ingestion.ImportReport):
            return self.found.questions
        return tuple(one for one in self.draft.questions if one.field not in self.answers)

    @property
    def questions(self) -> list[Question]:
        """Answered ones that still matter, then the open ones."""
        waiting = self.open_questions
        fields = {one.field for one in waiting}
        answered = [
            one
            for name, one in self.asked.items()
            if name in self.answers and name not in fields and self._matters(name)
        ]
        return [*answered, *waiting]

    def say(self, question: Question, value: str | None) -> None:
        """Keep or take back an answer."""
        self.asked[question.field] = question
        if value is None:
            self.answers.pop(question.field, None)
            return
        self.answers[question.field] = value
        if question.field.startswith("role."):
            self.roles.pop(int(value), None)

    def use(self, position: int, role: Role) -> None:
        """Use a column as something else; answers about its use are void."""
        self.roles.pop(position, None)
        self.roles[position] = role
        for name in [name for name in self.answers if name == f"columns[{position}].role"]:
            del self.answers[name]

    def _matters(self, name: str) -> bool:
        match = BLANK_FIELD.fullmatch(name)
        if match is None:
            return True
        columns = {column.position: column for column in self.mapping.columns}
        column = columns.get(int(match[1]))
        return column is not None and column.role in READ
