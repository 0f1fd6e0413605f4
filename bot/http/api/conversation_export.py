"""Stored conversations as files: Markdown for people, JSON for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from aiohttp import hdrs, web

from bot.conversations.archive import OpenedConversation
from bot.http.api.conversation_fields import opened_fields
from bot.http.errors import HttpError
from bot.text import escape_markdown

JSON, MARKDOWN = "json", "markdown"
FORMATS = (JSON, MARKDOWN)
MARKDOWN_TYPE = "text/markdown"
_ENDINGS = {JSON: "json", MARKDOWN: "md"}


def wanted_format(request: web.Request) -> tuple[str, bool]:
    """The format that a request asks for, and whether it asks for a file; raises :class:`HttpError`.

    ``?format=`` asks for a file. Without it, ``Accept: text/markdown`` asks for Markdown.
    """
    named = request.query.get("format")
    if named is None:
        kinds = [kind.partition(";")[0].strip().lower() for kind in request.headers.get(hdrs.ACCEPT, "").split(",")]
        return MARKDOWN if kinds[0] == MARKDOWN_TYPE else JSON, False
    if named not in FORMATS:
        raise HttpError(400, "bad_parameter", f"format must be {' or '.join(FORMATS)}.")
    return named, True


def export(conversation: OpenedConversation, form: str, *, as_file: bool) -> web.Response:
    """The answer with the conversation. May take a while; must not run on the event loop."""
    number = conversation.listed.id
    headers: dict[str, str] = {hdrs.VARY: "Accept"}
    if as_file:
        headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="conversation-{number}.{_ENDINGS[form]}"'
    if form == MARKDOWN:
        body, kind, charset = markdown(conversation).encode(), MARKDOWN_TYPE, "utf-8"
        return web.Response(body=body, content_type=kind, charset=charset, headers=headers)
    body = json.dumps(opened_fields(conversation)).encode()
    return web.Response(body=body, content_type="application/json", headers=headers)


def markdown(conversation: OpenedConversation) -> str:
    """The conversation as Markdown. Times are in UTC. What people have said can't be taken for markup."""
    listed = conversation.listed
    people = ", ".join(map(_plain, listed.people))
    started = _time(listed.started)
    when = f"{started} to {_time(listed.ended)}" if listed.ended is not None else f"since {started}"
    head = [f"# Conversation in {_plain(listed.place)}", "", f"{when} (UTC, {_plain(listed.transport)})"]
    lines = [*head, *(["", f"People: {people}"] if people else []), ""]
    for turn in conversation.turns:
        cut = " —" if turn.interrupted else ""
        lines += [f"**{_plain(turn.who)}** ({_time(turn.at)}): {_plain(turn.text)}{cut}", ""]
    return "\n".join(lines)


def _plain(text: str) -> str:
    return escape_markdown(" ".join(text.split()))


def _time(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return "at an unknown time"
