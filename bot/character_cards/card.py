"""Reads character cards (V1, V2 and V3), from JSON or from a picture in PNG. Their makers are strangers."""

from __future__ import annotations

import base64
import binascii
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.plain_json import read_json
from config.reasons import reason

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_CARD_BYTES = 4 * 1024 * 1024
"""Largest JSON of a card, in bytes."""
_PNG = b"\x89PNG\r\n\x1a\n"
_HEAD = struct.Struct(">I4s")
_KEYWORDS = (b"ccv3", b"chara")
"""Keywords of the texts that hold a card in base64. The first one that is there counts."""
_MAX_FIELD = 100_000


class CardError(Exception):
    """The file is no card that can be used. The text says why, for people."""


@dataclass(frozen=True, slots=True)
class Card:
    """A character card. All texts are as they were written, with placeholders.

    Attributes:
        greeting: the character's first message.
        examples: an example of how the character talks.
        instructions: whether the card has instructions of its own for the model. They are not used.
        book: its lorebook, which holds background knowledge; ``None`` if it has none.
    """

    name: str
    description: str = ""
    personality: str = ""
    scenario: str = ""
    greeting: str = ""
    examples: str = ""
    instructions: bool = False
    book: Mapping[str, Any] | None = None


def read_card(file: Path) -> Card:
    """Read a card from a file. Blocks on the disk.

    Raises:
        CardError: the file can't be read, or is no card.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CardError(f"{file} can't be read: {reason(error)}") from error
    if len(data) > MAX_FILE_BYTES:
        raise CardError(f"{file} is larger than {MAX_FILE_BYTES >> 20} MiB")
    try:
        return parse_card(data)
    except CardError as error:
        raise CardError(f"{file}: {error}") from error


def parse_card(data: bytes) -> Card:
    """The card in the bytes of a PNG or JSON file; raises :class:`CardError`."""
    text = _card_in_png(data) if data.startswith(_PNG) else data
    if len(text) > MAX_CARD_BYTES:
        raise CardError(f"the card is larger than {MAX_CARD_BYTES >> 20} MiB")
    try:
        value = read_json(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CardError("this is no character card: neither a PNG with one, nor JSON") from error
    fields = value.get("data") if isinstance(value, dict) and isinstance(value.get("data"), dict) else value
    if not isinstance(fields, dict) or not isinstance(fields.get("name"), str):
        raise CardError("this is no character card: it has no name")
    book = fields.get("character_book")
    return Card(
        _text(fields, "name"),
        _text(fields, "description"),
        _text(fields, "personality"),
        _text(fields, "scenario"),
        _text(fields, "first_mes"),
        _text(fields, "mes_example"),
        bool(_text(fields, "system_prompt") or _text(fields, "post_history_instructions")),
        book if isinstance(book, dict) else None,
    )


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        return ""
    # A lone surrogate, which JSON can write, can't be written to a file.
    return value[:_MAX_FIELD].encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n").strip()


def _card_in_png(data: bytes) -> bytes:
    texts = dict(_texts_of_png(data))
    found = next((texts[keyword] for keyword in _KEYWORDS if keyword in texts), None)
    if found is None:
        raise CardError("this picture has no character card in it (no text `chara`)")
    try:
        return base64.b64decode(found, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CardError("the character card in this picture is broken") from error


def _texts_of_png(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keyword and text of each uncompressed text. The picture is not decoded, and nothing is decompressed."""
    at = len(_PNG)
    while at + _HEAD.size <= len(data):
        size, kind = _HEAD.unpack_from(data, at)
        start, end = at + _HEAD.size, at + _HEAD.size + size
        if end + 4 > len(data):
            raise CardError("this PNG is broken, or cut off")
        if kind == b"tEXt":
            keyword, _, text = data[start:end].partition(b"\0")
            if keyword in _KEYWORDS:
                if size > 2 * MAX_CARD_BYTES:
                    raise CardError(f"the card is larger than {MAX_CARD_BYTES >> 20} MiB")
                if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
                    raise CardError("this PNG is broken: the card's checksum is wrong")
                yield keyword, text
        elif kind == b"IEND":
            return
        at = end + 4


def written_book(book: Mapping[str, Any]) -> str:
    """A card's lorebook as the text of a file; raises :class:`CardError`."""
    try:
        return json.dumps(book, ensure_ascii=False, indent=1).encode("utf-8", "replace").decode("utf-8")
    except (ValueError, RecursionError) as error:
        raise CardError("its lorebook can't be written") from error
