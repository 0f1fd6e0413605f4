"""Removes speakers' names at the start of lines. Models write them, because a prompt's lines begin with names."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import regex

from bot.llm.messages import SpeakerNames

_MAX_QUOTE = 400
"""If a reply begins with another person's name, at most this many characters are withheld while the filter waits for a
line with the persona's own name."""
_ROLES = ("assistant",)
"""Names that models write before their answer, besides the persona's names."""
_Heads = tuple[regex.Pattern[str], regex.Pattern[str]]


class NameFilter:
    """Removes names at the start of lines, as in "Seiyuu: Hello". A :class:`~bot.llm.filters.chain.TextFilter`.

    - The persona's own name is removed from the beginning of every line.
    - A line with another person's name ends the reply, because the model has begun to write that person's words.
    - If the reply begins with another person's name, there are two cases. If a line with the persona's own name
      follows, the model has quoted that person, and the answer begins there. Otherwise the model used the wrong name,
      and only the name is removed. The text is withheld until it is clear which case it is. With
      ``quotes_people=False`` it is always the second case, and nothing is withheld.
    - After a line that ends with a colon, lines stay unchanged up to the next empty line: they may be a list of people.
    """

    def __init__(self, speakers: SpeakerNames, *, quotes_people: bool = True) -> None:
        self.ended = False
        self._quotes_people = quotes_people
        own = _own_names(speakers)
        self._own = frozenset(each.casefold() for name in own for each in _spellings(name))
        self._heads, self._own_heads = _patterns(speakers)
        self._held = ""
        """Withheld text, whose beginning may be a name."""
        self._at_line_start = True
        self._skips_spaces = False
        """Whether white space is being skipped after a removed name."""
        self._spoke = False
        """Whether text was let through."""
        self._after_head = False
        """Whether a name was just removed, so that a second own name may follow."""
        self._quote: str | None = None
        """Withheld lines with another person's name at the beginning of the reply; ``None`` if there are none."""
        self._others = 0
        """Number of characters in further lines with other people's names."""
        self._drops_lines = False
        """Whether lines are dropped, because another name followed the withheld lines."""
        self._line_end = ""
        """Last character of the current line that is not white space."""
        self._in_list = False
        """Whether the lines may be a list of people."""

    @property
    def holds(self) -> bool:
        """Whether text is withheld that may still be let through."""
        return bool(self._held or self._quote)

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece; returns the text that is ready."""
        self._held += text
        return [*self._scan(final=False)]

    def finish(self) -> Iterable[str]:
        """End the reply; returns the rest of its text."""
        said = [*self._scan(final=True)]
        if not self.ended:
            said.append(self._release_quote())
        return said

    def _scan(self, *, final: bool) -> Iterable[str]:
        while self._held and not self.ended:
            if self._skips_spaces:
                self._held = self._held.lstrip(" \t" if self._spoke else None)
                self._skips_spaces = not self._held
            elif not self._at_line_start:
                yield self._say(self._take_line())
            elif (decided := self._line_begins(final)) is None:
                return
            else:
                yield decided

    def _line_begins(self, final: bool) -> str | None:
        """Decide whether the line begins with a name. Returns text to let through; ``None`` to wait for more."""
        anywhere, at_end = self._own_heads if self._after_head else self._heads
        head = None if self._in_list else anywhere.match(self._held, partial=not final)
        if head is None and final and not self._in_list:
            head = at_end.match(self._held)
        if head is not None and head.partial:
            return None
        if head is not None:
            return self._line_of(head)
        if self._after_head:
            # This is the rest of a line whose name was removed. No second name follows.
            self._at_line_start = self._after_head = False
            return ""
        self._at_line_start = not self._held[0].strip()
        if self._at_line_start:
            return self._say(self._take(1))
        return "" if self._drops_lines else self._release_quote()

    def _line_of(self, head: regex.Match[str]) -> str:
        """Handle a line that begins with a name."""
        if head["name"].casefold() in self._own:
            self._quote, self._drops_lines = None, False
        elif self._quote is not None:
            self._drops_lines = True
        elif self._spoke:
            self.ended = True
            return ""
        elif self._quotes_people:
            self._quote = ""
        self._held = self._held[head.end() :]
        self._after_head = self._skips_spaces = True
        return ""

    def _take_line(self) -> str:
        """Take the withheld text up to the end of the line, or all of it."""
        text, line_end, _ = self._held.partition("\n")
        self._at_line_start = bool(line_end)
        return self._take(len(text) + len(line_end))

    def _take(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        self._note_line_ends(text)
        return text

    def _note_line_ends(self, text: str) -> None:
        """Note how each line ends, to recognize lists."""
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
        if self._drops_lines:
            self._others += len(text)
            self.ended = len(self._quote) + self._others > _MAX_QUOTE
            return self._release_quote() if self.ended else ""
        self._quote += text
        return self._release_quote() if len(self._quote) > _MAX_QUOTE else ""

    def _release_quote(self) -> str:
        quote, self._quote = self._quote or "", None
        self._spoke = self._spoke or bool(quote.strip())
        return quote


def prepare_names(speakers: SpeakerNames) -> None:
    """Compile the patterns of these names, so that a filter for them can be made at once.

    Blocks for up to 20 ms: call it in a thread.
    """
    _patterns(speakers)


def _own_names(speakers: SpeakerNames) -> tuple[str, ...]:
    return (*speakers.own, *_ROLES)


def _patterns(speakers: SpeakerNames) -> tuple[_Heads, _Heads]:
    """The patterns for all names, and those for the bot's own names. The order of the names makes no difference."""
    own = _own_names(speakers)
    return _heads(own, tuple(sorted(speakers.others))), _heads(own, ())


