"""``python -m bot demo``: a scripted call on the local Discord, with the real bot in a process of its own."""
