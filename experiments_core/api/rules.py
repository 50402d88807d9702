"""What a route asks for and may answer: one value that the frame enforces and OpenAPI tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from experiments_core.api.shapes import ErrorAnswer
from experiments_core.domain.access import REQUIRED, Permission

_SENDING = frozenset({"POST", "PUT", "PATCH"})
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": '^"v[1-9][0-9]{0,8}"$'},
    "description": "The ETag that was last read.",
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "enum": ["merge"]},
    "description": "merge: save although the version is stale, if nobody touched these fields.",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
    "description": "Sent again within 48 hours, the same request gets its first answer.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one route asks for.

    Attributes:
        permission: Checked before the body is read; the service checks it again. None: any
            valid key will do.
        public: No key is asked for.
        rate: Whose bucket it takes from: ``management``, ``compute``, ``assign``, ``events``.
        answer: Shape of the answer; None for 204 and for files.
        status: Of the answer.
        errors: Statuses beside those that every route may answer.
        version: If-Match is required.
        heeds_version: If-Match is heeded where it is sent; the handler may ask for it.
        merges: ``Prefer: merge`` is understood.
        files: Media types when the answer is a file.
        upload: The body is multipart/form-data, as large as an upload may be.
        json_twin_of_upload: Takes the requests with JSON to the path of an upload, which
            describes both.
        json_twin: Shape of what the upload takes as JSON instead.
        together: Effect and stored answer of an Idempotency-Key share one transaction.
        light: Renders what is mostly kept in memory; while it is, no thread is needed.
        unchanged: May answer 304 to If-None-Match.
        secret: Fields of the answer's data that are never stored: null when it is repeated.
    """

    permission: Permission | None = None
    public: bool = False
    rate: str = "management"
    answer: Any = None
    status: int = 200
    errors: tuple[int, ...] = ()
    version: bool = False
    heeds_version: bool = False
    merges: bool = False
    files: tuple[str, ...] = ()
    upload: bool = False
    json_twin_of_upload: bool = False
    json_twin: type[BaseModel] | None = None
    together: bool = True
    light: bool = False
    unchanged: bool = False
    secret: tuple[str, ...] = field(default=())

    def described(self, method: str) -> dict[str, Any]:
        """Keyword arguments of ``add_api_route`` that make the OpenAPI document true."""
        responses: dict[int | str, dict[str, Any]] = {
            code: {"model": ErrorAnswer, "description": HTTPStatus(code).phrase}
            for code in self._statuses(method)
        }
        if self.unchanged:
            responses[304] = {"description": "Not modified since the ETag that was sent"}
        if self.files:
            responses[self.status] = {
                "description": "The file",
                "content": {
                    kind: {"schema": {"type": "string", "format": "binary"}}
                    for kind in self.files
                },
            }
        return {
            "response_model": self.answer,
            "status_code": self.status,
            "responses": responses,
            "openapi_extra": self._extra(method),
            "include_in_schema": not self.json_twin_of_upload,
        }

    def _statuses(self, method: str) -> list[int]:
        codes = {400, 422, 500, 503, *self.errors}
        if not self.public:
            codes |= {401, 403, 404, 429}
        if method in _SENDING:
            codes |= {413, 415}
        if method == "POST":
            codes.add(409)
        if self.version or self.heeds_version:
            codes |= {412, 428}
        return sorted(codes)

    def _extra(self, method: str) -> dict[str, Any]:
        extra: dict[str, Any] = {"x-rate-limit": self.rate}
        parameters = []
        if not self.public:
            extra["security"] = [{"bearer": []}, {"key": []}]
        if self.permission is not None:
            right = REQUIRED[self.permission]
            extra["x-permission"] = self.permission.value
            if right.operator:
                extra["x-operator"] = True
            else:
                extra["x-role"] = right.role.name.lower()
                extra["x-scope"] = right.scope.value
        if self.version or self.heeds_version:
            parameters.append(_IF_MATCH | {"required": self.version})
        if self.merges:
            parameters.append(_PREFER)
        if method == "POST":
            parameters.append(_IDEMPOTENCY_KEY)
        if parameters:
            extra["parameters"] = parameters
        if self.json_twin is not None:
            told = {"application/json": {"schema": self.json_twin.model_json_schema()}}
            extra["requestBody"] = {"content": told}
        return extra
