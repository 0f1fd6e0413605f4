"""Calls of tools in a model's answer: they come whole or in pieces, and are put together here.

Nobody runs a tool yet; see :meth:`bot.llm.client.ModelClient.text`.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.text import join_surrogates
from config.plain_json import read_json

_log = logging.getLogger(__name__)

MAX_CALLS = 32
"""Calls in one answer; further ones are left out."""
MAX_ARGUMENTS = 1 << 16
"""Characters of one call's arguments; a call with more is left out."""
MAX_DEPTH = 32
"""Objects and lists within each other in the arguments; a call with more is left out."""
MAX_CHARS = 400_000
"""Characters of all pieces; what comes after that is not read."""
_MAX_PIECES = 128
"""Pieces in one event."""
_TRIES = 50
"""How often arguments that are still coming are looked at; then they are looked at in the end."""

_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
_ID = re.compile(r"[\x21-\x7e]{1,128}")
_NOTHING = frozenset({"null", "None"})
"""Mistral's server writes it for an id that it has not."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model calls a tool.

    ``id`` is unique in its answer; where the server gave none, it is made up. ``arguments`` is the text of a JSON
    object, checked and within the bounds of this module.
    """

    id: str
    name: str
    arguments: str

    def values(self) -> dict[str, Any]:
        """The arguments by name."""
        values: dict[str, Any] = json.loads(self.arguments)
        return values


@dataclass(frozen=True, slots=True)
class CallPiece:
    """What one event says of one call. ``arguments`` is a piece of their text, or all of it."""

    index: int | None = None
    id: str = ""
    name: str = ""
    arguments: str = ""


def call_pieces(said: Mapping[str, Any]) -> tuple[CallPiece, ...]:
    """The pieces of calls in a delta or a message; what is of another shape is none.

    OpenAI and llama.cpp number the calls (``index``) and cut the arguments, Ollama and Mistral send whole ones, Gemini
    without a number. Before there were ``tool_calls`` there was one ``function_call``.
    """
    listed = said.get("tool_calls")
    if isinstance(listed, list) and listed:
        found = [_piece(each) for each in listed[:_MAX_PIECES] if isinstance(each, dict)]
    else:
        legacy = said.get("function_call")
        found = [_piece({"index": 0, "function": legacy})] if isinstance(legacy, dict) else []
    return tuple(each for each in found if each.id or each.name or each.arguments)


def _piece(fields: Mapping[str, Any]) -> CallPiece:
    function = fields.get("function")
    function = function if isinstance(function, dict) else {}
    index = fields.get("index")
    index = index if isinstance(index, int) and not isinstance(index, bool) else None
    return CallPiece(index, _word(fields.get("id")), _word(function.get("name")), _arguments(function.get("arguments")))


def _word(value: object) -> str:
    return value if isinstance(value, str) and value not in _NOTHING else ""


def _arguments(value: object) -> str:
    """A text is a piece of the arguments; an object is all of them."""
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        # No object: the call is left out.
        return "[]"


