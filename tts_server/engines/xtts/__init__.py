"""XTTS v2, in this process: a voice learnt from a few seconds of recording. Its libraries are imported at loading."""
