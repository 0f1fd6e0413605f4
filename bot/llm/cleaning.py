"""Cleaning of text from Discord: turns it into plain words without markup, control tokens and invisible characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.llm.templates import without_control_marks

MAX_MENTIONS = 10
MAX_PROMPT_CHARS = 4000
MAX_NAME_CHARS = 32
MAX_LABEL_CHARS = 100

_MENTION = re.compile(r"<(?P<kind>@!?|@&|#)(?P<id>\d{1,20})>")
_CUSTOM_EMOJI = re.compile(r"<a?:(\w{1,32}):\d{1,20}>")
_TIMESTAMP = re.compile(r"<t:(-?\d{1,17})(?::[A-Za-z])?>")
_COMMAND = re.compile(r"<(/[\w -]{1,100}):\d{1,20}>")
_SERVER_GUIDE = re.compile(r"<id:(\w{1,32})>")
_MASKED_LINK = re.compile(r"\[([^\[\]\n]{1,500})\]\(<?https?://[^\s()<>]{1,2000}>?(?: \"[^\"\n]{0,200}\")?\)")
_BRACKETED_URL = re.compile(r"<(https?://[^\s<>]{1,2000})>")
_SPOILER = re.compile(r"\|\|(.+?)\|\|", re.DOTALL)
_MARKUP = frozenset("<[|@")
"""Each piece of markup has one of these characters."""
_MASS_MENTION = re.compile(r"@(everyone|here)\b")
# A joiner at the edge of a word has no effect. Inside a word, emoji sequences and Persian need it.
_LOOSE_JOINER = re.compile(r"(?<!\S)[\u200c\u200d]+|[\u200c\u200d]+(?!\S)")
_JOINERS = "\u200c\u200d"
# Hangul fillers and the empty Braille cell. They are invisible, although Unicode lists them as letters or symbols.
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"


@dataclass(frozen=True, slots=True)
class DiscordNames:
    """Names for the ids in a message: display names of users, names of roles and channels."""

    users: Mapping[int, str] = field(default_factory=dict)
    roles: Mapping[int, str] = field(default_factory=dict)
    channels: Mapping[int, str] = field(default_factory=dict)


def clean_prompt(text: str, names: DiscordNames) -> str:
    """Turn a message into one line of plain words of at most ``MAX_PROMPT_CHARS`` characters.

    Mentions become names; those after the tenth are only counted. Emoji stay. Line breaks become spaces, because in the
    model's prompt each line begins with its speaker's name. Returns "" if nothing is left to answer. A single emoji can
    be answered.
    """
    text = _without_invisible(text)
    if not _MARKUP.isdisjoint(text):
        text = _without_markup(text, names)
    line = _one_line(text)
    return line if _has_visible_text(line) else ""


def _without_markup(text: str, names: DiscordNames) -> str:
    text = _name_mentions(text, names)
    text = _CUSTOM_EMOJI.sub(r":\1:", text)
    text = _TIMESTAMP.sub(_spoken_time, text)
    text = _COMMAND.sub(r"\1", text)
    text = _SERVER_GUIDE.sub(r"\1", text)
    text = _MASKED_LINK.sub(r"\1", text)
    text = _BRACKETED_URL.sub(r"\1", text)
    text = _SPOILER.sub(r"\1", text)
    return _MASS_MENTION.sub(r"\1", text)


def clean_name(name: str) -> str:
    """Clean a display name for use before a colon: one line without colons, at most ``MAX_NAME_CHARS`` characters.

    Returns "Someone" if nothing is left.
    """
    return clean_label(name.replace(":", " "), MAX_NAME_CHARS) or "Someone"


def clean_label(name: str, limit: int = MAX_LABEL_CHARS) -> str:
    """Clean the name of a channel or server: one line of at most ``limit`` characters; "" if nothing is left."""
    line = _one_line(_without_invisible(name))[:limit].strip()
    return line if _has_visible_text(line) else ""


def _name_mentions(text: str, names: DiscordNames) -> str:
    extra = len(_MENTION.findall(text)) - MAX_MENTIONS
    seen = 0

    def name_of(match: re.Match[str]) -> str:
        nonlocal seen
        seen += 1
        if seen > MAX_MENTIONS:
            return f"… and {extra} more" if seen == MAX_MENTIONS + 1 else ""
        number = int(match["id"])
        match match["kind"]:
            case "@&":
                return clean_name(names.roles.get(number, "some role"))
            case "#":
                return "#" + clean_name(names.channels.get(number, "some channel"))
            case _:
                return clean_name(names.users.get(number, "someone"))

    return _MENTION.sub(name_of, text)


def _spoken_time(match: re.Match[str]) -> str:
    try:
        return datetime.fromtimestamp(int(match[1]), UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "some time"


def _without_invisible(text: str) -> str:
    """Remove invisible characters and those that change the text's direction. Control characters become spaces.

    Unassigned characters are kept, since they may be new emoji.
    """
    if text.isascii() and text.isprintable():
        return text
    visible = "".join(map(_visible, text))
    return _LOOSE_JOINER.sub("", visible)


def _visible(character: str) -> str:
    if character in _JOINERS:
        return character
    category = unicodedata.category(character)
    if category == "Cc":
        return " "
    hidden = category in {"Cf", "Cs"} or character in _BLANKS or "\U000e0100" <= character <= "\U000e01ef"
    return "" if hidden else character


def _one_line(text: str) -> str:
    return " ".join(without_control_marks(text).split())[:MAX_PROMPT_CHARS].rstrip()


def _has_visible_text(line: str) -> bool:
    return any(unicodedata.category(character)[0] not in "MZ" and character not in _JOINERS for character in line)
