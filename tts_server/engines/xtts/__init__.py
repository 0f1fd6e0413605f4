"""XTTS v2: clones a voice from a few seconds of recording. Its libraries are imported when it is loaded."""
