"""Features that are paused during a call. No feature imports voice code or another feature."""
