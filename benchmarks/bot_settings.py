"""Settings that the bots of all benchmarks have in common, as environment variables."""

from __future__ import annotations

from pathlib import Path


def own_folder_and_ports(folder: Path) -> dict[str, str]:
    """Settings with which a bot shares nothing with others: its data are in ``folder``, and it takes free ports."""
    return {"DATA_DIR": str(folder / "data"), "TTS_BIND": "127.0.0.1:0", "WEB_BIND": "127.0.0.1:0"}
