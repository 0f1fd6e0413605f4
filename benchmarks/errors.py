"""Errors of measurements."""

from __future__ import annotations


class MeasurementError(Exception):
    """A measurement can't continue. The text tells people why."""
