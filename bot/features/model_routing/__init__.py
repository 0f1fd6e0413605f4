"""Model routing: chooses the GPU whose model server writes. In a call it is always the one for calls."""
