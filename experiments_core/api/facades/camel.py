"""camelCase, as several clients spell fields: what they send, what they read, errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from experiments_core.api import answers
from experiments_core.api.facades import common
from experiments_core.api.shapes import Body
from experiments_core.errors import UpshotError


class CamelBody(Body):
    """A body whose fields the client spells in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel)


class CamelAnswer(BaseModel):
    """An answer whose fields the client reads in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel)


def respond(error: UpshotError, request_id: str) -> Response:
    """Answer ``{error: {code, message, details, requestId}}`` with its status."""
    answer = common.respond(error, request_id)
    body = json.loads(bytes(answer.body))["error"]
    body["requestId"] = body.pop("request_id")
    return answers.raw({"error": body}, answer.status_code, common.kept_headers(answer))


def respond_with(names: Mapping[str, str]) -> Callable[[UpshotError, str], Response]:
    """The same, with the client's own names for fields of ours."""

    def named(field: str) -> str:
        head = re.split(r"[.\[]", field, maxsplit=1)[0]
        return names.get(head, head) + field.removeprefix(head)

    def write(error: UpshotError, request_id: str) -> Response:
        answer = respond(error, request_id)
        body = json.loads(bytes(answer.body))
        for problem in body["error"]["details"]:
            problem["field"] = named(problem["field"])
        return answers.raw(body, answer.status_code, common.kept_headers(answer))

    return write
