"""How the programs write their logs: one format for all of them."""

from __future__ import annotations

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
TIMES = "%Y-%m-%d %H:%M:%S"
"""Of the local time zone."""
