"""A JSON file for a person, packed if it is large."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import discord

from bot.text import join_surrogates

MAX_BYTES = 9_000_000
"""Largest file that is sent. Discord takes 10 MB."""


class JsonTooLargeError(Exception):
    """The file is too large even when it is packed.

    Args:
        size: its number of bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes")
        self.size = size


def json_file(name: str, content: Mapping[str, Any], most: int | None = None) -> tuple[discord.File, int]:
    """The file ``name.json``, or ``name.json.zip`` if it is large, and its number of bytes. Blocks for a moment.

    Args:
        most: largest number of bytes; ``None`` for :data:`MAX_BYTES`.

    Raises:
        JsonTooLargeError: the file is larger, even when it is packed.
    """
    most = MAX_BYTES if most is None else most
    file = f"{name}.json"
    data = join_surrogates(json.dumps(content, ensure_ascii=False, indent=1)).encode()
    if len(data) > most:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(file, data)
        file, data = f"{file}.zip", packed.getvalue()
    if len(data) > most:
        raise JsonTooLargeError(len(data))
    return discord.File(io.BytesIO(data), file), len(data)
