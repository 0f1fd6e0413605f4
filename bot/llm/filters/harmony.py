"""The channels of gpt-oss ("harmony"), where a server passes them on as they are: only the final one is the reply.

<|channel|>analysis<|message|>User says hi.<|end|>
<|start|>assistant<|channel|>final<|message|>Hello there.<|return|>
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

import regex

from bot.llm.filters.chain import Retraction

_MARK = regex.compile(r"<\|(start|channel|message|constrain|end|return|call)\|>")
_REST_OF_HEADER = regex.compile(
    r"\s{0,4}(?:assistant\s?)?(?:analysis|commentary|final)\s?(?=<\|(?:message|constrain)\|>)"
)
"""A header whose first marks stood in the prompt."""
_ENDS = frozenset({"end", "return", "call"})
_CHANNEL = "\x00"
"""Stands for the mark of a channel in a header, which has no such character."""


class _At(Enum):
    TEXT = auto()
    """Outside of any message: text of a server that knows no channels."""
    HEADER = auto()
    BODY = auto()
    BETWEEN = auto()
    """Behind a message."""
    BEHIND_END = auto()
    """Behind a mark that may be the end of a turn, or of a thought whose header stood in the prompt."""


class HarmonyFilter:
    """A :class:`~bot.llm.filters.chain.TextFilter` that drops every channel but the final one.

    What the model says to the user in the channel ``commentary`` is the reply where there is no final one. Calls of
    tools are in that channel too, and are dropped. What was said without a channel is retracted
    (:class:`~bot.llm.filters.chain.Retraction`) when the final one comes: its header stood in the prompt.
    """

    ended = False

    def __init__(self) -> None:
        self.thought = False
        """Whether there was anything in another channel."""
        self.began_inside = False
        """Whether the reply began inside a thought."""
        self._held = ""
        self._at_start = True
        self._passed_end = ""
        self._named = False
        self._at = _At.TEXT
        self._header = ""
        self._shown = False
        self._aside = False
        self._asides = ""
        self._spoke = False

    @property
    def holds(self) -> bool:
        """Whether text is held back that may be said yet."""
        return bool(self._held or self._passed_end or (self._asides.strip() and not self._spoke))

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece."""
        self._held += text
        return self._scan(final=False)

    def finish(self) -> Iterable[str]:
        """The reply is over."""
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
            found = _MARK.match(self._held, partial=not final)
            if found is not None and found.partial:
                break
            name = found[1] if found is not None else ""
            if found is None or (name in _ENDS and self._at in (_At.TEXT, _At.BEHIND_END) and not self._spoke):
                said.append(self._take_plain(1))
                continue
            mark, self._held = self._held[: found.end()], self._held[found.end() :]
            if name in _ENDS and self._at in (_At.TEXT, _At.BEHIND_END):
                self._at, self._passed_end = _At.BEHIND_END, self._passed_end + mark
            else:
                said += self._pass(name)
        if final and self._at is _At.BEHIND_END:
            said.append(self._passed_end)
        return said

    def _pass_rest_of_header(self, final: bool) -> bool:
        """Go past what is left of a first header; False where that takes more text."""
        found = _REST_OF_HEADER.match(self._held, partial=not final)
        if found is not None and found.partial:
            return False
        if found is not None:
            self._at, self._header = _At.HEADER, _CHANNEL + found[0].replace("assistant", "")
            self._held = self._held[found.end() :]
        self._at_start = False
        return True

    def _take_plain(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        match self._at:
            case _At.HEADER:
                self._header += text
                return ""
            case _At.BEHIND_END:
                self._passed_end += text
                if not text.strip():
                    return ""
                text, self._passed_end, self._at = self._passed_end, "", _At.TEXT
            case _At.BETWEEN:
                text = text.lstrip()
                if text:
                    self._at, self._shown = _At.BODY, True
        if self._at is _At.BODY and not self._shown:
            self.thought = True
            self._asides += text if self._aside else ""
            return ""
        self._spoke = self._spoke or bool(text.strip())
        return text

    def _pass(self, mark: str) -> list[str]:
        """Go past a mark; gives a retraction where it shows that what was said was a thought."""
        self._passed_end = ""
        if mark in _ENDS:
            self._at = _At.BETWEEN
        elif mark == "message":
            return self._begin_body()
        elif self._at is _At.HEADER and mark != "start":
            self._header += _CHANNEL if mark == "channel" else " "
        else:
            self._at, self._header = _At.HEADER, "" if mark == "start" else _CHANNEL
        return []

    def _begin_body(self) -> list[str]:
        role, _, channel = self._header.rpartition(_CHANNEL) if _CHANNEL in self._header else (self._header, "", "")
        role = role.replace(_CHANNEL, " ").strip()
        name = channel.split()[0].lower() if channel.split() else ""
        by_us = not role or role.startswith("assistant")
        to_a_tool = "to=" in self._header
        self._shown = by_us and name in ("", "final") and not to_a_tool
        self._aside = by_us and name == "commentary" and not to_a_tool
        self._at, self._header = _At.BODY, ""
        if not (self._shown and name == "final"):
            return []
        first, self._named = not self._named, True
        if not (first and self._spoke):
            return []
        self.thought = self.began_inside = True
        return [Retraction()]
