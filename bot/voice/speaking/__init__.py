"""A reply's way out: the speech server's sound to frames, and frames to packets, on time."""
