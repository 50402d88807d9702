"""The OpenAPI document, made to say what the frame does."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key: up_live_…"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
ABOUT = (
    "Times are ISO 8601 in UTC, shares are basis points (10 000 = 100 %), rates and lifts are "
    "fractions. x-role and x-scope tell what a key needs, x-operator that none will do: only "
    "the command line on the machine of the server. x-rate-limit tells whose bucket a request "
    "takes from. A number that cannot be told is null with its reason beside it."
)


def describe(api: FastAPI) -> None:
    """Make ``api.openapi()`` tell how to sign in and what every answer carries."""

    def document() -> dict[str, Any]:
        if api.openapi_schema is None:
            made = get_openapi(
                title=api.title, version=api.version, description=ABOUT, routes=api.routes
            )
            made.setdefault("components", {})["securitySchemes"] = SECURITY
            for unused in ("HTTPValidationError", "ValidationError"):
                made["components"].get("schemas", {}).pop(unused, None)
            api.openapi_schema = made
        return api.openapi_schema

    api.openapi = document  # type: ignore[method-assign]
