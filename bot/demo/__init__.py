"""The demonstration, ``python -m bot demo``: a scripted call with the real bot in the sandbox, a local Discord."""
