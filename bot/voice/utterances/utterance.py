"""What somebody said aloud, and what it is to the bot."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.voice.utterances.voice_commands import VoiceCommand


class UtteranceKind(StrEnum):
    """What an utterance is to the bot."""

    NOTHING = "nothing"
    """There are no words in it."""
    ECHO = "echo"
    """The bot's own words, back from somebody's loudspeakers."""
    BACKCHANNEL = "backchannel"
    """A listener's "mhm": neither an interruption nor a question."""
    IGNORED = "ignored"
    """Said by somebody who is not answered; the next answer does not know of it either."""
    COMMAND = "command"
    OVERHEARD = "overheard"
    """Meant for others; worth knowing all the same."""
    ADDRESSED = "addressed"


@dataclass(frozen=True, slots=True)
class Utterance:
    """The words of a turn, or of as much of it as there is.

    ``interrupting``: it began while the bot was answering, however late its words are known, and whether or not the
    person may end that answer. ``may_be_echo``: its sound may be the bot's own voice.
    """

    person: int
    text: str
    interrupting: bool
    may_be_echo: bool = True


@dataclass(frozen=True, slots=True)
class Classification:
    """What an utterance is; ``command`` goes with :attr:`UtteranceKind.COMMAND`, and ``choice`` is what it asks for."""

    kind: UtteranceKind
    command: VoiceCommand | None = None
    choice: str = ""


@dataclass(frozen=True, slots=True)
class SpokenCommand:
    """A command that was said aloud.

    ``before`` is what the person, called ``author``, had said last before it; ``choice`` is the mood or the
    persona that is asked for.
    """

    command: VoiceCommand
    person: int
    author: str
    before: str | None
    choice: str = ""
