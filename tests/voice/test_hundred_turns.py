"""A hundred turns with a failing transcriber: each turn is answered or reported as lost, and no words are invented.

Turn taking, the classifier, the transcriber's client and its HTTP are real; the transcription server is scripted. The
test's clock advances before each turn, and while something waits on it.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import numpy as np
import pytest
from aiohttp import web

from audio.samples import HEARING_RATE, Sound16
from bot.llm.history import History, Turn
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.openai_transcriber import OpenAITranscriber
from bot.voice.turn import Microphone, Prompt, TurnId
from bot.voice.turn_taking import TurnTaking
from bot.voice.turn_transcriber import FAILURE_NOTICE_INTERVAL
from bot.voice.turns.end_of_turn import RuleBasedEndOfTurn
from bot.voice.turns.events import SpeechPaused, SpeechSoFar, TurnEnded, TurnStarted
from bot.voice.utterances.classifier import CallClassifier, SpokenCommand
from bot.voice.utterances.word_lists import load_word_lists
from config.engine_sections import RecogniserSettings
from config.sections import AnswerPolicy
from tests.timing import Clock
from tests.voice.doubles import FixedCharacter
from tests.voice.transcribe.scripted_server import Answer, Asked, answering, hanging_up, in_pieces, serving
from tests.voice.turn_taking.harness import RecordedEstimates, RecordingNoticeWriter

TURNS = 100
RECENTLY_SPOKEN = "The museum opens at ten, and the last tour begins at half past four in the afternoon."
PEOPLE = {1: "Ada", 2: "Ben"}


def said(text: str, **segment: float) -> str:
    """A server's whole answer, with details of its only segment if there are any."""
    return json.dumps(
        {"text": text, "language": "en", **({"segments": [{"text": text, **segment}]} if segment else {})}
    )


def whole(text: str) -> Answer:
    return answering(said(text, no_speech_prob=0.01, avg_logprob=-0.2, compression_ratio=1.1))


def cut(text: str, at: int) -> Answer:
    body = said(text)
    return in_pieces(body[:at], body[at:], pause=0.01, content_type="text/plain")


def late(text: str) -> Answer:
    async def answer(_: web.Request, __: Asked) -> web.StreamResponse:
        await asyncio.sleep(0.05)
        return web.Response(text=said(text))

    return answer


BUSY = answering("{}", 429, Retry_After="2")
BUSY_WITHOUT_A_WORD = answering("{}", 429)
BUSY_FOR_AN_HOUR = answering("{}", 429, Retry_After="3600")
BROKEN = answering("", 500)
GONE = answering("<html>Bad gateway</html>", 502, "text/html")

SPEECH: dict[str, Callable[[str], list[Answer]]] = {
    "whole": lambda text: [whole(text)],
    "in pieces": lambda text: [cut(text, 9)],
    "in pieces within the words": lambda text: [cut(text, 25)],
    "late": lambda text: [late(text)],
    "busy": lambda text: [BUSY, whole(text)],
    "busy again and again": lambda text: [BUSY, BUSY, BUSY_WITHOUT_A_WORD, whole(text)],
    "broken": lambda text: [BROKEN, BROKEN, whole(text)],
    "bad gateway": lambda text: [GONE, late(text)],
    "hangs up": lambda text: [hanging_up(), hanging_up('{"text":"Su'), whole(text)],
    "broken for good": lambda _: [BROKEN],
    "busy for an hour": lambda _: [BUSY_FOR_AN_HOUR],
    "somebody's page": lambda _: [answering("<html>Sign in, please.</html>", content_type="text/html")],
    "half an answer": lambda _: [answering('{"text":"Sub')],
}
LOST = {"broken for good", "busy for an hour", "somebody's page", "half an answer"}

NOISE: dict[str, list[Answer]] = {
    "credits": [answering(said("Thank you for watching!"))],
    "credits, doubted": [answering(said("Subtitles by the Amara.org community", no_speech_prob=0.8, avg_logprob=-0.5))],
    "the names": [answering(said("Seiyuu, Ada, Ben"))],
    "more than fits": [answering(said("and then " * 44))],
    "a note": [answering(said("[BLANK_AUDIO]"))],
    "the bot itself": [whole(RECENTLY_SPOKEN[4:60])],
    "busy, then credits": [BUSY, answering(said("ご視聴ありがとうございました"))],
}


@dataclass(slots=True)
class RecordedConversation:
    """A conversation that records its prompts. The classifier reads from it that the bot has spoken lately."""

    committed: list[Prompt] = field(default_factory=list)
    over: set[TurnId] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    answering: bool = False
    answered: int | None = None
    quiet_since: float | None = None
    recently_spoken: str = RECENTLY_SPOKEN

    def read_ahead(self, speaker: str, words: str = "", person: int | None = None) -> None: ...

    def speculate(self, prompt: Prompt) -> None: ...

    def commit(self, prompt: Prompt) -> None:
        self.committed.append(prompt)

    def discard(self, turn: TurnId) -> None: ...

    def interruption_started(self, turn: TurnId) -> None: ...

    def interruption_confirmed(self, turn: TurnId) -> None: ...

    def release_floor(self, turn: TurnId) -> None:
        self.over.add(turn)
        self.changed.set()

    def overhear(self, turn: Turn) -> None:
        raise AssertionError(f"overheard {turn.text}")


