"""Reads messages from request bodies: JSON, or a form with files."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, web

from sandbox.rest.context import body_of, field_id
from sandbox.world.entities import Draft, Json, MessageFlag, Upload
from sandbox.world.errors import RestError, invalid_form

_FILE_FIELD = re.compile(r"files?\[(\d+)\]")
SETTABLE_FLAGS = (
    MessageFlag.SUPPRESS_EMBEDS | MessageFlag.EPHEMERAL | MessageFlag.SUPPRESS_NOTIFICATIONS | MessageFlag.VOICE_MESSAGE
)


@dataclass(frozen=True, slots=True)
class Form:
    """A request's body: its JSON, and the uploaded files by number."""

    payload: Json
    files: dict[int, Upload]


async def read_form(request: web.Request) -> Form:
    """Read the body of a request that may have files."""
    if not request.content_type.startswith("multipart/"):
        return Form(await body_of(request), {})
    payload: Json = {}
    files: dict[int, Upload] = {}
    reader: MultipartReader = await request.multipart()
    async for part in reader:
        if not isinstance(part, BodyPartReader):
            continue
        data = bytes(await part.read(decode=True))
        if part.name == "payload_json":
            payload = _parse(data)
        elif part.name and (numbered := _FILE_FIELD.fullmatch(part.name)):
            files[int(numbered[1])] = Upload(part.filename or "unknown", data, part.headers.get("Content-Type"))
    return Form(payload, files)


def draft_from(form: Form, payload: Json | None = None) -> Draft:
    """Read a message from a form's JSON, or from ``payload``, a part of that JSON.

    Raises:
        RestError: a field has the wrong type (50035).
    """
    data = form.payload if payload is None else payload
    content, reference = data.get("content"), data.get("message_reference")
    if content is not None and not isinstance(content, str):
        raise invalid_form("content", "BASE_TYPE_STRING", "Must be string.")
    if reference is not None and not isinstance(reference, dict):
        raise invalid_form("message_reference", "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
    return Draft(
        content or "",
        uploads=_uploads(form.files, _list(data, "attachments")),
        embeds=tuple(_list(data, "embeds")),
        components=tuple(_list(data, "components")),
        reference_id=field_id(reference.get("message_id"), "message_reference.message_id") if reference else None,
        must_exist=bool(reference.get("fail_if_not_exists", True)) if reference else True,
        allowed_mentions=_allowed_mentions(data),
        flags=MessageFlag(_integer(data, "flags")) & SETTABLE_FLAGS,
        nonce=str(data["nonce"]) if data.get("nonce") is not None else None,
        tts=bool(data.get("tts", False)),
    )


def edited(before: Draft, form: Form, payload: Json | None = None) -> Draft:
    """A message's draft after an edit: only the fields that the body has are changed."""
    data = form.payload if payload is None else payload
    after = draft_from(form, data)
    return Draft(
        after.content if "content" in data else before.content,
        uploads=after.uploads,
        embeds=after.embeds if "embeds" in data else before.embeds,
        components=after.components if "components" in data else before.components,
        allowed_mentions=after.allowed_mentions if "allowed_mentions" in data else before.allowed_mentions,
        flags=after.flags | before.flags & ~MessageFlag.SUPPRESS_EMBEDS if "flags" in data else before.flags,
    )


def kept_attachments(payload: Json) -> frozenset[int] | None:
    """The ids of the files that an edit keeps. ``None`` means all files: the body has no list of files."""
    if "attachments" not in payload:
        return None
    return frozenset(field_id(each.get("id"), "attachments") for each in _list(payload, "attachments"))


def _uploads(files: dict[int, Upload], described: list[Json]) -> tuple[Upload, ...]:
    by_number = {str(each.get("id")): each for each in described}
    uploads = []
    for number, upload in sorted(files.items()):
        about = by_number.get(str(number), {})
        name, description = str(about.get("filename") or upload.filename), about.get("description")
        uploads.append(
            Upload(
                name,
                upload.data,
                upload.content_type,
                str(description) if description else None,
                seconds=_seconds(about),
                waveform=str(about["waveform"]) if about.get("waveform") is not None else None,
            )
        )
    return tuple(uploads)


def _seconds(about: Json) -> float | None:
    seconds = about.get("duration_secs")
    if seconds is not None and (not isinstance(seconds, int | float) or isinstance(seconds, bool)):
        raise invalid_form("attachments.0.duration_secs", "NUMBER_TYPE_COERCE", "Must be a number.")
    return seconds


def _allowed_mentions(data: Json) -> Json | None:
    allowed = data.get("allowed_mentions")
    if allowed is None:
        return None
    parse = allowed.get("parse", []) if isinstance(allowed, dict) else None
    if not isinstance(parse, list) or not set(map(str, parse)) <= {"users", "roles", "everyone"}:
        raise invalid_form("allowed_mentions", "MODEL_TYPE_CONVERT", "Not a valid set of allowed mentions.")
    for kind in ("users", "roles"):
        listed = allowed.get(kind) or []
        if not isinstance(listed, list):
            raise invalid_form(f"allowed_mentions.{kind}", "BASE_TYPE_LIST", "Must be a list of ids.")
        if kind in parse and listed:
            raise invalid_form(f"allowed_mentions.{kind}", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", "Exclusive.")
        for each in listed:
            field_id(each, f"allowed_mentions.{kind}")
    return dict(allowed)


def _list(data: Json, field: str) -> list[Any]:
    value = data.get(field) or []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise invalid_form(field, "BASE_TYPE_LIST", "Must be a list of objects.")
    return value


def _integer(data: Json, field: str) -> int:
    value = data.get(field) or 0
    if not isinstance(value, int):
        raise invalid_form(field, "NUMBER_TYPE_COERCE", "Must be a number.")
    return value


def _parse(data: bytes) -> Json:
    try:
        payload = json.loads(data)
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise RestError(400, 50109, "The request body contains invalid JSON.")
    return payload
