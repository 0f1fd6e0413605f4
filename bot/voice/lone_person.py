"""A person who is alone with the bot in a call: in a browser, or on the telephone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from bot.voice.utterances.voice_commands import VoiceCommand


class LonePerson(ABC):
    """What the :class:`~bot.voice.transport.People` of calls with one person have in common.

    The operator has let the person in, so the person may give every spoken command.

    Args:
        admits: tells whether the bot answers a person, by id.
        interrupts: whether the person may interrupt the bot.

    Attributes:
        person: the person's id. Other threads may read it.
    """

    person: int

    def __init__(self, admits: Callable[[int], bool], interrupts: bool) -> None:
        self._admits = admits
        self._interrupts = interrupts

    @property
    def alone(self) -> bool:
        """False: the transport ends the call when the person is gone."""
        return False

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The name of the person."""

    def attending(self) -> Mapping[int, str]:
        """Empty: the person does not come and go."""
        return {}

    def others(self, person: int) -> tuple[str, ...]:
        """The names of everybody but ``person``."""
        return () if person == self.person else self.names()

    def hears(self, person: int) -> bool:
        """True if this is the person."""
        return person == self.person

    def is_program(self, person: int) -> bool:
        """False. May be called from any thread."""
        return False

    def may_talk(self, person: int) -> bool:
        """Whether the bot answers this person."""
        return self._admits(person)

    def may_interrupt(self, person: int, answered: int | None) -> bool:
        """Whether the bot falls silent when this person speaks."""
        return self._interrupts and self.may_talk(person)

    def refusal(self, person: int, command: VoiceCommand) -> str | None:
        """``None``: the person may give every spoken command."""
        return None
