"""Erase a person."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from experiments_core.api.answers import one
from experiments_core.api.call import The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, One
from experiments_core.domain.access import Permission
from experiments_core.services import erasing

door = Door("Units")


class ErasedAnswer(Answer):
    """What went; the unit's id is not repeated.

    Attributes:
        pseudonym: What the audit trail names the unit by.
        rows: Kind of row -> how many went.
        texts: Stored texts of uploads that went.
        drafts: Uploads that went before they were committed.
        backups: Copies made before, which hold the unit until they are removed.
    """

    pseudonym: str
    rows: dict[str, int]
    texts: int
    drafts: int
    backups: list[str]


@door.delete(
    "/units/{unit_id:path}", Rule(permission=Permission.ERASE, answer=One[ErasedAnswer])
)
def erase_unit(
    call: The, unit_id: Annotated[str, Path(min_length=1, max_length=256)]
) -> Response:
    """Erase all that is kept about a unit, everywhere; totals that name nobody stay."""
    gone = erasing.erase_unit(call.ws, call.actor, unit_id)
    return one({
        "pseudonym": gone.pseudonym,
        "rows": gone.rows,
        "texts": gone.texts,
        "drafts": gone.drafts,
        "backups": [copy.file.name for copy in gone.backups],
    })  # fmt: skip
