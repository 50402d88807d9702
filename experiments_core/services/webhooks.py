"""Webhooks: other systems are told of a deployment and its end, signed, until they answer.

What is to be told is written in the transaction of the deployment, so nothing is told that did
not happen and nothing that happened is forgotten; a timer of the server sends it.
"""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
from dataclasses import replace
from typing import Any

from experiments_core.domain.access import Actor, Permission, event_by, require
from experiments_core.domain.deployment import Deployment
from experiments_core.domain.documents import moment_text
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.validation import refuse
from experiments_core.domain.webhook import (
    MOST,
    MOST_ATTEMPTS,
    Delivery,
    Webhook,
    secret_of,
    signature,
    url_problems,
    wait_after,
)
from experiments_core.errors import ConflictError, NotFoundError
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from experiments_core.store import webhooks as rows

SECONDS = 5.0
"""That another system may take to answer."""
AT_ONCE = 20

log = logging.getLogger("upshot.webhooks")


def list_webhooks(ws: Workspace, actor: Actor) -> list[tuple[Webhook, Delivery | None]]:
    """Every webhook of the organisation, with what was told to it last."""
    require(actor, Permission.ADMIN)
    with ws.db.read() as cursor:
        found = rows.webhooks_of(cursor, actor.org_id)
        last = rows.latest(cursor, [one.id for one in found])
    return [(one, last.get(one.id)) for one in found]


def create_webhook(ws: Workspace, actor: Actor, url: str) -> Webhook:
    """Tell an address of every deployment from now on; its secret is shown this once.

    Raises:
        ForbiddenError: the actor is no admin.
        InvalidInputError: it is no address.
        ConflictError: ``DUPLICATE_WEBHOOK``, or there are ten already.
    """
    require(actor, Permission.ADMIN)
    refuse(url_problems(url))
    key = ws.new_id()
    made = Webhook(
        key, actor.org_id, url, actor.name, ws.now(), secret=secret_of(ws.db.secret, key)
    )
    with ws.db.write() as cursor:
        known = rows.webhooks_of(cursor, actor.org_id)
        if any(one.url == url for one in known):
            raise ConflictError(f"{url} is told already.", code="DUPLICATE_WEBHOOK")
        if len(known) >= MOST:
            raise ConflictError(
                f"There are {MOST} webhooks already.", code="TOO_MANY", hint="Remove one."
            )
        rows.insert_webhook(cursor, made)
        event = event_by(actor, ws.now(), "create", "webhook", made.id, after={"url": url})
        audit.append_event(cursor, ws.db.secret, event)
    return made


def remove_webhook(ws: Workspace, actor: Actor, webhook_id: str) -> Webhook:
    """Tell an address nothing more.

    Raises:
        ForbiddenError: the actor is no admin.
        NotFoundError: there is no such webhook.
    """
    require(actor, Permission.ADMIN)
    with ws.db.write() as cursor:
        known = {one.id: one for one in rows.webhooks_of(cursor, actor.org_id)}
        if webhook_id not in known:
            raise NotFoundError(f"There is no webhook “{webhook_id}”.", hint="List them.")
        found = known[webhook_id]
        rows.remove_webhook(cursor, webhook_id, ws.now())
        event = event_by(
            actor, ws.now(), "remove", "webhook", webhook_id, before={"url": found.url}
        )
        audit.append_event(cursor, ws.db.secret, event)
    return found


def announce(
    ws: Workspace, cursor: Any, event: str, experiment: Experiment, deployment: Deployment
) -> None:
    """Write down what every webhook of the organisation is to be told; the caller commits.

    Args:
        ws: The workspace.
        cursor: Of the transaction of the deployment.
        event: ``deploy`` or ``revert``.
        experiment: As it is afterwards.
        deployment: As it is afterwards.
    """
    for webhook in rows.webhooks_of(cursor, deployment.org_id):
        key, now = ws.new_id(), ws.now()
        told = _told(key, event, moment_text(now), experiment, deployment)
        body = json.dumps(told, ensure_ascii=False, allow_nan=False)
        rows.insert_delivery(cursor, Delivery(key, webhook.id, event, body, now, next_at=now))


def deliver_due(ws: Workspace) -> list[Delivery]:
    """Send what is due, each to its address; what fails is tried again, eight times in all."""
    with ws.db.read() as cursor:
        waiting = rows.due(cursor, ws.now(), AT_ONCE)
    done = []
    for delivery, url in waiting:
        delivered, answer = _send(ws, delivery, url)
        now, attempts = ws.now(), delivery.attempts + 1
        wait = None if delivered else wait_after(attempts)
        after = replace(
            delivery, attempts=attempts, answer=answer[:300],
            delivered_at=now if delivered else None,
            next_at=None if wait is None else now + wait,
        )  # fmt: skip
        with ws.db.write() as cursor:
            rows.note_attempt(cursor, after)
        if not delivered:
            log.warning(
                "webhook %s, attempt %s of %s: %s", url, attempts, MOST_ATTEMPTS, answer
            )
        done.append(after)
    return done


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What was signed for one address is not handed on to another."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _send(ws: Workspace, delivery: Delivery, url: str) -> tuple[bool, str]:
    """One attempt: whether a 2xx came back, and the answer in words."""
    secret = secret_of(ws.db.secret, delivery.webhook_id)
    request = urllib.request.Request(  # noqa: S310  http or https, checked when it was made
        url,
        data=delivery.body.encode(),
        method="POST",
        headers={
            "Content-Type": "application/json",
            "User-Agent": "Upshot",
            "Upshot-Delivery": delivery.id,
            "Upshot-Signature": signature(secret, int(ws.now().timestamp()), delivery.body),
        },
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=SECONDS) as answer:
            return True, f"answered {answer.status}"
    except urllib.error.HTTPError as refusal:
        with refusal:
            return False, f"answered {refusal.code}"
    except (OSError, ValueError) as error:
        return False, f"does not answer ({error})"


def _told(
    key: str, event: str, at: str, experiment: Experiment, deployment: Deployment
) -> dict[str, Any]:
    values = {variant.key: variant.value for variant in experiment.variants}
    everybody = experiment.fallback
    return {
        "id": key,
        "event": event,
        "at": at,
        "organisation": deployment.org_id,
        "experiment": {
            "id": experiment.id, "key": experiment.key, "slug": experiment.slug,
            "name": experiment.name, "project": experiment.project,
            "environment": experiment.environment,
        },
        "deployment": {
            "id": deployment.id, "variant": deployment.variant,
            "value": values.get(deployment.variant), "target": deployment.target,
            "unit_id": deployment.unit_id, "state": deployment.state,
            "reason": deployment.reason, "by": deployment.by,
            "acknowledged": list(deployment.acknowledged),
        },
        "fallback": {"variant": everybody.key, "value": everybody.value},
    }  # fmt: skip
