"""The HTTP API: what other programs ask of the voice."""
