"""A call with the real bot in a real Chromium, in which a measurement speaks and records what is played."""