class TwoPeople:
    """The people in the call: Ada and Ben."""

    def name(self, person: int) -> str:
        return PEOPLE[person]

    def names(self) -> tuple[str, ...]:
        return ("Ada", "Ben")

    def others(self, person: int) -> tuple[str, ...]:
        return tuple(name for number, name in PEOPLE.items() if number != person)

    def may_talk(self, person: int) -> bool:
        return True

    def may_interrupt(self, person: int, answered: int | None) -> bool:
        return True


class NoCommands:
    """A :class:`~bot.voice.ports.CommandRunner` that fails the test if a command comes."""

    def execute(self, command: SpokenCommand) -> None:
        pytest.fail(f"obeyed {command}")


@dataclass(slots=True)
class Call:
    """A call in which the length of a turn's sound identifies the turn."""

    taking: TurnTaking
    bot: RecordedConversation
    clock: Clock
    notices: list[str]
    scripts: dict[int, list[Answer]]

    async def hear(self, turn: TurnId, sound: Sound16, script: list[Answer]) -> None:
        """Feed a turn with this sound. Returns when all that follows from it has happened."""
        self.scripts[len(sound)] = script
        self.clock.now += FAILURE_NOTICE_INTERVAL
        at = self.clock.now
        for event in (TurnStarted(turn, at, at), SpeechSoFar(turn, sound, at), SpeechPaused(turn, sound, at, at)):
            self.taking.on_turn_event(event)
        # The words may be known before or after the end of the turn.
        await asyncio.sleep(random.Random(turn.number).choice((0.0, 0.02)))
        self.taking.on_turn_event(TurnEnded(turn, sound, at, at, at, Microphone.OPEN))
        async with asyncio.timeout(60):
            while turn not in self.bot.over:
                self.bot.changed.clear()
                await self.bot.changed.wait()


@asynccontextmanager
async def calling() -> AsyncIterator[Call]:
    # The warm-up request has one second of silence.
    scripts: dict[int, list[Answer]] = {HEARING_RATE: [whole("")]}

    async def answer(request: web.Request, asked: Asked) -> web.StreamResponse:
        script = scripts[asked.samples]
        return await (script.pop(0) if len(script) > 1 else script[0])(request, asked)

    clock, bot, notices = Clock(), RecordedConversation(), list[str]()
    async with serving(answer) as server, aiohttp.ClientSession() as http:
        transcriber = OpenAITranscriber(
            server.url, RecogniserSettings(), http, Corrections(), clock=clock, sleep=clock.sleep
        )
        people = TwoPeople()
        taking = TurnTaking(
            transcriber,
            bot,
            people,
            CallClassifier(bot, people, FixedCharacter(), AnswerPolicy.ALWAYS, load_word_lists(), clock=clock),
            RuleBasedEndOfTurn(),
            RecordedEstimates(),
            NoCommands(),
            RecordingNoticeWriter(notices),
            history=History(),
            watch=lambda _: None,
            clock=clock,
        )
        running = asyncio.create_task(taking.run())
        await asyncio.sleep(0)
        yield Call(taking, bot, clock, notices, scripts)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await transcriber.close()


def speech(number: int) -> Sound16:
    """A sound as long as a sentence, with a different length for each number."""
    return (0.2 * np.sin(np.arange(2 * HEARING_RATE + number) / 7)).astype(np.float32)


def cough(number: int) -> Sound16:
    return (0.2 * np.random.default_rng(number).normal(0, 1, HEARING_RATE // 2 + number)).astype(np.float32)


@pytest.mark.parametrize("seed", [1, 2])
async def test_each_of_a_hundred_turns_is_answered_or_reported_and_no_words_are_invented(seed: int) -> None:
    order = random.Random(seed)
    kinds = [kind for _, kind in zip(range(TURNS), list(SPEECH) * TURNS, strict=False)]
    order.shuffle(kinds)
    noises = list(NOISE) * 5
    order.shuffle(noises)
    outcomes: Counter[str] = Counter()
    async with calling() as call:
        for number, kind in enumerate(kinds, 1):
            text = f"Subject number {number}, please."
            answered, told = len(call.bot.committed), len(call.notices)
            await call.hear(TurnId(1 + number % 2, number), speech(number), SPEECH[kind](text))
            if kind in LOST:
                assert len(call.notices) == told + 1, f"{kind} is not reported"
                assert len(call.bot.committed) == answered
            else:
                assert [prompt.text for prompt in call.bot.committed[answered:]] == [text], kind
                assert call.bot.committed[-1].person == 1 + number % 2
            outcomes["told" if kind in LOST else "answered"] += 1
            if number % 3 == 0:
                noise = noises.pop()
                before = len(call.bot.committed), len(call.notices)
                await call.hear(TurnId(2 - number % 2, TURNS + number), cough(number), list(NOISE[noise]))
                assert (len(call.bot.committed), len(call.notices)) == before, noise
    assert outcomes.total() == TURNS
    assert len(call.bot.committed) + len(call.notices) == TURNS


async def test_two_people_who_speak_at_once_are_both_answered_even_if_requests_fail() -> None:
    async with calling() as call:
        first, second = TurnId(1, 1), TurnId(2, 2)
        await asyncio.gather(
            call.hear(first, speech(1), [BROKEN, BUSY, whole("I was first.")]),
            call.hear(second, speech(2), [whole("I was second.")]),
        )
        assert sorted(prompt.text for prompt in call.bot.committed) == ["I was first.", "I was second."]
        assert call.notices == []
