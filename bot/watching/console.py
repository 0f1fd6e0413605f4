"""The live console: prints what people say, each reply as it is played, and a line of timings for each reply."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from bot.voice.events import (
    CallBegan,
    CallEnded,
    CallEvent,
    NoticePosted,
    PromptTaken,
    ReplyEnded,
    UtteranceHeard,
    WebReady,
    WordsSpoken,
)
from bot.voice.metrics import STAGES, ReplyTrace
from bot.voice.transport import EndCause
from bot.voice.turn import Microphone, Outcome
from config.control_characters import indent_further_lines, visible_controls
from config.json_log import short_id

PAGE = "Page: "
"""Begins the line with the page's address, for which other programs wait."""
_DISCORD = "discord"
"""The transport whose calls are encrypted end to end as soon as the bot has the key."""
_BROWSER = "browser"
"""The transport whose calls all have the same place. Such a call is named after its people."""
_PHONE = "phone"
"""The transport of a call in which nobody can read what the bot writes."""
_NOT_SHOWN = ("last_packet",)
"""Stages of a trace that are not printed."""
_MARGIN = 11
"""Width of the column for the speaker's name in front of the text, in characters."""
_LONGEST_NAME = 20
"""Longest name of a call in front of a line, in characters. A longer one is cut."""
_MARKDOWN = re.compile(r"\\([^\w\s]|_)|\*\*|__|~~|\|\||`|(?<!\w)[*_]|[*_](?!\w)|^(?:>|#{1,3}|-#) ", re.MULTILINE)
"""Discord's markdown. An escaped character is the only group: it is shown."""


@dataclass(slots=True)
class _ShownCall:
    """What the console knows of a call.

    Attributes:
        mark: names the call in each of its lines, with a blank at the end; empty if only one call may be on.
        on_phone: whether nobody in the call can read.
        said: the words of the reply that are printed already.
        clause: the words of the reply's segment that is being played.
    """

    mark: str = ""
    on_phone: bool = False
    said: list[str] = field(default_factory=list)
    clause: list[str] = field(default_factory=list)


