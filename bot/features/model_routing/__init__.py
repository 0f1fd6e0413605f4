"""Model routing: chooses the GPU whose model server writes the answers. In calls, the GPU for calls is always used."""
