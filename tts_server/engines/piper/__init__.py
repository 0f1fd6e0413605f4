"""Piper: a small neural voice that a processor speaks many times faster than speech. The engine is under the GPLv3."""
