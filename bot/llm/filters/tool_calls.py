"""Takes tool calls out of a reply's text. Some models write calls there, and some servers leave calls there."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

import regex

from bot.llm.filters.tags import CodeSpans
from bot.llm.tool_calls import MAX_ARGUMENTS, MAX_CALLS, CallPiece

_log = logging.getLogger(__name__)

_LONGEST = MAX_ARGUMENTS + 1_000
"""Maximum number of characters between two tags. A longer call is taken out of the text, but not passed on."""
_MAX_TAG = 300
"""No tag is longer than this, in characters."""


@dataclass(frozen=True, slots=True)
class CallTags:
    """The tags around a tool call, or around a result.

    Attributes:
        closing: what ends the call: its closing tag, and for some kinds of tags also the opening tag of the next call.
            ``None``: the call goes on to the end of the reply.
        calls: whether the text between the tags is a call in JSON, which can be read. Other text is only hidden.
    """

    opening: regex.Pattern[str]
    closing: regex.Pattern[str] | None
    calls: bool = True


def _tags(name: str, *, calls: bool = True) -> CallTags:
    opening = rf"<{name}(?:\s[^<>]{{0,200}})?>"
    closing = rf"</{name}\s{{0,2}}>|(?={opening})"
    return CallTags(regex.compile(opening, regex.IGNORECASE), regex.compile(closing, regex.IGNORECASE), calls)


CALL_TAGS: tuple[CallTags, ...] = (
    # Each comment names the models that write the tags below it.
    # Hermes, Qwen, MiniMax (with a prefix), and models that are told the format in the prompt (``tool_text.py``)
    _tags("(?:minimax:)?tool[_-]?calls?"),
    # models whose prompt asks for this format
    _tags("function_calls?"),
    # results that a model makes up
    _tags("tool_(?:response|result|output)s?", calls=False),
    # Llama 3, Functionary, Qwen Coder. The function's name is in the tag, and the arguments are often no JSON.
    CallTags(regex.compile(r"<function=[\w.:/-]{1,128}>"), regex.compile(r"</function>"), calls=False),
    # MiniMax, and models whose prompt asks for this format, if the outer tags are missing
    CallTags(regex.compile(r"<invoke\s+name=[\"'][\w.:/-]{1,128}[\"']>"), regex.compile(r"</invoke>"), calls=False),
    # DeepSeek, Kimi
    CallTags(
        regex.compile(r"<[|｜]tool[▁_]calls?[▁_](?:section[▁_])?begin[|｜]>"),
        regex.compile(r"<[|｜]tool[▁_]calls?[▁_](?:section[▁_])?end[|｜]>"),
        calls=False,
    ),
    # LFM2
    CallTags(regex.compile(r"<\|tool_call_start\|>"), regex.compile(r"<\|tool_call_end\|>")),
    # Granite, Phi 4
    CallTags(regex.compile(r"<\|tool_call\|>"), regex.compile(r"<\|/tool_call\|>|(?=<\|tool_call\|>)")),
    # Llama 3
    CallTags(regex.compile(r"<\|python_tag\|>"), None),
    # Mistral
    CallTags(regex.compile(r"\[TOOL_CALLS\]"), None),
)
_STRAY = regex.compile(
    r"</(?:function|invoke|(?:minimax:)?tool[_-]?calls?|function_calls?|tool_(?:response|result|output)s?)\s{0,2}>"
    r"|<[|｜]tool[▁_]calls?[▁_](?:section[▁_])?end[|｜]>"
)
"""Closing tags without their opening tags."""
_BARE = regex.compile(
    r"(?:\[\s{0,9})?\{\s{0,9}\"(?:name|type|function|id|index|arguments|parameters|tool|tool_name|tool_calls?)\"\s{0,9}:"
)
"""The beginning of a call without tags, as Llama 3 writes it. If tools were offered, it counts anywhere; otherwise it
counts only at the beginning of a line."""
_OF_BARE_CALL = regex.compile(r"\"(?:arguments|parameters)\"\s*:")
_NAMES_BARE_CALL = regex.compile(r"\"(?:name|function|tool|tool_name|tool_calls?)\"\s*:")
_TRIGGERS = "<[{"


class ToolCallFilter:
    """Takes tool calls out of a text. Implements :class:`~bot.llm.filters.chain.TextFilter`.

    Nothing between the tags of a call is ever let through, even if it can't be read. In Markdown code, tags are
    ordinary text, because there the reply talks about them. When a call has been taken, the reply ends at the first
    text that is not another call: a model that goes on makes up the result.

    Text that begins like a call without tags is withheld until the end of the reply.

    Args:
        takes_calls: whether tools were offered. Otherwise calls are only hidden, and the reply goes on after them.
    """

    def __init__(self, *, takes_calls: bool = False) -> None:
        self.ended = False
        self._takes_calls = takes_calls
        self._calls: list[CallPiece] = []
        self._called = False
        self._warned = False
        self._held = ""
        self._tags: CallTags | None = None
        """The tags of the call that is being read; ``None`` outside of calls."""
        self._bare = False
        """Whether the withheld text may be a call without tags."""
        self._at_line_start = True
        self._searched = 0
        """Number of characters of the call that were searched for the closing tag."""
        self._strings = _JsonStrings()
        self._too_long = False
        self._code = CodeSpans()

    @property
    def holds(self) -> bool:
        """Whether text is withheld that may be an opening tag or a call without tags."""
        return self._tags is None and bool(self._held) and not self._called

    def take_calls(self) -> tuple[CallPiece, ...]:
        """The calls that were read since this was called last, in order. Their arguments are not checked yet."""
        calls, self._calls = self._calls, []
        return tuple(calls)

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece; returns the text that is ready."""
        self._held += text
        return self._scan(final=False)

    def finish(self) -> Iterable[str]:
        """End the reply; returns the rest of its text."""
        return self._scan(final=True)

    def _scan(self, *, final: bool) -> list[str]:
        said: list[str] = []
        while self._held and not self.ended:
            if self._bare:
                if not final:
                    break
                said.append(self._end_bare())
            elif self._tags is not None:
                if not self._read_call(self._tags, final=final):
                    break
            elif (text := self._plain(final=final)) is None:
                break
            else:
                said.append(text)
        return said

    def _plain(self, *, final: bool) -> str | None:
        """Take the text up to the next tag, or the tag itself. Returns ``None`` to wait for more."""
        plain = next((at for at, character in enumerate(self._held) if character in _TRIGGERS), len(self._held))
        if plain:
            return self._take(plain)
        if self._code.inside:
            return self._take(1)
        found = [(tags, match) for tags in CALL_TAGS if (match := self._match(tags.opening, final=final)) is not None]
        stray = self._match(_STRAY, final=final)
        bare = self._match(_BARE, final=final) if self._at_line_start or self._takes_calls else None
        if any(match is not None and match.partial for match in (stray, bare, *(match for _, match in found))):
            return None
        if bare is not None:
            self._bare = True
            return ""
        if stray is not None:
            self._held = self._held[stray.end() :]
        elif found:
            self._tags, match = found[0]
            self._held, self._searched = self._held[match.end() :], 0
            self._strings, self._too_long = _JsonStrings(), False
        else:
            return self._take(1)
        return ""

    def _match(self, pattern: regex.Pattern[str], *, final: bool) -> regex.Match[str] | None:
        return pattern.match(self._held, partial=not final)

    def _take(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        self._code.feed(text)
        # White space at the beginning of a line may stand before a call without tags.
        line = text.rpartition("\n")[2]
        self._at_line_start = not line.strip() and (self._at_line_start or "\n" in text)
        if self._called:
            self.ended = bool(text.strip())
            return ""
        return text

    def _end_bare(self) -> str:
        """End the reply after what may be a call without tags. Returns the text if it is none."""
        text, self._held, self._bare = self._held, "", False
        is_call = _OF_BARE_CALL.search(text) is not None and _NAMES_BARE_CALL.search(text) is not None
        if not is_call and not (self._takes_calls and _breaks_off(text)):
            return "" if self._called else text
        if self._takes_calls:
            self._note_calls(text)
        return ""

    def _read_call(self, tags: CallTags, *, final: bool) -> bool:
        """Read on in a call. Returns whether it is over."""
        # The closing tag may be cut, so the search begins a little before the new characters.
        place = max(0, self._searched - _MAX_TAG)
        while tags.closing is not None and (match := tags.closing.search(self._held, place)) is not None:
            if self._too_long or not self._strings.inside(self._held, match.start()):
                self._end_call(tags, self._held[: match.start()])
                self._held = self._held[match.end() :]
                return True
            place = max(match.end(), match.start() + 1)
        self._searched = len(self._held)
        if final:
            self._end_call(tags, self._held)
            self._held = ""
        elif len(self._held) > _LONGEST:
            self._too_long = True
            self._held = self._held[-_MAX_TAG:]
        return final

    def _end_call(self, tags: CallTags, text: str) -> None:
        self._tags = None
        if tags.calls and self._takes_calls:
            self._note_calls("" if self._too_long else text)

    def _note_calls(self, text: str) -> None:
        calls = calls_in(text)
        if not calls and not self._warned:
            self._warned = True
            _log.warning("The model calls a tool in a way that can't be read, and the call is left out")
        self._called = self._called or bool(calls)
        self._calls += calls


class _JsonStrings:
    """Tells whether a position in a JSON text is inside of a string, where a tag is a part of an argument.

    Ask for the positions in ascending order. Then a long text is read only once.
    """

    def __init__(self) -> None:
        self._place = 0
        self._inside = self._escaped = False

    def inside(self, text: str, place: int) -> bool:
        """Whether ``place`` is inside of a string. A position before the one asked for last counts as inside."""
        for character in text[self._place : place]:
            if self._escaped:
                self._escaped = False
            elif character == "\\":
                self._escaped = self._inside
            elif character == '"':
                self._inside = not self._inside
        inside = self._inside or place < self._place
        self._place = max(self._place, place)
        return inside


def calls_in(text: str) -> list[CallPiece]:
    """The calls in the text between two tags: JSON objects, one after another or in a list.

    The first value that can't be read is left out, with everything after it.
    """
    calls: list[CallPiece] = []
    decoder = json.JSONDecoder(parse_constant=_refuse)
    rest = regex.sub(r"^\s*```\w*", "", text).lstrip()
    while rest[:1] in ("{", "[") and rest and len(calls) <= MAX_CALLS:
        try:
            value, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError):
            break
        objects = (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict))
        calls += [call for call in map(_call_of, objects) if call is not None]
        rest = rest[end:].lstrip(" \t\r\n,;")
    return calls


def _breaks_off(text: str) -> bool:
    """Whether a text that begins like JSON ends before its JSON does."""
    try:
        json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    except RecursionError:
        return True
    return False


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _call_of(fields: dict[str, Any]) -> CallPiece | None:
    inner = fields.get("function")
    if isinstance(inner, dict):
        fields = inner
    name = fields.get("name", fields.get("tool_name", fields.get("tool", inner)))
    arguments = fields.get("arguments", fields.get("parameters"))
    if not isinstance(name, str) or not name:
        return None
    if not isinstance(arguments, str):
        try:
            arguments = json.dumps({} if arguments is None else arguments, allow_nan=False)
        except (ValueError, RecursionError):
            return None
    return CallPiece(name=name, arguments=arguments)
