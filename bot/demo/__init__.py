"""The demonstration, ``python -m bot demo``: a scripted call of the real bot on a local Discord server (the
sandbox)."""
