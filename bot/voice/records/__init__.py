"""What is kept of a call, where people want it: captions, and a recording."""
