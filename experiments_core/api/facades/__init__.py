"""Dialects under ``/compat``: other services' clients, the same services underneath."""
