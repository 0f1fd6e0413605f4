"""Checks the folder that ``KOKORO_MODEL`` names, for the bot and for the speech server."""

from __future__ import annotations

from pathlib import Path


def kokoro_model_fault(folder: Path) -> str | None:
    """A message that says what is wrong with the folder and what to do; ``None`` if it has Kokoro's weights.

    Looks only at names, and does not read the files. Blocks on the disk.
    """
    setting = f"KOKORO_MODEL={folder}"
    if not folder.exists():
        return f"{setting} is not here. Set KOKORO_MODEL to where it is."
    if not folder.is_dir():
        found = "is a file and not a folder"
    elif not any(folder.glob("*.onnx")):
        found = "is a folder without a network of Kokoro's (NAME.onnx)"
    elif not any(folder.glob("voices/*.bin")):
        found = "is a folder without speakers of Kokoro's (voices/NAME.bin)"
    else:
        return None
    return (
        f"{setting} {found}. Set KOKORO_MODEL to the folder with NAME.onnx and voices/NAME.bin; "
        "or remove this setting, and the downloaded weights are used."
    )