# The patterns are cached, because most replies have the same names.
@lru_cache(maxsize=16)
def _heads(own: tuple[str, ...], others: tuple[str, ...]) -> _Heads:
    """Patterns for a name at the start of a line: one for the middle of a reply, and one for its very end."""
    return _head(own, others, "(?=[^*_:/])"), _head(own, others, "$")


def _head(own: Iterable[str], others: Iterable[str], lookahead: str) -> regex.Pattern[str]:
    """A pattern for a name and its colon at the beginning of a line, with decorations such as "**Ada** (softly): ".

    A name in the brackets of a chat log needs no colon. A name after "@" is matched only if it is an own name. Another
    person's name after "@" is the person to whom the line is addressed.

    Args:
        lookahead: pattern for the text after the colon.
    """
    ours, either = _either(own), _either((*own, *others))
    time = r"(?:[\[(]\d{1,2}:\d\d(?::\d\d)?(?: ?[ap]m)?[\])] ?)?"
    return regex.compile(
        rf"[ \t]*{time}(?:\#{{1,4}} |@(?={ours}))?"
        rf"(?:[*_\"“«\[(<]{{0,3}}(?P<name>{either})[*_\"”»\])>]{{0,3}}(?: ?\([^()\n]{{1,30}}\))?[*_]{{0,3}}"
        rf" ?[:：][*_\"”]{{0,3}}{lookahead}"
        rf"|(?:<(?P<name>{either})>|\[(?P<name>{either})\])[ \t]+(?=\S))",
        regex.IGNORECASE,
    )


def _either(names: Iterable[str]) -> str:
    spelled = sorted({spelling for name in names for spelling in _spellings(name)}, key=len, reverse=True)
    return "|".join(map(regex.escape, spelled))


def _spellings(name: str) -> tuple[str, ...]:
    """The name as it is, and without the symbols around it that models leave out ("Ada 🌸")."""
    bare = regex.sub(r"^[\W_]+|[\W_]+$", "", name)
    return (name, bare) if bare else (name,)
