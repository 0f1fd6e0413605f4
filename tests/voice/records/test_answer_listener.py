"""What is noted of the bot's answers in a recording: the words that were heard, and their exact place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bot.recorded_answers import ANSWERS_FILE, BOT_FILE, RecordedAnswer, RecordedAnswers, RecordedAnswersError, Span
from bot.voice.events import PromptTaken, ReplyEnded, UtteranceHeard
from bot.voice.metrics import ReplyTrace
from bot.voice.records.answer_listener import AnswerListener
from bot.voice.records.recorder import CallRecorder
from bot.voice.turn import Outcome
from wire.parameters import SpeechParameters

BEGAN = 1000.0
FRAME = 960
CHANNEL = 1 << 60
ADA, BEN = 1, 2
MANNER = SpeechParameters(voice="robin", preset="calm", speed=1.2)


class RecordedCall:
    """A call that is being recorded, frame by frame. Its clock moves only when the test says so.

    Ada and Ben are in it. Of those in ``opted_out``, nothing may be kept.
    """

    def __init__(self, folder: Path) -> None:
        self.opted_out: set[int] = set()
        self.recorder = CallRecorder(folder, str, lambda _: None, disk_free=lambda _: 10**9, clock=lambda: BEGAN)
        self.recorder.start()
        self.listener = AnswerListener(
            self.recorder, lambda: MANNER, lambda person: person not in self.opted_out, lambda: {ADA: "Ada", BEN: "Ben"}
        )

    def sounds(self, reply: str, at: float, seconds: float, level: float = 0.5) -> None:
        for number in range(round(seconds * 50)):
            self.recorder.spoken(np.full(FRAME, level, np.float32), BEGAN + at + number / 50, reply)

    def answer(
        self,
        reply: str,
        heard: str,
        outcome: Outcome = Outcome.SPOKEN,
        *,
        at: float = 1.0,
        seconds: float = 1.0,
        person: int | None = None,
        told_to: int | None = None,
    ) -> None:
        self.listener(PromptTaken(reply, "Ada", "Hello?", person=person, told_to=told_to))
        self.sounds(reply, at, seconds)
        self.ends(reply, heard, outcome)

    def ends(self, reply: str, heard: str, outcome: Outcome = Outcome.SPOKEN) -> None:
        self.listener(ReplyEnded(ReplyTrace(reply, outcome, 0.0), heard))

    def close(self) -> tuple[RecordedAnswer, ...]:
        """End the recording and read its answers."""
        self.recorder.close()
        self.listener.write_answers(CHANNEL)
        if not (self.recorder.folder / ANSWERS_FILE).exists():
            return ()
        answers = RecordedAnswers.read(self.recorder.folder)
        assert answers.channel == CHANNEL
        return answers.answers


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[RecordedCall]:
    recorded = RecordedCall(tmp_path / "recordings" / "now")
    yield recorded
    recorded.recorder.close()


def test_an_answer_is_noted_with_words_parameters_and_place(recorded: RecordedCall) -> None:
    recorded.answer("r1", "So it goes.", at=1.0, seconds=2.0)
    assert recorded.close() == (RecordedAnswer((Span(48_000, 144_000),), "So it goes.", False, MANNER),)


def test_what_was_answered_to_somebody_who_is_forgotten_is_not_written(recorded: RecordedCall) -> None:
    recorded.answer("r1", "Ada, so it goes.", at=1.0, person=ADA)
    recorded.answer("r2", "Ben, that is so.", at=2.0, person=BEN)
    recorded.listener(PromptTaken("r3", "Ada", "And then?", person=ADA))
    recorded.listener.forget(ADA)
    recorded.sounds("r3", 3.0, 1.0)
    recorded.ends("r3", "Ada, then it went.")
    answers = recorded.close()
    assert [(answer.text, answer.person) for answer in answers] == [("", None), ("Ben, that is so.", BEN), ("", None)]


def test_what_was_said_of_somebody_who_is_forgotten_is_not_written_whoever_was_answered(recorded: RecordedCall) -> None:
    recorded.answer("r1", "Hi there!", at=1.0, told_to=ADA)
    recorded.answer("r2", "Ben, it is Ada's zebra.", at=2.5, person=BEN)
    recorded.answer("r3", "Cleo has left.", at=4.0)
    recorded.listener(UtteranceHeard(3, "Cleo", "Bye.", True))
    recorded.answer("r4", "Cleo said bye.", at=5.5, person=BEN)
    recorded.answer("r5", "Ben, that is so.", at=7.0, person=BEN)
    recorded.listener.forget(ADA)
    recorded.listener.forget(3)
    assert [answer.text for answer in recorded.close()] == ["", "", "", "", "Ben, that is so."]
    assert f'"named":[{ADA}' not in (recorded.recorder.folder / ANSWERS_FILE).read_text()


def test_nothing_is_written_that_was_answered_to_somebody_of_whom_nothing_may_be_kept_or_names_them(
    recorded: RecordedCall,
) -> None:
    recorded.opted_out = {ADA}
    recorded.answer("r1", "It goes like this.", at=1.0, person=ADA)
    recorded.answer("r2", "Ben, Ada has asked that.", at=2.5, person=BEN)
    recorded.answer("r3", "Ben, that is so.", at=4.0, person=BEN)
    assert [answer.text for answer in recorded.close()] == ["", "", "Ben, that is so."]


def test_words_that_are_to_be_forgotten_are_not_written(recorded: RecordedCall) -> None:
    recorded.answer("r1", "A zebra has stripes.", at=1.0, person=BEN)
    recorded.answer("r2", "Ben, that is so.", at=2.5, person=BEN)
    recorded.listener.forget_words(lambda text: "zebra" in text)
    assert [answer.text for answer in recorded.close()] == ["", "Ben, that is so."]


def test_two_answers_without_a_gap_between_them_are_two(recorded: RecordedCall) -> None:
    recorded.answer("r1", "One.", at=1.0, seconds=1.0)
    recorded.answer("r2", "Two.", at=2.05, seconds=1.0)
    one, two = recorded.close()
    assert one.spans == (Span(48_000, 96_000),)
    assert two.spans == (Span(96_000, 144_000),), "so short a gap is left out of the file"


def test_an_answer_that_was_held_has_two_spans(recorded: RecordedCall) -> None:
    recorded.listener(PromptTaken("r1", "Ada", "Hello?"))
    recorded.sounds("r1", 1.0, 1.0)
    recorded.sounds("r1", 3.0, 0.5)
    recorded.ends("r1", "So it goes.")
    (answer,) = recorded.close()
    assert answer.spans == (Span(48_000, 96_000), Span(144_000, 168_000))


def test_the_heard_part_of_an_interrupted_answer_is_noted(recorded: RecordedCall) -> None:
    recorded.answer("r1", "So it", Outcome.INTERRUPTED)
    (answer,) = recorded.close()
    assert (answer.text, answer.interrupted) == ("So it", True)


def test_no_words_are_noted_of_an_answer_that_was_written(recorded: RecordedCall) -> None:
    recorded.answer("r1", "One.", at=1.0)
    recorded.answer("r2", "The voice failed in the middle of this.", Outcome.WRITTEN, at=3.0)
    assert [answer.text for answer in recorded.close()] == ["One.", ""]


def test_no_words_are_noted_of_answers_that_are_recorded_only_in_part(recorded: RecordedCall) -> None:
    recorded.sounds("r1", 0.0, 0.5)
    recorded.ends("r1", "Its beginning is not in the file.")
    recorded.answer("r2", "One.", at=1.0)
    recorded.listener(PromptTaken("r3", "Ada", "And?"))
    recorded.sounds("r3", 3.0, 0.5)
    recorded.recorder.close()
    recorded.ends("r3", "Its end is not in the file.")
    assert [answer.text for answer in recorded.close()] == ["", "One.", ""]


def test_without_answers_no_notes_are_written(recorded: RecordedCall) -> None:
    recorded.recorder.heard(11, np.full(320, 0.5, np.float32), BEGAN + 1)
    recorded.answer("r1", "This was only written.", Outcome.WRITTEN, seconds=0.0)
    assert recorded.close() == ()


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / ANSWERS_FILE).write_text("{"),
        lambda folder: (folder / ANSWERS_FILE).write_text(
            '{"channel": 1, "samples": 96000, "answers": [{"spans": []}]}'
        ),
        lambda folder: (folder / ANSWERS_FILE).write_text((folder / ANSWERS_FILE).read_text().replace("48000", "-9")),
        lambda folder: (folder / ANSWERS_FILE).write_text(
            (folder / ANSWERS_FILE).read_text().replace("48000", "96000")
        ),
        lambda folder: (folder / BOT_FILE).unlink(),
        lambda folder: (folder / BOT_FILE).write_bytes(b"RIFF"),
        lambda folder: (folder / BOT_FILE).write_bytes((folder / BOT_FILE).read_bytes()[:-4_000]),
    ],
)
def test_notes_that_do_not_fit_the_file_are_refused(recorded: RecordedCall, damage: object) -> None:
    recorded.answer("r1", "So it goes.")
    assert recorded.close()
    assert callable(damage)
    damage(recorded.recorder.folder)
    with pytest.raises(RecordedAnswersError):
        RecordedAnswers.read(recorded.recorder.folder)
