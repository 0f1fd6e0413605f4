"""How the clients of engines report what is used: the account of each use, and the meter that counts it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

THE_BOT = -1
"""Place of what the bot does for nobody in particular, such as its warm-up."""
DIRECT_MESSAGES = 2
"""Place of direct messages, beside the page (0), the telephone (1) and Discord's servers."""


@dataclass(frozen=True, slots=True)
class Account:
    """The place and the person for whom an engine works.

    Attributes:
        place: id of the Discord server, or of another place where calls and chats are.
        person: user id; ``None`` for nobody in particular.
    """

    place: int = THE_BOT
    person: int | None = None


OWN = "the bot's own"
"""Shown in place of the name of a server that the bot itself runs, on another port at each start."""
NOBODY = Account()
"""The account of the bot's own work."""


class Paid(Enum):
    """A kind of use that may cost money. Each kind has a limit for a day."""

    TOKENS = auto()
    """Tokens of model servers."""
    SPEECH = auto()
    """Sound that speech servers make, and sound that is sent to recognisers."""


class Meter(Protocol):
    """Counts what is used. ``server`` is a server's shown name, without keys; ``paid`` says whether it costs money.

    Clients call :meth:`refusal` before each request to a server that costs money.

    :class:`~bot.usage.usage.Usage` implements this protocol.
    """

    def tokens(self, account: Account, server: str, prompt: int, answer: int, *, paid: bool) -> None:
        """Count a request to a model server, by its tokens."""
        ...

    def spoken(self, account: Account, server: str, seconds: float, *, paid: bool) -> None:
        """Count sound that a speech server has made."""
        ...

    def heard(self, account: Account, server: str, seconds: float, *, paid: bool) -> None:
        """Count sound that was sent to a recogniser."""
        ...

    def refusal(self, paid: Paid, *, guess: bool = False) -> str | None:
        """A sentence for people: why servers that cost money get no new requests today; ``None`` if they do get them.

        Args:
            guess: whether the work is done in advance, and may be in vain.
        """
        ...


class Unmetered:
    """A :class:`Meter` that counts and refuses nothing: for checks and tests."""

    def tokens(self, account: Account, server: str, prompt: int, answer: int, *, paid: bool) -> None:
        """Do nothing."""

    def spoken(self, account: Account, server: str, seconds: float, *, paid: bool) -> None:
        """Do nothing."""

    def heard(self, account: Account, server: str, seconds: float, *, paid: bool) -> None:
        """Do nothing."""

    def refusal(self, paid: Paid, *, guess: bool = False) -> str | None:
        """Nothing is refused."""
        return None


UNMETERED = Unmetered()
