"""A toy Whisper, trained on this machine. It recognises a fixed list of phrases."""
