"""Receives multipart forms with files. File contents are streamed to the disk and never held in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from aiohttp import BodyPartReader, MultipartReader, web

from tts_server.api.errors import ApiError
from web_access.bodies import MALFORMED_FORM

MAX_FIELD_BYTES = 1024
MAX_SECONDS = 90.0
"""If a whole form does not arrive within this many seconds, it is refused."""
_OVERHEAD = 64 * 1024
"""Bytes allowed for a form in addition to its files: headers, boundaries and text fields."""


@dataclass(frozen=True, slots=True)
class FormLimits:
    """The parts that a form may have, and their limits.

    Attributes:
        fields: names of the text fields.
        file_field: name of the parts that contain files.
        files: the largest number of files.
        file_bytes: the largest size of a file, in bytes.
    """

    fields: frozenset[str]
    file_field: str
    files: int
    file_bytes: int

    @property
    def bytes(self) -> int:
        """The largest size of the whole form, in bytes."""
        return self.files * self.file_bytes + _OVERHEAD


@dataclass(frozen=True, slots=True)
class UploadedForm:
    """A received form. The sender's file names are dropped, since nothing here needs them."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)


async def receive_form(request: web.Request, folder: Path, limits: FormLimits) -> UploadedForm:
    """Read a request's form; files are written into ``folder``.

    Raises:
        ApiError: the request is not a form, or the form has unknown parts, is too large or too slow.
        ConnectionError: the client disconnected.
    """
    if request.content_type != "multipart/form-data":
        raise ApiError(415, "send the recording in a form (multipart/form-data)")
    if request.content_length is not None and request.content_length > limits.bytes:
        raise _too_large(limits)
    form = UploadedForm()
    try:
        async with asyncio.timeout(MAX_SECONDS):
            parts = await request.multipart()
            while (part := await parts.next()) is not None:
                await _take(part, form, folder, limits)
                if request.content.total_bytes > limits.bytes:
                    raise _too_large(limits)
    except TimeoutError:
        raise ApiError(408, f"the upload did not arrive within {MAX_SECONDS:g} s", code="timeout") from None
    except MALFORMED_FORM as error:
        raise ApiError(400, "the form is broken: its parts can't be separated") from error
    return form


async def _take(part: BodyPartReader | MultipartReader, form: UploadedForm, folder: Path, limits: FormLimits) -> None:
    if isinstance(part, MultipartReader):
        raise ApiError(400, "the parts of the form must not contain further parts")
    if part.name in limits.fields:
        if part.name in form.fields:
            raise ApiError(400, f"{part.name} is given twice", part.name)
        form.fields[part.name] = await _text(part)
    elif part.name == limits.file_field:
        if len(form.files) >= limits.files:
            raise ApiError(400, f"at most {limits.files} files can be sent at once", limits.file_field)
        form.files.append(await _file(part, folder / f"upload-{len(form.files)}", limits))
    else:
        known = ", ".join((*sorted(limits.fields), limits.file_field))
        raise ApiError(400, f"the form has an unknown field; it may have {known}")


async def _text(part: BodyPartReader) -> str:
    data = b""
    while chunk := await part.read_chunk():
        data += chunk
        if len(data) > MAX_FIELD_BYTES:
            raise ApiError(400, f"{part.name} is longer than {MAX_FIELD_BYTES} bytes", part.name)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ApiError(400, f"{part.name} is not UTF-8", part.name) from None


async def _file(part: BodyPartReader, path: Path, limits: FormLimits) -> Path:
    file: BinaryIO = await asyncio.to_thread(path.open, "wb")
    try:
        size = 0
        while chunk := await part.read_chunk(64 * 1024):
            size += len(chunk)
            if size > limits.file_bytes:
                raise _too_large(limits)
            await asyncio.to_thread(file.write, chunk)
    finally:
        await asyncio.to_thread(file.close)
    if not size:
        raise ApiError(400, "the file is empty", limits.file_field)
    return path


def _too_large(limits: FormLimits) -> ApiError:
    return ApiError(413, f"a file may have at most {limits.file_bytes // 1024**2} MB", limits.file_field, "too_large")
