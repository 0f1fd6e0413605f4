"""Thoughts that models write into the reply itself, taken out as the text streams."""

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
class _Mark:
    kind: _Kind
    length: int
    family: ThoughtTags | None = None


_CAN_BEGIN_MARK = re.compile(r"<(?:$|[\s/a-z思]|[|｜](?:$|[/a-z]))|\[(?:$|[/T])|[^<\[]", re.IGNORECASE)
"""What tells at a glance that most of the brackets in a text are none."""
_BRACKETS = "<[◁&＜"
"""The signs with which marks begin that count anywhere."""
_UNDECIDED = object()
"""The text may become a mark."""


class ThoughtFilter:
    """A :class:`~bot.llm.filters.chain.TextFilter` that drops what was only thought.

    White space before the first spoken word goes too: it stood between the thought and the reply. A thought that is
    never closed is dropped whole. In code, a mark is a word like any other.

    A closing mark that nothing opened retracts what was said before it (:class:`~bot.llm.filters.chain.Retraction`). Of
    a server that sends thoughts apart it does so only if there is text behind it: such servers leave marks over.

    Args:
        begins_inside: the reply is known to begin inside a thought: nothing is said before a closing mark comes. If
            none comes, the reply is said whole at its end, unless :meth:`cut_off` was called.
    """

    ended = False

    def __init__(self, *, begins_inside: bool = False) -> None:
        self.began_inside = False
        """Whether a closing mark came that nothing had opened: the text of the reply began inside a thought."""
        self.thought = False
        """Whether there was a thought in the reply."""
        self._held = ""
        self._implied = begins_inside
        self._open: list[ThoughtTags] = []
        self._inside_text = ""
        self._stray: str | None = None
        self._cut_off = False
        self._separated = False
        self._left_over = False
        self._spoke = False
        self._line_start = True
        self._answer_tags = 0
        self._code = CodeSpans()

    def separate(self) -> None:
        """The server sends thoughts apart from the text, so the text does not begin inside one."""
        self._separated = True
        if not self._inside_text.strip():
            self._implied = False

    def cut_off(self) -> None:
        """The reply ends because its tokens are used up: a thought that is still open then is one."""
        self._cut_off = True

    @property
    def holds(self) -> bool:
        """Whether text is held back that may be said yet."""
        spoken = self._implied or (bool(self._open) and self._open[0].spoken)
        return bool(self._held or (self._stray or "").strip() or (spoken and self._inside_text.strip()))

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece."""
        self._held += text
        return self._scan(final=False)

    def finish(self) -> Iterable[str]:
        """The reply is over: what was held back in case it began a mark, unless it belongs to a thought."""
        said = self._scan(final=True)
        if self._inside:
            said.append(self._unclosed())
        return said

    def _unclosed(self) -> str:
        """What is to be said of a thought that was never closed."""
        rest, stray = self._inside_text, self._stray
        implied, family = self._implied, self._open[0] if self._open else None
        self._implied, self._open = False, []
        if stray is not None and not self._cut_off:
            return self._say(stray)
        if (implied or (family is not None and family.spoken)) and not self._cut_off:
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
            mark = self._mark_here(final)
            if mark is _UNDECIDED:
                break
            if isinstance(mark, _Mark):
                said += self._pass(mark)
            else:
                said += self._take(1)
        return said

    def _take(self, length: int) -> list[str]:
        """Take text that holds no mark; gives a retraction where it shows that what came before was a thought."""
        retracted: list[str] = []
        if self._left_over and not self._inside and self._held[:length].strip():
            self._left_over = False
            retracted = self._begin_anew()
        return [*retracted, self._take_plain(length)]

    def _next_trigger(self) -> int:
        """How much of the held text comes before anything that may be a mark."""
        if not self._spoke and not self._inside:
            # At the beginning, marks are words as well.
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

    def _mark_here(self, final: bool) -> _Mark | object | None:
        """The mark at the beginning of the held text; ``None`` where there is none."""
        if not _CAN_BEGIN_MARK.match(self._held):
            return None
        if self._inside:
            return self._mark_inside(final)
        if self._code.inside:
            return None
        return self._mark_outside(final)

    def _mark_inside(self, final: bool) -> _Mark | object | None:
        families = UNMISTAKABLE if self._implied else (*self._open, *UNMISTAKABLE)
        found = self._first([(each.closing, _Kind.CLOSING, each) for each in families], final)
        if isinstance(found, _Mark):
            return self._unless_quoted(found, final)
        if found is _UNDECIDED or (self._implied and self._inside_text.strip()):
            return found
        return self._first([(each.opening, _Kind.OPENING, each) for each in UNMISTAKABLE], final)

    def _unless_quoted(self, mark: _Mark, final: bool) -> _Mark | object | None:
        """A closing mark between two backticks is one that is thought about."""
        if not self._inside_text.endswith("`"):
            return mark
        if len(self._held) == mark.length:
            return mark if final else _UNDECIDED
        return None if self._held[mark.length] == "`" else mark

    def _mark_outside(self, final: bool) -> _Mark | object | None:
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
    ) -> _Mark | object | None:
        undecided = False
        for pattern, kind, family in patterns:
            found = pattern.match(self._held, partial=not final)
            if found is None:
                continue
            if not found.partial:
                return _Mark(kind, found.end(), family)
            undecided = True
        return _UNDECIDED if undecided else None

    def _pass(self, mark: _Mark) -> list[str]:
        """Go past a mark; gives a retraction where it comes to one."""
        text, self._held = self._held[: mark.length], self._held[mark.length :]
        match mark.kind:
            case _Kind.OPENING if mark.family is not None:
                self._open_thought(mark.family, text)
            case _Kind.CLOSING if mark.family is not None:
                return self._close_thought(mark.family)
            case _Kind.ANSWER:
                self._answer_tags += 1
            case _Kind.ANSWER_END:
                self._answer_tags -= 1
            case _:
                self.thought = self.thought or text.endswith("/>")
        return []

    def _open_thought(self, family: ThoughtTags, mark: str) -> None:
        self.thought = True
        self._implied = False
        if family.spoken:
            self._inside_text = mark
        if family not in self._open:
            self._open.append(family)

    def _close_thought(self, family: ThoughtTags) -> list[str]:
        if self._implied:
            self.began_inside = not self._separated
        elif self._open and self._open[0].spoken and family not in self._open:
            # What was opened by words is the beginning of a thought that no mark opened.
            self.began_inside = not self._separated
            self._open.clear()
        elif family in self._open:
            del self._open[self._open.index(family) :]
            if self._open:
                return []
        elif self._open:
            # Another family's mark closes nothing, unless no other one comes.
            self._stray = ""
            return []
        else:
            return self._retract()
        self.thought = True
        self._implied = False
        self._inside_text, self._stray = "", None
        return []

    def _retract(self) -> list[str]:
        """A closing mark that nothing opened."""
        if self.thought or self._separated or not self._spoke:
            self._left_over = self._spoke and not self.thought
            self.thought = True
            return []
        return self._begin_anew()

    def _begin_anew(self) -> list[str]:
        """What was said so far was a thought."""
        self.thought = self.began_inside = True
        self._spoke, self._line_start, self._code = False, True, CodeSpans()
        return [Retraction()]
