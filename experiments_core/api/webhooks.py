"""Webhooks: addresses that are told of deployments."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response

from experiments_core.api.answers import listed, nothing, one
from experiments_core.api.call import Page, The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, Many, One, moment
from experiments_core.domain.access import Permission
from experiments_core.domain.webhook import LONGEST_URL, Delivery, Webhook
from experiments_core.services import webhooks

door = Door("Webhooks")


class NewWebhook(Body):
    """Where deployments are told from now on."""

    url: Annotated[str, Field(min_length=1, max_length=LONGEST_URL)]


class WebhookAnswer(Answer):
    """An address, and what was told to it last; the secret is shown once."""

    id: str
    url: str
    created_by: str
    created_at: str
    last_delivery: dict[str, Any] | None
    secret: str | None


@door.get("/webhooks", Rule(permission=Permission.ADMIN, answer=Many[WebhookAnswer]))
def list_webhooks(call: The, page: Page) -> Response:
    """Every webhook of the organisation, the oldest first."""
    found = webhooks.list_webhooks(call.ws, call.actor)
    return listed(
        call.request_id, found, page, lambda pair: (pair[0].created_at.timestamp(), pair[0].id),
        lambda pair: webhook_body(*pair),
    )  # fmt: skip


@door.post(
    "/webhooks",
    Rule(
        permission=Permission.ADMIN, answer=One[WebhookAnswer], status=201, secret=("secret",)
    ),
)
def create_webhook(call: The, body: NewWebhook) -> Response:
    """Tell an address of every deployment and revert: ``POST`` with ``Upshot-Signature``."""
    return one(webhook_body(webhooks.create_webhook(call.ws, call.actor, body.url)), status=201)


@door.delete("/webhooks/{webhook}", Rule(permission=Permission.ADMIN, status=204))
def remove_webhook(call: The, webhook: str) -> Response:
    """Tell it nothing more."""
    webhooks.remove_webhook(call.ws, call.actor, webhook)
    return nothing()


def webhook_body(hook: Webhook, last: Delivery | None = None) -> dict[str, Any]:
    """Render a webhook."""
    told = None if last is None else {
        "id": last.id,
        "event": last.event,
        "created_at": moment(last.created_at),
        "attempts": last.attempts,
        "delivered_at": moment(last.delivered_at),
        "next_at": moment(last.next_at),
        "answer": last.answer,
    }  # fmt: skip
    return {
        "id": hook.id,
        "url": hook.url,
        "created_by": hook.created_by,
        "created_at": moment(hook.created_at),
        "last_delivery": told,
        "secret": hook.secret,
    }
