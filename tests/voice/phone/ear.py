"""Listens to a phone line in place of the bot."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.voice.phone.line import LineEnd


@dataclass
class Ear:
    """A :class:`~bot.voice.phone.line.LineListener` that notes all that the line passes to it.

    Attributes:
        passed: the sound in its order. A number stands for that many lost samples, and ``b""`` for a sign of life.
        ends: why the line has ended, each time that it says so.
    """

    passed: list[bytes | int] = field(default_factory=list)
    digits: str = ""
    ends: list[LineEnd] = field(default_factory=list)

    def sound(self, data: bytes, at: float) -> None:
        self.passed.append(data)

    def gap(self, samples: int, at: float) -> None:
        self.passed.append(samples)

    def digit(self, digit: str) -> None:
        self.digits += digit

    def ended(self, cause: LineEnd) -> None:
        self.ends.append(cause)

    @property
    def sounds(self) -> list[bytes]:
        return [each for each in self.passed if isinstance(each, bytes) and each]

    @property
    def data(self) -> bytes:
        """All sound, without its gaps."""
        return b"".join(self.sounds)

    @property
    def gaps(self) -> list[int]:
        return [each for each in self.passed if isinstance(each, int)]

    @property
    def signs_of_life(self) -> int:
        return self.passed.count(b"")
