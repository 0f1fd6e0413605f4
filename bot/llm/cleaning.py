"""Text from Discord as plain words: what a person meant to say, without markup, tricks and invisible characters."""

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
_MASS_MENTION = re.compile(r"@(everyone|here)\b")
# A joiner with nothing on one side joins nothing; elsewhere emoji families and Persian need it.
_LOOSE_JOINER = re.compile(r"(?<!\S)[\u200c\u200d]+|[\u200c\u200d]+(?!\S)")
_JOINERS = "\u200c\u200d"
# Letters and signs by their category, but drawn as nothing: Hangul fillers and the empty Braille cell.
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"


@dataclass(frozen=True, slots=True)
class DiscordNames:
    """What the ids in a message are called: users by display name, roles and channels by name."""

    users: Mapping[int, str] = field(default_factory=dict)
    roles: Mapping[int, str] = field(default_factory=dict)
    channels: Mapping[int, str] = field(default_factory=dict)


def clean_prompt(text: str, names: DiscordNames) -> str:
    """``text`` as one line of plain words, at most ``MAX_PROMPT_CHARS`` long; "" when there is nothing to answer.

    Mentions become names, the ones after the tenth a count; emoji stay, and one alone is something to answer. Line
    breaks become spaces, for in the model's prompt a new line is another person speaking.
    """
    text = _without_invisible(text)
    text = _name_mentions(text, names)
    text = _CUSTOM_EMOJI.sub(r":\1:", text)
    text = _TIMESTAMP.sub(_spoken_time, text)
    text = _COMMAND.sub(r"\1", text)
    text = _SERVER_GUIDE.sub(r"\1", text)
    text = _MASKED_LINK.sub(r"\1", text)
    text = _BRACKETED_URL.sub(r"\1", text)
    text = _SPOILER.sub(r"\1", text)
    text = _MASS_MENTION.sub(r"\1", text)
    line = _one_line(text)
    return line if _says_something(line) else ""


def clean_name(name: str) -> str:
    """A display name that can stand before a colon: one line, nothing invisible, at most ``MAX_NAME_CHARS`` long."""
    return clean_label(name.replace(":", " "), MAX_NAME_CHARS) or "Someone"


def clean_label(name: str, limit: int = MAX_LABEL_CHARS) -> str:
    """What a channel or a server is called, as one line of at most ``limit`` characters; "" when that says nothing."""
    line = _one_line(_without_invisible(name))[:limit].strip()
    return line if _says_something(line) else ""


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
    """Drop what shows nothing or steers the text; controls become spaces. Unknown characters may be new emoji: kept."""
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


def _says_something(line: str) -> bool:
    return any(unicodedata.category(character)[0] not in "MZ" and character not in _JOINERS for character in line)
