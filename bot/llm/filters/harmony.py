"""Filter for the channels of gpt-oss (its "harmony" format), if a server passes them on as text.

Only the channel ``final`` is the reply::

    <|channel|>analysis<|message|>User says hi.<|end|>
    <|start|>assistant<|channel|>final<|message|>Hello there.<|return|>
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

import regex

from bot.llm.filters.chain import Retraction

_TOKEN = regex.compile(r"<\|(start|channel|message|constrain|end|return|call)\|>")
_REST_OF_HEADER = regex.compile(
    r"\s{0,4}(?:assistant\s?)?(?:analysis|commentary|final)\s?(?=<\|(?:message|constrain)\|>)"
)
"""Matches the rest of a header, if its first tokens were in the prompt already."""
_ENDS = frozenset({"end", "return", "call"})
_CHANNEL = "\x00"
"""Replaces the token ``<|channel|>`` in a header. No header contains this character."""


class _Position(Enum):
    """Position in the stream of messages."""

    TEXT = auto()
    """Text outside of any message, from a server that sends no channels."""
    HEADER = auto()
    BODY = auto()
    BETWEEN = auto()
    """After the end of a message."""
    AFTER_END_TOKEN = auto()
    """After a token that ends either the turn, or a thought whose header was in the prompt."""


class HarmonyFilter:
    """Drops the text of all channels except ``final``. Implements :class:`~bot.llm.filters.chain.TextFilter`.

    If there is no channel ``final``, the text for the user in the channel ``commentary`` is the reply. Tool calls in
    that channel are dropped. Text before the first header is retracted when the channel ``final`` comes: it was a
    thought whose header was in the prompt.
    """

    ended = False

    def __init__(self) -> None:
        self.thought = False
        """Whether there was text that does not belong to the reply."""
        self.began_inside = False
        """Whether the reply began inside a thought."""
        self._held = ""
        """Withheld text, whose beginning may be a control token."""
        self._at_start = True
        self._passed_end = ""
        """Withheld end tokens and white space. If more text follows, they belong to the text."""
        self._named = False
        """Whether there was a message in the channel ``final``."""
        self._at = _Position.TEXT
        self._header = ""
        """The current message's header, without tokens."""
        self._shown = False
        """Whether the current message belongs to the reply."""
        self._aside = False
        """Whether the current message is text for the user in the channel ``commentary``."""
        self._asides = ""
        """Text of all messages for the user in the channel ``commentary``."""
        self._spoke = False
        """Whether text was let through."""

    @property
    def holds(self) -> bool:
        """Whether text is withheld that may still be let through."""
        return bool(self._held or self._passed_end or (self._asides.strip() and not self._spoke))

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece; returns the text that is ready, and retractions."""
        self._held += text
        return self._scan(final=False)

    def finish(self) -> Iterable[str]:
        """End the reply; returns the rest of its text."""
        said = self._scan(final=True)
        if not self._spoke and self._asides.strip():
            said.append(self._asides)
        return said

    def _scan(self, *, final: bool) -> list[str]:
        said: list[str] = []
        if self._at_start and not self._pass_rest_of_header(final):
            return said
        while self._held:
            at = self._held.find("<")
            plain = len(self._held) if at < 0 else at
            if plain:
                said.append(self._take_plain(plain))
                continue
            found = _TOKEN.match(self._held, partial=not final)
            if found is not None and found.partial:
                break
            name = found[1] if found is not None else ""
            if found is None or (
                name in _ENDS and self._at in (_Position.TEXT, _Position.AFTER_END_TOKEN) and not self._spoke
            ):
                said.append(self._take_plain(1))
                continue
            control, self._held = self._held[: found.end()], self._held[found.end() :]
            if name in _ENDS and self._at in (_Position.TEXT, _Position.AFTER_END_TOKEN):
                self._at, self._passed_end = _Position.AFTER_END_TOKEN, self._passed_end + control
            else:
                said += self._pass(name)
        if final and self._at is _Position.AFTER_END_TOKEN:
            said.append(self._passed_end)
        return said

    def _pass_rest_of_header(self, final: bool) -> bool:
        """Skip the rest of a header at the reply's beginning. Returns False if more text is needed to decide."""
        found = _REST_OF_HEADER.match(self._held, partial=not final)
        if found is not None and found.partial:
            return False
        if found is not None:
            self._at, self._header = _Position.HEADER, _CHANNEL + found[0].replace("assistant", "")
            self._held = self._held[found.end() :]
        self._at_start = False
        return True

    def _take_plain(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        match self._at:
            case _Position.HEADER:
                self._header += text
                return ""
            case _Position.AFTER_END_TOKEN:
                self._passed_end += text
                if not text.strip():
                    return ""
                text, self._passed_end, self._at = self._passed_end, "", _Position.TEXT
            case _Position.BETWEEN:
                text = text.lstrip()
                if text:
                    self._at, self._shown = _Position.BODY, True
        if self._at is _Position.BODY and not self._shown:
            self.thought = True
            self._asides += text if self._aside else ""
            return ""
        self._spoke = self._spoke or bool(text.strip())
        return text

    def _pass(self, name: str) -> list[str]:
        """Process a control token. Returns a retraction if the token shows that the text so far was a thought."""
        self._passed_end = ""
        if name in _ENDS:
            self._at = _Position.BETWEEN
        elif name == "message":
            return self._begin_body()
        elif self._at is _Position.HEADER and name != "start":
            self._header += _CHANNEL if name == "channel" else " "
        else:
            self._at, self._header = _Position.HEADER, "" if name == "start" else _CHANNEL
        return []

    def _begin_body(self) -> list[str]:
        role, _, channel = self._header.rpartition(_CHANNEL) if _CHANNEL in self._header else (self._header, "", "")
        role = role.replace(_CHANNEL, " ").strip()
        name = channel.split()[0].lower() if channel.split() else ""
        by_us = not role or role.startswith("assistant")
        to_a_tool = "to=" in self._header
        self._shown = by_us and name in ("", "final") and not to_a_tool
        self._aside = by_us and name == "commentary" and not to_a_tool
        self._at, self._header = _Position.BODY, ""
        if not (self._shown and name == "final"):
            return []
        first, self._named = not self._named, True
        if not (first and self._spoke):
            return []
        self.thought = self.began_inside = True
        return [Retraction()]
