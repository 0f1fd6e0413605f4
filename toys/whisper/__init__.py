"""A toy Whisper, fitted on the spot: it recognises a closed list of phrases."""
