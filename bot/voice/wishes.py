"""What a program wants of the bot's next replies: instructions, another voice or another speed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wire.parameters import SpeechParameters


@dataclass(frozen=True, slots=True)
class Wishes:
    """The wishes that hold now, until the program sends others.

    Attributes:
        instructions: a text for the model, which comes after the rules for its answers; empty for none.
        voice: the name of a voice on the speech server; ``None`` for the one that was chosen for the place of the call.
        speed: speaking speed as a factor, 0.5 to 2; ``None`` for the usual one.
    """

    instructions: str = ""
    voice: str | None = None
    speed: float | None = None

    def manner(self, usual: SpeechParameters) -> SpeechParameters:
        """The usual speech parameters, in which the voice and the speed are replaced as wished."""
        voice, speed = self.voice or usual.voice, usual.speed if self.speed is None else self.speed
        return replace(usual, voice=voice, speed=speed)


NO_WISHES = Wishes()
