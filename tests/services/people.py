"""Who may write, who may read, and who has no business here."""

from __future__ import annotations

from experiments_core.domain.access import Actor, Role

EDITOR = Actor("Emil", Role.EDITOR)
VIEWER = Actor("Vera", Role.VIEWER)
STRANGER = Actor("Eve", Role.ADMIN, org_id="other")
