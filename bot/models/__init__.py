"""``python -m bot models``: which weights a profile needs, where they lie, whether they fit and are whole."""
