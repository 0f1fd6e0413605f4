"""Watchers of calls: the live console, the trace file, and events as lines for other programs."""
