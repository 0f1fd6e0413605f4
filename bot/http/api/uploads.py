"""Reads forms (multipart/form-data) with one file. Sizes and time are bounded before anything is decoded.

Where an endpoint allows it, the body may be the file itself; the fields are in the address then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import BodyPartReader, hdrs, web

from bot.http.errors import HttpError
from web_access.bodies import MALFORMED_FORM, BodyTooLargeError, read_body

MAX_FILE_BYTES = 25 * 1024**2
"""Largest file, as in OpenAI's API."""
MAX_FIELD_BYTES = 4 * 1024
"""Largest text field."""
MAX_PARTS = 32
"""Largest number of parts of a form."""
READ_LIMIT = 60.0
"""Seconds in which a whole form has to arrive."""
_OVERHEAD = 64 * 1024
"""Bytes allowed for a form in addition to its file: headers, boundaries and text fields."""
_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Form:
    """A form. The sender's file names are dropped, since nothing here needs them.

    Attributes:
        fields: the text fields. Of a field that comes several times, the last one counts.
        repeated: all texts of each field.
        kind: the content type of the file as it was sent; empty if none was.
    """

    fields: Mapping[str, str]
    file: bytes
    repeated: Mapping[str, Sequence[str]]
    kind: str = ""

    def flag(self, name: str) -> bool:
        """A field that is ``true`` or ``false``, or missing; raises :class:`HttpError`."""
        value = self.fields.get(name, "false").strip().lower()
        if value not in ("true", "false"):
            raise HttpError(400, "bad_parameter", f"{name} must be true or false.")
        return value == "true"


async def read_form(request: web.Request, files: Collection[str], bodies: Collection[str] = ()) -> Form:
    """Read a form. Fields that nobody asks for are ignored, but count towards the limits.

    Args:
        files: the names that the part with the file may have. The form must have exactly one such part.
        bodies: content types, in small letters, of a body that is the file itself.

    Raises:
        HttpError: the body is no form, is too large, too slow or broken, or does not have exactly one file.
        ConnectionError: the client disconnected.
    """
    whole = request.content_type.lower() in bodies
    if not whole and request.content_type != "multipart/form-data":
        raise HttpError(415, "unsupported_media_type", "Send the recording in a form (multipart/form-data).")
    if request.content_length is not None and request.content_length > MAX_FILE_BYTES + _OVERHEAD:
        raise _too_large()
    try:
        async with asyncio.timeout(READ_LIMIT):
            return await (_read_body(request) if whole else _read(request, files))
    except TimeoutError:
        raise HttpError(408, "too_slow", f"The form did not arrive within {READ_LIMIT:.0f} s.") from None
    except BodyTooLargeError:
        raise _too_large() from None
    except MALFORMED_FORM:
        raise HttpError(400, "bad_form", "The form is broken: its parts can't be separated.") from None


async def _read_body(request: web.Request) -> Form:
    data = await read_body(request.content, MAX_FILE_BYTES)
    repeated = {name: request.query.getall(name) for name in request.query}
    return _form(repeated, data, request.headers.get(hdrs.CONTENT_TYPE, ""))


async def _read(request: web.Request, files: Collection[str]) -> Form:
    fields: dict[str, list[str]] = {}
    file: bytes | None = None
    kind = ""
    parts, count = await request.multipart(), 0
    while (part := await parts.next()) is not None:
        count += 1
        if count > MAX_PARTS:
            raise HttpError(400, "bad_form", f"The form may have at most {MAX_PARTS} parts.")
        if not isinstance(part, BodyPartReader) or (name := part.name) is None:
            raise HttpError(400, "bad_form", "Each part of the form must have a name, and no parts of its own.")
        if name in files:
            if file is not None:
                raise HttpError(400, "bad_form", "The form must have one file only.")
            kind = part.headers.get(hdrs.CONTENT_TYPE, "")
            file = await _take(part, request, MAX_FILE_BYTES)
        else:
            fields.setdefault(name, []).append(_text(await _take(part, request, MAX_FIELD_BYTES)))
    wanted = " or ".join(files)
    if file is None:
        raise HttpError(400, "no_file", f"The form must have the recording as a file called {wanted}.")
    return _form(fields, file, kind)


def _form(fields: Mapping[str, Sequence[str]], file: bytes, kind: str) -> Form:
    if not file:
        raise HttpError(400, "empty_file", "The file is empty.")
    return Form({name: texts[-1] for name, texts in fields.items()}, file, fields, kind)


async def _take(part: BodyPartReader, request: web.Request, limit: int) -> bytes:
    data = bytearray()
    while piece := await part.read_chunk(_PIECE):
        data += piece
        if len(data) > limit or request.content.total_bytes > MAX_FILE_BYTES + _OVERHEAD:
            raise _too_large()
    return bytes(data)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise HttpError(400, "bad_form", "The form's text is not UTF-8.") from None


def _too_large() -> HttpError:
    text = f"A file may have at most {MAX_FILE_BYTES // 1024**2} MB, and a field {MAX_FIELD_BYTES // 1024} KiB."
    return HttpError(413, "too_large", text)
