"""Watching a call: the live console, the trace file, and events as lines for another process."""
