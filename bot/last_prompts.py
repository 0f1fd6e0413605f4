"""The last prompts: what the model's newest request held, for each place. In memory only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.llm.prompt_report import PromptReport

MAX_PLACES = 20
"""Number of places whose newest prompt is kept. If there are more, the prompt that was noted first is dropped."""


@dataclass(frozen=True, slots=True)
class NotedPrompt:
    """The newest prompt of a place.

    Attributes:
        at: when the request was made, in the people's time zone.
        kind: where it was made: "call" or "chat".
    """

    at: datetime
    kind: str
    report: PromptReport


class LastPrompts:
    """The newest prompt of each place. Use it only on the event loop.

    The id of a place is that of the Discord server, or of the channel of a private chat; 0 for the page, 1 for the
    telephone.

    Args:
        clock: returns the current time in the people's time zone.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._prompts: OrderedDict[int, NotedPrompt] = OrderedDict()

    def note(self, place: int, kind: str, report: PromptReport) -> None:
        """Note what a request holds. It replaces what was noted for the place before."""
        self._prompts.pop(place, None)
        self._prompts[place] = NotedPrompt(self._clock(), kind, report)
        while len(self._prompts) > MAX_PLACES:
            self._prompts.popitem(last=False)

    def newest(self, place: int | None = None) -> NotedPrompt | None:
        """The newest prompt of a place, or of all places; ``None`` if there is none."""
        if place is not None:
            return self._prompts.get(place)
        return next(reversed(self._prompts.values()), None)

    def forget(self, _: int) -> None:
        """Forget all prompts, because a person opted out whose words may be in any of them."""
        self.forget_all()

    def forget_all(self) -> None:
        """Forget all prompts."""
        self._prompts.clear()
