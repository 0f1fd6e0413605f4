"""Tool calls in a model's answer: parses their pieces, and assembles them to complete calls.

:mod:`bot.llm.tool_loop` runs them.
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
"""Maximum number of calls in one answer. Further calls are left out."""
MAX_ARGUMENTS = 1 << 16
"""Maximum number of characters in the arguments of one call. A longer call is left out."""
MAX_DEPTH = 32
"""Deepest nesting of objects and lists in the arguments. A deeper call is left out."""
MAX_CHARS = 400_000
"""Maximum number of characters in the pieces of all calls. Nothing is read after that."""
_MAX_PIECES = 128
"""Maximum number of pieces that are read from one event."""
_MAX_TRIES = 50
"""Maximum number of attempts to parse the arguments of one call before the answer ends. One more is made when the
answer ends."""

_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
_ID = re.compile(r"[\x21-\x7e]{1,128}")
_NOTHING = frozenset({"null", "None"})
"""Words that stand for a missing id or name. Mistral's server writes them."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A complete call of a tool by the model.

    Attributes:
        id: identifies the call in its answer. It is made up if the server gave none.
        name: the tool's name.
        arguments: a JSON object as text. It has been checked, and is within the limits of this module.
    """

    id: str
    name: str
    arguments: str

    def values(self) -> dict[str, Any]:
        """The arguments as values, by name."""
        values: dict[str, Any] = json.loads(self.arguments)
        return values


@dataclass(frozen=True, slots=True)
class CallPiece:
    """The part of a tool call that one event contains.

    Attributes:
        index: the server's number for the call; ``None`` if it gave none.
        arguments: a piece of the arguments' JSON text, or all of it.
    """

    index: int | None = None
    id: str = ""
    name: str = ""
    arguments: str = ""


def call_pieces(said: Mapping[str, Any]) -> tuple[CallPiece, ...]:
    """The pieces of tool calls in a delta or message object. Values of an unknown format are skipped.

    OpenAI and llama.cpp number the calls (``index``) and send the arguments in pieces. Ollama and Mistral send complete
    calls, Gemini sends them without a number. Old servers send one ``function_call`` instead of ``tool_calls``.
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
    """The arguments as JSON text. If ``value`` is a text, it may be only a piece of them."""
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        # This text is not a JSON object, so the call will be left out.
        return "[]"


class ToolCallAssembler:
    """Assembles the tool calls of one answer from their pieces, in the order in which the calls begin."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._passed = 0
        """Number of calls that were returned or left out already."""
        self._ids: set[str] = set()
        self._taken = 0
        self._too_many = False

    @property
    def ended(self) -> bool:
        """Whether the limit of characters is reached, so that nothing more is read."""
        return self._taken >= MAX_CHARS

    def take(self, pieces: Iterable[CallPiece]) -> list[ToolCall]:
        """Take the next pieces, and return the calls that are complete now.

        A call is complete when its arguments are a complete JSON object, since nothing can follow that.
        """
        for piece in pieces:
            self._taken += len(piece.id) + len(piece.name) + len(piece.arguments)
            call = self._call_of(piece)
            if call is None and len(self._calls) >= MAX_CALLS:
                self._log_too_many()
                continue
            if call is None:
                call = _Call(piece.index)
                self._calls.append(call)
            call.add(piece)
        return self._take_complete_calls()

    def end(self, *, whole: bool) -> list[ToolCall]:
        """End the answer, and return the remaining calls.

        Args:
            whole: whether the server marked a regular end. If so, a call without arguments really has none; otherwise
                they may be missing, and the call is left out.
        """
        for call in self._calls[self._passed :]:
            call.end(whole=whole)
        return self._take_complete_calls()

    def _call_of(self, piece: CallPiece) -> _Call | None:
        """The call that the piece belongs to; ``None`` if the piece begins a new call."""
        by_index = (each for each in reversed(self._calls) if piece.index is None or each.index == piece.index)
        call = next(by_index, None)
        return None if call is None or call.is_followed_by(piece) else call

    def _take_complete_calls(self) -> list[ToolCall]:
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

    def _log_too_many(self) -> None:
        if not self._too_many:
            self._too_many = True
            _log.warning("The model calls more than %d tools in one answer; the others are left out", MAX_CALLS)


class _Call:
    """One tool call while its pieces arrive.

    Attributes:
        arguments: the checked arguments; "" until they are complete.
        fault: why the call is left out; "" if it is not.
    """

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
        """Whether the piece begins a new call, although its index fits this call.

        Only a piece with a name can begin a call, because some servers give each piece a new id. Some servers give all
        calls the same index, some repeat the name in each piece, and some send the name in pieces.
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
        """Add a piece. A piece after the end of the arguments is dropped."""
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
        """Whether the call is complete, or is known to be left out. This may try to parse the arguments."""
        if not self._closed and self._pieces and self._pieces[-1].rstrip().endswith("}") and self._tries < _MAX_TRIES:
            self._tries += 1
            self._close("".join(self._pieces), final=False)
        return self._closed

    def end(self, *, whole: bool) -> None:
        """End the call: no more pieces follow."""
        if not self._closed:
            text = "".join(self._pieces).strip()
            self._close(text or ("{}" if whole else ""), final=True)

    def _close(self, text: str, *, final: bool) -> None:
        try:
            arguments = _checked(text)
        except (ValueError, RecursionError):
            if final:
                self.fault = "its arguments are not a JSON object"
            return
        if not _NAME.fullmatch(self.name):
            self.fault = "it has no name that a tool can have"
        elif arguments is None:
            self.fault = "its arguments are not a JSON object, or are nested too deeply"
        else:
            self.arguments = arguments


def _checked(text: str) -> str | None:
    """Normalize a JSON object, and join its surrogates; ``None`` if it is not an object, or nested too deeply.

    Raises:
        ValueError, RecursionError: the text is not JSON.
    """
    values = read_json(text)
    if not isinstance(values, dict) or _is_deeper(values, MAX_DEPTH):
        return None
    return join_surrogates(json.dumps(values, ensure_ascii=False))


def _is_deeper(values: object, depth: int) -> bool:
    """Whether objects and lists in ``values`` are nested more than ``depth`` deep."""
    level = [values]
    while level and depth:
        depth -= 1
        level = [inner for each in level for inner in _inside(each) if isinstance(inner, dict | list)]
    return bool(level)


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
