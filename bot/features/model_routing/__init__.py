"""Model routing: chooses the GPU whose model server writes the answers. Calls always use the GPU set for calls."""