class CallConsole:
    """A watcher that prints events. On a terminal, lines are wrapped between words.

    A segment of a reply is printed after it was played, so only the played part of an interrupted reply is shown.

    Args:
        console: prints.
        name: the bot's name.
        several_calls: whether several calls may be on at once. If so, each line names its call.
        prefix: the prefix of the bot's commands.
    """

    def __init__(self, console: Console, name: str, *, several_calls: bool = False, prefix: str = "!") -> None:
        self._console = console
        self.name = name
        self._several_calls = several_calls
        self._prefix = prefix
        self._column = 0
        self._begun = False
        self._calls: dict[str, _ShownCall] = {}
        self._speaking: _ShownCall | None = None

    def __call__(self, event: CallEvent) -> None:
        """Print one event."""
        call = self._calls.setdefault(event.call, _ShownCall(self._mark_of(event)))
        match event:
            case WebReady(url):
                self.note(f"{PAGE}{url}")
            case CallBegan(transport, place, encrypted):
                call.mark, call.on_phone = self._mark_of(event), transport == _PHONE
                self.note(f"📞 {call.mark}{self.name} is in {place}{_encryption(transport, encrypted=encrypted)}")
            case CallEnded(place, cause):
                del self._calls[event.call]
                if place:
                    why = f"{self._prefix}leave" if cause == EndCause.COMMAND else cause
                    self.note(f"📞 {call.mark}{self.name} has left {place} ({why})")
            case PromptTaken(_, author, text, recited, late=late):
                call.said, call.clause = [], []
                if not recited and not late:
                    self._line(call, author, "bold cyan", text)
            case UtteranceHeard(_, author, text, addressed) if not addressed:
                self._line(call, author, "cyan", f"{text}  (not to me)", "dim")
            case WordsSpoken(_, text):
                self._heard(call, call.clause)
                call.clause = text.split()
            case ReplyEnded(trace, heard):
                if event.interrupted:
                    self._heard(call, _rest_of(heard, call.said))
                elif heard or trace.outcome is Outcome.SPOKEN:
                    self._heard(call, call.clause)
                call.said, call.clause = [], []
                self._timings(call, trace)
            case NoticePosted(text):
                self._show_notice(call, text, "not heard" if call.on_phone else "written")

    def _mark_of(self, event: CallEvent) -> str:
        """The mark of the event's call: the call's name and id. Only :class:`CallBegan` has the name."""
        if not self._several_calls or not event.call:
            return ""
        names: tuple[str, ...] = ()
        if isinstance(event, CallBegan):
            names = event.people if event.transport == _BROWSER else (event.place,)
        name = " ".join(" ".join(names).split())
        if len(name) > _LONGEST_NAME:
            name = f"{name[: _LONGEST_NAME - 1]}…"
        return f"[{f'{name} {short_id(event.call)}'.strip()}] "

    def note(self, text: str) -> None:
        """Print a message of the program itself."""
        self.break_line()
        self._words(indent_further_lines(text, "  "), "bold", margin=0)
        self.break_line()

    def show_written(self, text: str) -> None:
        """Print a message that the bot has written on Discord, without markdown."""
        self._show_notice(_ShownCall(), text, "written")

    def show_private(self, text: str) -> None:
        """Print a direct message of the bot, without markdown."""
        self._show_notice(_ShownCall(), text, "to you alone")

    def _show_notice(self, call: _ShownCall, text: str, remark: str) -> None:
        first, *others = without_markdown(text).splitlines() or [""]
        self._line(call, self.name, "bold yellow", f"({remark}) {first}")
        for line in others:
            self._line(call, "", "", line)

    def ask(self, prompt: str) -> None:
        """Print a prompt for input. The next output begins a new line."""
        self.break_line()
        self._print(prompt, "bold cyan")

    def end_input_line(self) -> None:
        """Record that the user has ended the input line."""
        self._column = 0

    def break_line(self) -> None:
        """End an unfinished line, so that other output begins on a new line."""
        if self._column:
            self._console.print()
            self._column = 0

    def _heard(self, call: _ShownCall, words: list[str]) -> None:
        if not words:
            return
        if call is not self._speaking:
            self.break_line()
        if not self._column:
            self._begin(call, self.name, "bold magenta")
        self._speaking = call
        self._words(" ".join(words))
        call.said += words

    def _timings(self, call: _ShownCall, trace: ReplyTrace) -> None:
        self.break_line()
        stages = [
            f"{name} {value:.0f} ms"
            for stage, name in STAGES.items()
            if stage not in _NOT_SHOWN and (value := getattr(trace, stage)) is not None
        ]
        known = trace.microphone and trace.microphone != Microphone.UNKNOWN.value
        microphone = [f"microphone: {trace.microphone}"] if known else []
        row = " · ".join([*microphone, *stages, f"{trace.audio / 1000:.1f} s spoken", trace.outcome.value])
        self._begin(call, "", "")
        self._words(f"⏱  {row}", "dim")
        self.break_line()

    def _line(self, call: _ShownCall, who: str, style: str, text: str, words_style: str = "") -> None:
        self.break_line()
        self._begin(call, " ".join(who.splitlines()), style)
        self._words(" ".join(text.splitlines()), words_style)
        self.break_line()

    def _begin(self, call: _ShownCall, who: str, style: str) -> None:
        # Lines of the log begin at the left edge. A blank comes first here, so that no name can look like such a line.
        self._print(f" {call.mark}", "dim")
        self._print(f"{who:>{_MARGIN - 2}} ", style)
        self._begun = True

    def _words(self, text: str, style: str = "", *, margin: int = _MARGIN) -> None:
        """Print words in the current line. At the end of the terminal's line, continue in the next one, indented."""
        for word in text.split(" "):
            blank = "" if self._column == 0 or self._begun else " "
            self._begun = False
            if self._fits(blank + word) or self._column <= margin:
                self._print(blank + word, style)
            else:
                self._console.print()
                self._column = 0
                self._print(" " * margin + word, style)

    def _fits(self, text: str) -> bool:
        return not self._console.is_terminal or self._column + cell_len(text) <= self._console.width

    def _print(self, text: str, style: str) -> None:
        self._console.print(Text(visible_controls(text), Style.parse(style)), end="", soft_wrap=True)
        self._column += cell_len(text)


def without_markdown(text: str) -> str:
    """The text without Discord's markdown."""
    return _MARKDOWN.sub(r"\1", text)


def _rest_of(heard: str, said: list[str]) -> list[str]:
    """The words that were played and are not printed yet."""
    words = heard.split()
    return words[len(said) :] if words[: len(said)] == said else []


def _encryption(transport: str, *, encrypted: bool) -> str:
    """The last words of a line: whether a call is encrypted end to end. Only calls on Discord have that encryption."""
    if encrypted:
        return ", end-to-end encrypted (DAVE)"
    return ", not end-to-end encrypted yet" if transport == _DISCORD else ""
