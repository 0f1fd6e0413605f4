"""A caller, who can't read, hears what went wrong and that today's limit is reached, in the language of the call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from audio.samples import HEARING_RATE
from bot.characters import Characters, LocalCharacter
from bot.consent import ListeningConsent
from bot.database import Database
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.history import Turn
from bot.llm.personas import PERSONAS_DIR
from bot.llm.spoken_lines import Announcement
from bot.speech_server.errors import SpeechLimitError
from bot.store import Store
from bot.voice.call_parts import CallParts
from bot.voice.engines import CallEngines
from bot.voice.events import CallEvent, NoticePosted, PromptTaken
from bot.voice.listening_notice import ListeningTerms
from bot.voice.phone.people import PhonePeople
from bot.voice.phone.transport import PhoneCall, PhoneTransport
from bot.voice.ports import Responder
from bot.voice.transcribe.transcriber import Transcriber, Transcript, TranscriptionError, TranscriptionRequest
from bot.voice.transport import EndCause
from bot.voice.turn import Microphone, Prompt, TurnId
from bot.voice.turns.events import TurnEnded, TurnStarted
from bot.voice.turns.turns import load_turn_policy
from bot.voice.utterances.word_lists import load_word_lists
from config.sections import AnswerPolicy, CallSettings, ListeningPolicy
from tests.timing import wait_until
from tests.voice.doubles import REACHED, ConstantTranscriber, HummingSpeech, LimitedMind, RepeatingResponder
from tests.voice.limited_ears import LimitedEars
from tests.voice.phone.memory_line import MemoryLine
from wire.messages import ClientMessage
from wire.parameters import SpeechParameters

CALLER_ID = 7
LINES = load_word_lists().lines


class BrokenMind(RepeatingResponder):
    """A model server that fails."""

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        if not asked.results:
            raise ModelError(ModelErrorKind.SERVER, "It fails.")
        yield ""


class BrokenEars(ConstantTranscriber):
    """A recogniser that fails."""

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        raise TranscriptionError("It fails.")


class LimitedVoice(HummingSpeech):
    """A voice that costs money and may not begin anything any more."""

    async def send(self, message: ClientMessage) -> None:
        raise SpeechLimitError(REACHED)


@dataclass(eq=False)
class PhoneRoom:
    """A phone call, and what happens in it."""

    call: PhoneCall
    events: list[CallEvent] = field(default_factory=list)

    def ask(self) -> None:
        """The caller asks something."""
        self.call.say(Prompt("Caller", "How are you?", 0.0, person=CALLER_ID))

    def recited(self) -> list[str]:
        """What the bot has said by itself."""
        return [each.text for each in self.events if isinstance(each, PromptTaken) and each.recited]


@asynccontextmanager
async def phone_call(
    folder: Path,
    mind: Responder | None = None,
    voice: HummingSpeech | None = None,
    ears: Transcriber | None = None,
) -> AsyncIterator[PhoneRoom]:
    """A phone call in German."""
    async with Database.opened(folder / "phone.sqlite3") as database:
        characters = await Characters.open(database, PERSONAS_DIR, "seiyuu")
        engines = CallEngines(
            LocalCharacter(characters, 0),
            lambda *_: mind or RepeatingResponder(),
            lambda _: voice or HummingSpeech(),
            SpeechParameters,
            ears or ConstantTranscriber(),
            load_turn_policy(),
            load_word_lists(),
            language="de",
        )
        transport = PhoneTransport(MemoryLine(), PhonePeople(CALLER_ID))
        transport.listen()
        parts = CallParts(
            transport,
            engines,
            await ListeningConsent.load(Store(database), ListeningPolicy.OPT_OUT),
            CallSettings(answer_to=AnswerPolicy.ALWAYS),
            ListeningTerms("!", 0, None, in_writing=False),
            folder,
            volume=1.0,
            watch=lambda _: None,
        )
        call = PhoneCall(parts, report=lambda _: None)
        room = PhoneRoom(call)
        call.watch(room.events.append)
        call.watch(transport.watch)
        try:
            await call.check()
            await call.open()
            # The call listens from now on, so it answers.
            await wait_until(lambda: any(isinstance(event, NoticePosted) for event in room.events))
            yield room
        finally:
            await call.close(EndCause.COMMAND)


@pytest.mark.parametrize(
    ("mind", "said"),
    [(LimitedMind(), Announcement.LIMIT), (BrokenMind(), Announcement.NO_ANSWER)],
    ids=["limit", "failure"],
)
async def test_in_place_of_an_answer_the_caller_hears_whether_the_limit_is_the_reason(
    tmp_path: Path, mind: Responder, said: Announcement
) -> None:
    async with phone_call(tmp_path, mind) as room:
        room.ask()
        await wait_until(lambda: room.recited() == [LINES.announcement(said, "de")])
        room.ask()
        await wait_until(lambda: room.recited() == [LINES.announcement(said, "de")] * 2)


async def test_a_caller_who_is_not_heard_any_more_is_told_so(tmp_path: Path) -> None:
    async with phone_call(tmp_path, ears=LimitedEars()) as room:
        await wait_until(lambda: room.recited() == [LINES.announcement(Announcement.NOT_HEARD, "de")])


async def test_a_caller_whose_words_were_lost_is_told_so(tmp_path: Path) -> None:
    async with phone_call(tmp_path, ears=BrokenEars()) as room:
        turn, sound = TurnId(CALLER_ID, 1), np.zeros(HEARING_RATE, np.float32)
        for event in (TurnStarted(turn, 0.0, 0.0), TurnEnded(turn, sound, 0.0, 1.0, 1.5, Microphone.OPEN)):
            room.call._parts.turn_taking.on_turn_event(event)
        await wait_until(lambda: room.recited() == [LINES.announcement(Announcement.NO_ANSWER, "de")])


async def test_a_call_in_which_the_voice_may_not_speak_any_more_ends(tmp_path: Path) -> None:
    async with phone_call(tmp_path, voice=LimitedVoice()) as room:
        room.ask()
        assert await room.call.wait_lost() is EndCause.LIMIT