class ToolCallAssembler:
    """Puts the calls of one answer together, in the order in which they begin."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._passed = 0
        """How many of them are decided about."""
        self._ids: set[str] = set()
        self._taken = 0
        self._too_many = False

    @property
    def ended(self) -> bool:
        """Whether so much came that no more is read."""
        return self._taken >= MAX_CHARS

    def take(self, pieces: Iterable[CallPiece]) -> list[ToolCall]:
        """The next pieces; returns the calls that are whole by now: nothing can follow the end of a JSON object."""
        for piece in pieces:
            self._taken += len(piece.id) + len(piece.name) + len(piece.arguments)
            call = self._meant(piece)
            if call is None and len(self._calls) >= MAX_CALLS:
                self._tell_too_many()
                continue
            if call is None:
                call = _Call(piece.index)
                self._calls.append(call)
            call.add(piece)
        return self._pass_whole_ones()

    def end(self, *, whole: bool) -> list[ToolCall]:
        """There are no more pieces; returns the rest.

        Args:
            whole: the server marked a regular end, so that a call without arguments has none. Otherwise it may have
                lost them.
        """
        for call in self._calls[self._passed :]:
            call.end(whole=whole)
        return self._pass_whole_ones()

    def _meant(self, piece: CallPiece) -> _Call | None:
        """The call that the piece belongs to; ``None`` where it begins another one."""
        by_index = (each for each in reversed(self._calls) if piece.index is None or each.index == piece.index)
        call = next(by_index, None)
        return None if call is None or call.is_followed_by(piece) else call

    def _pass_whole_ones(self) -> list[ToolCall]:
        whole = []
        while self._passed < len(self._calls) and (call := self._calls[self._passed]).decided():
            self._passed += 1
            if call.fault:
                _log.warning(
                    "The model calls a tool in a way that can't be read, and the call is left out: %s", call.fault
                )
            else:
                whole.append(ToolCall(self._unique(call.id), call.name, call.arguments))
        return whole

    def _unique(self, wanted: str) -> str:
        made, number = wanted, self._passed
        while not _ID.fullmatch(made) or made in self._ids:
            made, number = f"call_{number}", number + 1
        self._ids.add(made)
        return made

    def _tell_too_many(self) -> None:
        if not self._too_many:
            self._too_many = True
            _log.warning("The model calls more than %d tools in one answer; the others are left out", MAX_CALLS)


class _Call:
    """One call, as far as it came. ``fault`` says why it is left out; ``arguments`` is there once it is decided."""

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self.arguments = ""
        self.fault = ""
        self._pieces: list[str] = []
        self._length = 0
        self._tries = 0

    @property
    def _closed(self) -> bool:
        return bool(self.fault or self.arguments)

    def is_followed_by(self, piece: CallPiece) -> bool:
        """Whether a piece that may be meant for this call begins another one.

        Only a name begins one: some servers give each piece an id of its own. Some give every call the same number,
        some repeat the name, or cut it.
        """
        if not piece.name:
            return False
        if piece.id and self.id and piece.id != self.id:
            return True
        if piece.name != self.name:
            return bool(self._length) or piece.index is None
        repeated = bool(piece.id) and piece.id == self.id
        return not repeated and (piece.index is None or (self._closed and bool(piece.arguments)))

    def add(self, piece: CallPiece) -> None:
        """The next piece; one behind the end is dropped."""
        if self._closed:
            return
        self.id = self.id or piece.id
        if piece.name != self.name and not self._length:
            self.name += piece.name
        self._length += len(piece.arguments)
        if max(self._length, len(self.name)) > MAX_ARGUMENTS:
            self.fault = "it is too long"
            self._pieces.clear()
        elif piece.arguments:
            self._pieces.append(piece.arguments)

    def decided(self) -> bool:
        """Whether it is known what the call is, or that it is none."""
        if not self._closed and self._pieces and self._pieces[-1].rstrip().endswith("}") and self._tries < _TRIES:
            self._tries += 1
            self._close("".join(self._pieces), final=False)
        return self._closed

    def end(self, *, whole: bool) -> None:
        """There is no more of it."""
        if not self._closed:
            text = "".join(self._pieces).strip()
            self._close(text or ("{}" if whole else ""), final=True)

    def _close(self, text: str, *, final: bool) -> None:
        try:
            arguments = _checked(text)
        except (ValueError, RecursionError):
            if final:
                self.fault = "its arguments are no JSON object"
            return
        if not _NAME.fullmatch(self.name):
            self.fault = "it has no name that a tool can have"
        elif arguments is None:
            self.fault = "its arguments are no JSON object of a sensible depth"
        else:
            self.arguments = arguments


def _checked(text: str) -> str | None:
    """The JSON object as plain JSON, without halves of characters; ``None`` where it is none, or too deep.

    Raises:
        ValueError, RecursionError: it is not JSON.
    """
    values = read_json(text)
    if not isinstance(values, dict) or _is_deeper(values, MAX_DEPTH):
        return None
    return join_surrogates(json.dumps(values, ensure_ascii=False))


def _is_deeper(values: object, depth: int) -> bool:
    level = [values]
    while level and depth:
        depth -= 1
        level = [inner for each in level for inner in _inside(each) if isinstance(inner, dict | list)]
    return bool(level)


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
