"""Piper: a small neural engine that is many times faster than speech on a CPU. Its licence is the GPLv3."""
