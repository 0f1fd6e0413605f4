"""A meter for tests: it notes what is counted, and refuses paid work once a test says that the limits are reached."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.metering import Account, Paid


@dataclass
class NotingMeter:
    """A :class:`~bot.metering.Meter`.

    Attributes:
        used: the share of each day's limit that is used up: from 1, paid work is refused; from 0.8, work in advance.
        asked: what was counted of model servers: account, server, tokens of prompt and answer, and whether it is paid.
        sound: what was counted of voices and recognisers: account, server, seconds, and whether it is paid.
    """

    used: float = 0.0
    asked: list[tuple[Account, str, int, int, bool]] = field(default_factory=list)
    sound: list[tuple[Account, str, float, bool]] = field(default_factory=list)

    def tokens(self, account: Account, server: str, prompt: int, answer: int, *, paid: bool) -> None:
        self.asked.append((account, server, prompt, answer, paid))

    def spoken(self, account: Account, server: str, seconds: float, *, paid: bool) -> None:
        self.sound.append((account, server, seconds, paid))

    def heard(self, account: Account, server: str, seconds: float, *, paid: bool) -> None:
        self.sound.append((account, server, seconds, paid))

    def refusal(self, paid: Paid, *, guess: bool = False) -> str | None:
        return "Today's limit is reached." if self.used >= (0.8 if guess else 1.0) else None
