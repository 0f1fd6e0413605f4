"""Lines that begin with a speaker's name, as the model reads them in the conversation and then likes to write them."""

from __future__ import annotations

from collections.abc import Iterable

import regex

from bot.llm.speakers import Speakers

_LONGEST_QUOTE = 400
"""Characters of a first line under another's name that are held back until the next line tells whose it is."""
_ROLES = ("assistant",)
"""What models call whoever answers, besides the name."""


class NameFilter:
    """A :class:`~bot.llm.filters.chain.TextFilter` for the names before lines, "Seiyuu: Hello".

    - The own name is taken out, at the beginning and at every later line.
    - A line under another's name is theirs, and ends the reply. If the reply begins with one, it is the answer under
      the wrong name, and loses the name; unless a line under the own name follows: then that is the answer.
    - A list that a line with a colon at its end opens is left alone up to the next empty line: it may well list people.
    """

    def __init__(self, speakers: Speakers) -> None:
        self.ended = False
        self._own = frozenset(each.casefold() for name in (*speakers.own, *_ROLES) for each in _spellings(name))
        names = (*speakers.own, *_ROLES, *speakers.others)
        self._head, self._head_at_end = _head(names, "(?=[^*_:/])"), _head(names, "$")
        self._held = ""
        self._at_line_start = True
        self._skips_blanks = False
        self._spoke = False
        self._quote: str | None = None
        self._line_end = ""
        self._in_list = False

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece."""
        self._held += text
        return [*self._scan(final=False)]

    def finish(self) -> Iterable[str]:
        """The reply is over."""
        said = [*self._scan(final=True)]
        if not self.ended:
            said.append(self._release_quote())
        return said

    def _scan(self, *, final: bool) -> Iterable[str]:
        while self._held and not self.ended:
            if self._skips_blanks:
                self._held = self._held.lstrip(" \t" if self._spoke else None)
                self._skips_blanks = not self._held
            elif not self._at_line_start:
                yield self._say(self._take_line())
            elif (decided := self._line_begins(final)) is None:
                return
            else:
                yield decided

    def _line_begins(self, final: bool) -> str | None:
        """Decide about the beginning of a line; gives what can be said, ``None`` where that takes more text."""
        head = None if self._in_list else self._head.match(self._held, partial=not final)
        if head is None and final and not self._in_list:
            head = self._head_at_end.match(self._held)
        if head is not None and head.partial:
            return None
        if head is None:
            self._at_line_start = not self._held[0].strip()
            return self._say(self._take(1)) if self._at_line_start else self._release_quote()
        return self._line_of(head)

    def _line_of(self, head: regex.Match[str]) -> str:
        """A line under somebody's name."""
        if head["name"].casefold() in self._own:
            self._quote = None
        elif self._quote is not None:
            self.ended = True
            return self._release_quote()
        elif self._spoke:
            self.ended = True
            return ""
        else:
            self._quote = ""
        self._held = self._held[head.end() :]
        self._at_line_start, self._skips_blanks = False, True
        return ""

    def _take_line(self) -> str:
        """The held text up to the end of the line, or all of it."""
        text, line_end, _ = self._held.partition("\n")
        self._at_line_start = bool(line_end)
        return self._take(len(text) + len(line_end))

    def _take(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        self._follow(text)
        return text

    def _follow(self, text: str) -> None:
        """Keep in mind how the line ends."""
        for character in text:
            if character != "\n":
                self._line_end = character if character.strip() else self._line_end
                continue
            self._in_list = self._line_end in (":", "：") or (self._in_list and bool(self._line_end))
            self._line_end = ""

    def _say(self, text: str) -> str:
        if self._quote is None:
            self._spoke = self._spoke or bool(text.strip())
            return text
        self._quote += text
        return self._release_quote() if len(self._quote) > _LONGEST_QUOTE else ""

    def _release_quote(self) -> str:
        quote, self._quote = self._quote or "", None
        self._spoke = self._spoke or bool(quote.strip())
        return quote


def _head(names: Iterable[str], behind: str) -> regex.Pattern[str]:
    """A name at the beginning of a line with its colon, in the ways that models decorate it: "**Ada** (softly): "."""
    spelled = sorted({spelling for name in names for spelling in _spellings(name)}, key=len, reverse=True)
    either = "|".join(map(regex.escape, spelled))
    return regex.compile(
        rf"[ \t]*[*_\"“«\[(<]{{0,3}}(?P<name>{either})[*_\"”»\])>]{{0,3}}(?: ?\([^()\n]{{1,30}}\))?[*_]{{0,3}}"
        rf" ?[:：][*_\"”]{{0,3}}{behind}",
        regex.IGNORECASE,
    )


def _spellings(name: str) -> tuple[str, ...]:
    """The name, and the name without the signs around it that models leave out ("Ada 🌸")."""
    bare = regex.sub(r"^[\W_]+|[\W_]+$", "", name)
    return (name, bare) if bare else (name,)
