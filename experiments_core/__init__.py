"""Upshot: A/B tests, analysed honestly. The public names, each loaded on first use."""

from __future__ import annotations

__version__ = "0.1.0"
