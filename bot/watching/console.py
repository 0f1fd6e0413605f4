"""The live console: who said what, the reply as it is spoken, a row of timings a turn."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from bot.voice.events import CallBegan, CallEnded, CallEvent, PromptTaken, RemarkHeard, ReplyEnded, Told, WordsSpoken
from bot.voice.metrics import STAGES, TurnTrace

_NOT_SHOWN = ("last_packet",)


class CallConsole:
    """A watcher that prints to a terminal, or plainly where there is none."""

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._speaking = False

    def __call__(self, event: CallEvent) -> None:
        """Print one event."""
        match event:
            case CallBegan(channel, encrypted):
                lock = "end-to-end encrypted (DAVE)" if encrypted else "not end-to-end encrypted"
                self.note(f"📞 {self._name} is in {channel}, {lock}")
            case CallEnded(channel, cause):
                self.note(f"📞 {self._name} has left {channel} ({cause})")
            case PromptTaken(_, author, text):
                self._line(Text.assemble((f"{author:>10} ", "bold cyan"), text))
            case RemarkHeard(_, author, text, addressed) if not addressed:
                self._line(Text.assemble((f"{author:>10} ", "cyan"), (f"{text}  (not to me)", "dim")))
            case WordsSpoken(_, text):
                self._spoken(text)
            case ReplyEnded(trace):
                self._timings(trace)
            case Told(text):
                self._line(Text.assemble((f"{'(written)':>10} ", "bold yellow"), text))

    def note(self, text: str) -> None:
        """Print a remark of the program's own."""
        self._break()
        self._console.print(escape(text), style="bold")

    def _spoken(self, text: str) -> None:
        if not self._speaking:
            self._console.print(Text(f"{self._name:>10} ", "bold magenta"), end="")
            self._speaking = True
        self._console.print(Text(text), end="", soft_wrap=True)

    def _timings(self, trace: TurnTrace) -> None:
        self._break()
        stages = [
            f"{name} {value:.0f} ms"
            for stage, name in STAGES.items()
            if stage not in _NOT_SHOWN and (value := getattr(trace, stage)) is not None
        ]
        microphone = [trace.microphone] if trace.microphone else []
        row = " · ".join([*microphone, *stages, f"{trace.audio / 1000:.1f} s spoken", trace.outcome.value])
        self._console.print(f"{'':>10} ⏱  {row}", style="dim", highlight=False)

    def _line(self, text: Text) -> None:
        self._break()
        self._console.print(text, soft_wrap=True)

    def _break(self) -> None:
        if self._speaking:
            self._console.print()
            self._speaking = False
