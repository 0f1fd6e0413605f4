"""The live console: prints what people say, each reply as it is played, and a line of timings per turn."""

from __future__ import annotations

import re

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
from bot.voice.turn import Microphone, Outcome
from config.control_characters import indent_further_lines, visible_controls

PAGE = "Page: "
"""Begins the line with the page's address, for which other programs wait."""
_DISCORD = "discord"
"""The transport whose calls are encrypted end to end as soon as the bot has the key."""
_PHONE = "phone"
"""The transport of a call in which nobody can read what the bot writes."""
_NOT_SHOWN = ("last_packet",)
"""Stages of a trace that are not printed."""
_MARGIN = 11
"""Width of the column for the speaker's name in front of the text, in characters."""
_MARKDOWN = re.compile(r"\*\*|__|~~|\|\||`|(?<!\w)[*_]|[*_](?!\w)|\\(?=[^\w\s])|^(?:>|#{1,3}|-#) ", re.MULTILINE)


class CallConsole:
    """A watcher that prints events. On a terminal, lines are wrapped between words.

    A segment of a reply is printed after it was played, so only the played part of an interrupted reply is shown.
    """

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self.name = name
        self._column = 0
        self._begun = False
        self._said: list[str] = []
        self._clause: list[str] = []
        self._on_phone = False

    def __call__(self, event: CallEvent) -> None:
        """Print one event."""
        match event:
            case WebReady(url):
                self.note(f"{PAGE}{url}")
            case CallBegan(transport, place, encrypted):
                self._on_phone = transport == _PHONE
                self.note(f"📞 {self.name} is in {place}{_encryption(transport, encrypted=encrypted)}")
            case CallEnded(place, cause) if place:
                self.note(f"📞 {self.name} has left {place} ({cause})")
            case PromptTaken(_, author, text, recited, late=late):
                self._said, self._clause = [], []
                if not recited and not late:
                    self._line(author, "bold cyan", text)
            case UtteranceHeard(_, author, text, addressed) if not addressed:
                self._line(author, "cyan", f"{text}  (not to me)", "dim")
            case WordsSpoken(_, text):
                self._heard(self._clause)
                self._clause = text.split()
            case ReplyEnded(trace, heard):
                if event.interrupted:
                    self._heard(self._rest_of(heard))
                elif heard or trace.outcome is Outcome.SPOKEN:
                    self._heard(self._clause)
                self._said, self._clause = [], []
                self._timings(trace)
            case NoticePosted(text):
                self._show_notice(text, "not heard" if self._on_phone else "written")

    def note(self, text: str) -> None:
        """Print a message of the program itself."""
        self.break_line()
        self._words(indent_further_lines(text, "  "), "bold", margin=0)
        self.break_line()

    def show_written(self, text: str) -> None:
        """Print a message that the bot has written on Discord, without markdown."""
        self._show_notice(text, "written")

    def _show_notice(self, text: str, remark: str) -> None:
        first, *others = without_markdown(text).splitlines() or [""]
        self._line(self.name, "bold yellow", f"({remark}) {first}")
        for line in others:
            self._line("", "", line)

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

    def _heard(self, words: list[str]) -> None:
        if not words:
            return
        if not self._column:
            self._begin(self.name, "bold magenta")
        self._words(" ".join(words))
        self._said += words

    def _rest_of(self, heard: str) -> list[str]:
        """The words that were played and are not printed yet."""
        words = heard.split()
        return words[len(self._said) :] if words[: len(self._said)] == self._said else []

    def _timings(self, trace: ReplyTrace) -> None:
        self.break_line()
        stages = [
            f"{name} {value:.0f} ms"
            for stage, name in STAGES.items()
            if stage not in _NOT_SHOWN and (value := getattr(trace, stage)) is not None
        ]
        known = trace.microphone and trace.microphone != Microphone.UNKNOWN.value
        microphone = [f"microphone: {trace.microphone}"] if known else []
        row = " · ".join([*microphone, *stages, f"{trace.audio / 1000:.1f} s spoken", trace.outcome.value])
        self._begin("", "")
        self._words(f"⏱  {row}", "dim")
        self.break_line()

    def _line(self, who: str, style: str, text: str, words_style: str = "") -> None:
        self.break_line()
        self._begin(" ".join(who.splitlines()), style)
        self._words(" ".join(text.splitlines()), words_style)
        self.break_line()

    def _begin(self, who: str, style: str) -> None:
        # Lines of the log begin at the left edge. No name can look like one.
        self._print(f" {who:>{_MARGIN - 2}} ", style)
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
    return _MARKDOWN.sub("", text)


def _encryption(transport: str, *, encrypted: bool) -> str:
    """How a call is encrypted end to end, as the end of a line. Only calls on Discord have that encryption."""
    if encrypted:
        return ", end-to-end encrypted (DAVE)"
    return ", not end-to-end encrypted yet" if transport == _DISCORD else ""
