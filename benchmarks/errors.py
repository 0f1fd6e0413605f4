"""What can go wrong with a measurement."""

from __future__ import annotations


class MeasurementError(Exception):
    """A run can't go on; the text says why, for people."""
