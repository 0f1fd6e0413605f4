"""``answers.json`` beside a recording: the bot's answers and their positions in ``bot.wav``.

With it, a better voice can speak the answers again later.
"""

from __future__ import annotations

import wave
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, TypeAdapter, ValidationError

from audio.pcm import SAMPLE_BYTES
from audio.samples import SPEAKING_RATE
from audio.wav import HEADER_BYTES
from wire.parameters import SpeechParameters

RECORDINGS_DIR = "recordings"
BOT_FILE = "bot.wav"
ANSWERS_FILE = "answers.json"
NEW_ANSWERS_FILE = f"{ANSWERS_FILE}.new"
"""The file while it is being written. If the process dies meanwhile, it stays."""


class RecordedAnswersError(ValueError):
    """The answers of a recording can't be used. The text says why."""


@dataclass(frozen=True, slots=True)
class Span:
    """A range of samples in a file, from ``start`` (included) to ``end`` (excluded)."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """One answer in the bot's file.

    Attributes:
        spans: the positions of the answer's sound; more than one if the answer was paused.
        text: the text that people heard; empty if the answer must not be spoken again.
        interrupted: whether the answer was interrupted.
        person: id of the person who was answered, whose words were read aloud, or to whom the bot said a text of its
            own; ``None`` if there is nobody, and in older files.
        named: ids of the people in the call whose names are in the text.
    """

    spans: Annotated[tuple[Span, ...], Field(min_length=1)]
    text: str = ""
    interrupted: bool = False
    parameters: SpeechParameters = field(default_factory=SpeechParameters)
    person: int | None = None
    named: tuple[int, ...] = ()


Concerns = Callable[[RecordedAnswer], bool]
"""Says whether the text of an answer is to be deleted."""


@dataclass(frozen=True, slots=True)
class RecordedAnswers:
    """The answers in a recording's ``bot.wav``, in order.

    Attributes:
        channel: the id of the channel where the bot posts that the answers were spoken again.
        samples: the number of samples in the file. If the number differs, the answers belong to another file.
    """

    channel: int
    samples: int
    answers: tuple[RecordedAnswer, ...]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the answers of a recording. Blocks on the disk.

        Raises:
            RecordedAnswersError: they can't be read, are not valid, or do not belong to this ``bot.wav``.
        """
        try:
            answers = TypeAdapter(cls).validate_json((folder / ANSWERS_FILE).read_bytes())
        except ValidationError as error:
            raise RecordedAnswersError(f"{ANSWERS_FILE} is malformed ({error.error_count()} faults)") from error
        except OSError as error:
            raise RecordedAnswersError(f"{ANSWERS_FILE}: {error}") from error
        if recorded_samples(folder) != answers.samples or not answers._fit():
            raise RecordedAnswersError(f"{ANSWERS_FILE} does not belong to this {BOT_FILE}")
        return answers

    def texts_of(self, concerns: Concerns) -> list[str]:
        """The texts for which ``concerns`` is true."""
        return [answer.text for answer in self.answers if answer.text and concerns(answer)]

    def forget(self, folder: Path, concerns: Concerns) -> None:
        """Delete the texts for which ``concerns`` is true from the file in the folder of the recording. The other
        answers can still be spoken again; without any, the file is deleted. Blocks on the disk.

        Raises:
            OSError: the file can't be written.
        """
        left = [RecordedAnswer(each.spans) if concerns(each) else each for each in self.answers]
        if any(answer.text for answer in left):
            replace(self, answers=tuple(left)).write(folder)
        else:
            remove_answers(folder)

    def _fit(self) -> bool:
        spans = [Span(0, 0), *(span for answer in self.answers for span in answer.spans)]
        in_order = all(before.end <= after.start < after.end for before, after in pairwise(spans))
        return in_order and spans[-1].end <= self.samples

    def write(self, folder: Path) -> None:
        """Write the answers into the folder of a recording, and replace an older file. Blocks on the disk.

        Raises:
            OSError: they can't be written. An older file stays as it was.
        """
        new = folder / NEW_ANSWERS_FILE
        try:
            new.write_bytes(TypeAdapter(type(self)).dump_json(self))
            new.replace(folder / ANSWERS_FILE)
        finally:
            new.unlink(missing_ok=True)


def remove_answers(folder: Path) -> None:
    """Delete the answers in the folder of a recording. Blocks on the disk.

    Raises:
        OSError: they can't be deleted.
    """
    (folder / ANSWERS_FILE).unlink(missing_ok=True)
    (folder / NEW_ANSWERS_FILE).unlink(missing_ok=True)


def recorded_samples(folder: Path) -> int:
    """The number of samples in ``bot.wav``. Blocks on the disk.

    Raises:
        RecordedAnswersError: the file can't be read, or has another format.
    """
    path = folder / BOT_FILE
    try:
        with wave.open(str(path), "rb") as file:
            shape, samples = (file.getframerate(), file.getnchannels(), file.getsampwidth()), file.getnframes()
        if shape == (SPEAKING_RATE, 1, SAMPLE_BYTES) and path.stat().st_size == HEADER_BYTES + samples * SAMPLE_BYTES:
            return samples
    except (OSError, EOFError, wave.Error) as error:
        raise RecordedAnswersError(f"{BOT_FILE}: {error}") from error
    raise RecordedAnswersError(f"{BOT_FILE} is not as it was recorded")
