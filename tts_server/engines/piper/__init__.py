"""Piper: a small neural engine that speaks many times faster than real time on a CPU. Its licence is the GPLv3."""
