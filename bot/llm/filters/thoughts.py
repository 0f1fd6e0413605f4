"""Removes the thoughts that models write into their replies, while the text streams."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

import regex

from bot.llm.filters.chain import Retraction
from bot.llm.filters.tags import (
    ANSWER_END_TAG,
    ANSWER_TAG,
    DECORATION,
    FINAL_CHANNEL,
    THOUGHT_TAGS,
    UNMISTAKABLE,
    CodeSpans,
    TagPosition,
    ThoughtTags,
)


class _Kind(Enum):
    OPENING = auto()
    CLOSING = auto()
    ANSWER = auto()
    ANSWER_END = auto()
    DECORATION = auto()


@dataclass(frozen=True, slots=True)
class _Tag:
    kind: _Kind
    length: int
    pair: ThoughtTags | None = None


_CAN_BEGIN_TAG = re.compile(r"<(?:$|[\s/a-z思]|[|｜](?:$|[/a-z]))|\[(?:$|[/T])|[^<\[]", re.IGNORECASE)
"""Quick test that rules out most brackets in a text as the beginning of a tag."""
_BRACKETS = "<[◁&＜"
"""First characters of the tags that count anywhere in a text."""
_UNDECIDED = object()
"""Result of a search if the text may become a tag, but is incomplete."""


class ThoughtFilter:
    """Removes thoughts from a reply. Implements :class:`~bot.llm.filters.chain.TextFilter`.

    White space before the first word of the reply is removed too. A thought that is never closed is removed, unless its
    opening tag consists of ordinary words. In code, tags are ordinary text.

    A closing tag without an opening tag retracts the text before it (:class:`~bot.llm.filters.chain.Retraction`). If
    the server sends thoughts in a separate field, this happens only if text follows, because such servers sometimes
    leave single tags in the text.

    Args:
        begins_inside: whether the reply is known to begin inside a thought. If so, all text is withheld until a closing
            tag comes. If none comes, the text is let through at the end, unless :meth:`cut_off` was called.
    """

    ended = False

    def __init__(self, *, begins_inside: bool = False) -> None:
        self.began_inside = False
        """Whether there was a closing tag without an opening tag, so that the reply began inside a thought."""
        self.thought = False
        """Whether there was a thought in the reply."""
        self._held = ""
        """Withheld text, whose beginning may be a tag."""
        self._implied = begins_inside
        """Whether the text is inside a thought without an opening tag."""
        self._open: list[ThoughtTags] = []
        """The pairs of tags that are open, the outermost first."""
        self._inside_text = ""
        """Text of the current thought."""
        self._stray: str | None = None
        """Text after a closing tag that belongs to none of the open pairs; ``None`` if there was no such tag."""
        self._cut_off = False
        self._separated = False
        """Whether the server sends thoughts in a separate field."""
        self._left_over = False
        """Whether there was a closing tag that retracts the text before it, if more text follows."""
        self._spoke = False
        """Whether text was let through, and not retracted."""
        self._line_start = True
        self._answer_tags = 0
        """Number of open tags around the answer."""
        self._code = CodeSpans()

    def separate(self) -> None:
        """Report that the server sends thoughts in a separate field, so the text does not begin inside a thought."""
        self._separated = True
        if not self._inside_text.strip():
            self._implied = False

    def cut_off(self) -> None:
        """Report that the token limit ended the reply. So a thought that is still open really was a thought."""
        self._cut_off = True

    @property
    def holds(self) -> bool:
        """Whether text is withheld that may still be let through."""
        uncertain = self._implied or (bool(self._open) and self._open[0].ordinary_words)
        return bool(self._held or (self._stray or "").strip() or (uncertain and self._inside_text.strip()))

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece; returns the text that is ready, and retractions."""
        self._held += text
        return self._scan(final=False)

    def finish(self) -> Iterable[str]:
        """End the reply; returns the withheld text, unless it belongs to a thought."""
        said = self._scan(final=True)
        if self._inside:
            said.append(self._unclosed())
        return said

    def _unclosed(self) -> str:
        """Handle a thought that was never closed. Returns the part of it that is an answer; "" if there is none."""
        rest, stray = self._inside_text, self._stray
        implied, pair = self._implied, self._open[0] if self._open else None
        self._implied, self._open = False, []
        if stray is not None and not self._cut_off:
            return self._say(stray)
        if (implied or (pair is not None and pair.ordinary_words)) and not self._cut_off:
            return self._say(rest)
        self.thought = True
        return ""

    @property
    def _inside(self) -> bool:
        return self._implied or bool(self._open)

    def _scan(self, *, final: bool) -> list[str]:
        said: list[str] = []
        while self._held:
            at = self._next_trigger()
            if at:
                said += self._take(at)
            if not self._held:
                break
            tag = self._tag_here(final)
            if tag is _UNDECIDED:
                break
            if isinstance(tag, _Tag):
                said += self._pass(tag)
            else:
                said += self._take(1)
        return said

    def _take(self, length: int) -> list[str]:
        """Take text without a tag. A retraction comes first if everything before the text was a thought."""
        retracted: list[str] = []
        if self._left_over and not self._inside and self._held[:length].strip():
            self._left_over = False
            retracted = self._begin_anew()
        return [*retracted, self._take_plain(length)]

    def _next_trigger(self) -> int:
        """Number of characters in the withheld text before the next character that may begin a tag."""
        if not self._spoke and not self._inside:
            # At the beginning of a reply, words may be tags too, so only white space is skipped.
            return len(self._held) - len(self._held.lstrip())
        triggers = self._triggers()
        return next((at for at, character in enumerate(self._held) if character in triggers), len(self._held))

    def _triggers(self) -> str:
        if self._open:
            return _BRACKETS + self._open[0].triggers + self._open[0].triggers.upper()
        return _BRACKETS

    def _take_plain(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        if not self._inside:
            return self._say(text)
        self._inside_text += text
        if self._stray is not None:
            self._stray += text
        return ""

    def _say(self, text: str) -> str:
        if not self._spoke:
            text = text.lstrip()
            self._spoke = bool(text)
        if text:
            self._code.feed(text)
            line_start = self._line_start or "\n" in text
            self._line_start = line_start and not text.rpartition("\n")[2].strip()
        return text

    def _tag_here(self, final: bool) -> _Tag | object | None:
        """The tag at the beginning of the withheld text; ``_UNDECIDED`` if it is incomplete, ``None`` without one."""
        if not _CAN_BEGIN_TAG.match(self._held):
            return None
        if self._inside:
            return self._tag_inside(final)
        if self._code.inside:
            return None
        return self._tag_outside(final)

    def _tag_inside(self, final: bool) -> _Tag | object | None:
        pairs = UNMISTAKABLE if self._implied else (*self._open, *UNMISTAKABLE)
        found = self._first([(each.closing, _Kind.CLOSING, each) for each in pairs], final)
        if isinstance(found, _Tag):
            return self._unless_quoted(found, final)
        if found is _UNDECIDED or (self._implied and self._inside_text.strip()):
            return found
        return self._first([(each.opening, _Kind.OPENING, each) for each in UNMISTAKABLE], final)

    def _unless_quoted(self, tag: _Tag, final: bool) -> _Tag | object | None:
        """Ignore a closing tag between two backticks, because the thought only talks about it."""
        if not self._inside_text.endswith("`"):
            return tag
        if len(self._held) == tag.length:
            return tag if final else _UNDECIDED
        return None if self._held[tag.length] == "`" else tag

    def _tag_outside(self, final: bool) -> _Tag | object | None:
        patterns = [(each.closing, _Kind.CLOSING, each) for each in UNMISTAKABLE]
        patterns += [(each.opening, _Kind.OPENING, each) for each in THOUGHT_TAGS if self._counts(each.place)]
        return self._first([*patterns, *self._decorations()], final)

    def _counts(self, place: TagPosition) -> bool:
        match place:
            case TagPosition.ANYWHERE:
                return True
            case TagPosition.LINE:
                return self._line_start
            case TagPosition.START:
                return not self._spoke

    def _decorations(self) -> list[tuple[regex.Pattern[str], _Kind, None]]:
        patterns = [(DECORATION, _Kind.DECORATION, None)]
        if not self._spoke:
            patterns += [(ANSWER_TAG, _Kind.ANSWER, None), (FINAL_CHANNEL, _Kind.DECORATION, None)]
        elif self._answer_tags:
            patterns.append((ANSWER_END_TAG, _Kind.ANSWER_END, None))
        return patterns

    def _first(
        self, patterns: Iterable[tuple[regex.Pattern[str], _Kind, ThoughtTags | None]], final: bool
    ) -> _Tag | object | None:
        undecided = False
        for pattern, kind, pair in patterns:
            found = pattern.match(self._held, partial=not final)
            if found is None:
                continue
            if not found.partial:
                return _Tag(kind, found.end(), pair)
            undecided = True
        return _UNDECIDED if undecided else None

    def _pass(self, tag: _Tag) -> list[str]:
        """Process a tag. Returns a retraction if the tag shows that the text so far was a thought."""
        text, self._held = self._held[: tag.length], self._held[tag.length :]
        match tag.kind:
            case _Kind.OPENING if tag.pair is not None:
                self._open_thought(tag.pair, text)
            case _Kind.CLOSING if tag.pair is not None:
                return self._close_thought(tag.pair)
            case _Kind.ANSWER:
                self._answer_tags += 1
            case _Kind.ANSWER_END:
                self._answer_tags -= 1
            case _:
                self.thought = self.thought or text.endswith("/>")
        return []

    def _open_thought(self, pair: ThoughtTags, tag: str) -> None:
        self.thought = True
        self._implied = False
        if pair.ordinary_words:
            self._inside_text = tag
        if pair not in self._open:
            self._open.append(pair)

    def _close_thought(self, pair: ThoughtTags) -> list[str]:
        if self._implied:
            self.began_inside = not self._separated
        elif self._open and self._open[0].ordinary_words and pair not in self._open:
            # The words that looked like an opening tag were part of a thought that began without an opening tag.
            self.began_inside = not self._separated
            self._open.clear()
        elif pair in self._open:
            del self._open[self._open.index(pair) :]
            if self._open:
                return []
        elif self._open:
            # A closing tag of another pair closes nothing, unless the right one never comes.
            self._stray = ""
            return []
        else:
            return self._retract()
        self.thought = True
        self._implied = False
        self._inside_text, self._stray = "", None
        return []

    def _retract(self) -> list[str]:
        """Handle a closing tag without an opening tag."""
        if self.thought or self._separated or not self._spoke:
            self._left_over = self._spoke and not self.thought
            self.thought = True
            return []
        return self._begin_anew()

    def _begin_anew(self) -> list[str]:
        """Retract the text so far, because it was a thought, and begin again."""
        self.thought = self.began_inside = True
        self._spoke, self._line_start, self._code = False, True, CodeSpans()
        return [Retraction()]
