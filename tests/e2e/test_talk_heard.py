"""Tests of several people who talk at once, over bad networks, while others join: they are heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from sandbox.voice.microphone import MicrophoneFrame, OpenMicrophone, PushToTalk, VoiceActivity
from sandbox.voice.network import Conditions, SimulatedNetwork, Wrapping
from sandbox.voice.opus import SAMPLE_RATE, Sound
from tests.e2e.conftest import LIMIT, Stage, StageMaker
from tests.e2e.talking import (
    UTTERANCES,
    Since,
    SoundCounter,
    bot_comes,
    encrypted,
    join_people,
    talk,
    talk_at_once,
    voiced,
)

PIZZA, KEYBOARD, TRAIN, HOLIDAYS = UTTERANCES[:4]
BAD_NETWORK = Conditions(loss=0.05, jitter=0.04, reorder=0.02, hold=0.03)


WITHIN_A_WORD = 20
"""Index of a frame that lies within a word of :data:`PIZZA`."""


class StallingMicrophone:
    """A voice-activated microphone on a network that stands still for a moment while a word is spoken."""

    def __init__(self, network: SimulatedNetwork, seconds: float) -> None:
        self._network = network
        self._seconds = seconds

    def frames(self, sound: Sound) -> Iterator[MicrophoneFrame]:
        for number, frame in enumerate(VoiceActivity().frames(sound)):
            if number == WITHIN_A_WORD:
                self._network.stall(self._seconds)
            yield frame


@pytest.fixture
async def stage(make_stage: StageMaker, speech_server: str) -> AsyncIterator[Stage]:
    """A bot that listens, and answers only people who use its name. In these tests nobody does."""
    async with make_stage(tts_websocket_url=speech_server, answer_to="name") as stage:
        yield stage


async def test_three_people_who_speak_at_once_are_told_apart(stage: Stage) -> None:
    await stage.join()
    ben, dan = await join_people(stage, "Ben", "Dan")
    since = Since(stage)
    await asyncio.gather(
        talk(stage.ada, PIZZA),
        talk(ben, KEYBOARD, PushToTalk()),
        talk(dan, TRAIN, OpenMicrophone(seed=3)),
    )
    await since.heard(("Ada", PIZZA), ("Ben", KEYBOARD), ("Dan", TRAIN))


async def test_the_first_sentence_is_whole_if_a_person_speaks_before_or_while_the_bot_joins(
    stage: Stage,
) -> None:
    ben, dan = await join_people(stage, "Ben", "Dan", bot=False)
    since = Since(stage)
    already = asyncio.create_task(talk(ben, HOLIDAYS, OpenMicrophone(before=1.0)))
    await stage.ada.voice.receiver.wait_for_audio(ben.id, timeout=LIMIT)
    await stage.ask("!join")
    await bot_comes(stage)
    await asyncio.gather(already, talk(dan, TRAIN, PushToTalk()))
    await since.heard(("Ben", HOLIDAYS), ("Dan", TRAIN))


async def test_new_keys_in_the_middle_of_a_sentence_cost_at_most_100_ms_of_the_sentence(stage: Stage) -> None:
    await stage.join()
    (ben,) = await join_people(stage, "Ben")
    since, counter = Since(stage), SoundCounter(stage)
    sound = await voiced("Ben", HOLIDAYS)
    talking = asyncio.create_task(talk(ben, HOLIDAYS, PushToTalk()))
    await asyncio.sleep(0.7)
    (dan,) = await join_people(stage, "Dan", with_others=(ben,))
    assert not talking.done(), "the keys changed too late to show anything"
    await talking
    await since.heard(("Ben", HOLIDAYS))
    assert counter.seconds[ben.id] > len(sound) / SAMPLE_RATE - 0.1
    await talk(dan, TRAIN)
    await since.heard(("Ben", HOLIDAYS), ("Dan", TRAIN))


async def test_a_bad_network_costs_no_sound_and_at_most_one_of_six_utterances(stage: Stage) -> None:
    await stage.join()
    ben, dan = await join_people(stage, "Ben", "Dan")
    since, counter = Since(stage), SoundCounter(stage)
    stage.sandbox.voice_server.network.up = BAD_NETWORK
    said = await talk_at_once((stage.ada, UTTERANCES[:2]), (ben, UTTERANCES[2:4]), (dan, UTTERANCES[4:6]), seed=5)
    await stage.until(lambda: since.count_right(said) >= 5, f"five of {said}")
    spoken = sum([len(await voiced(name, text)) for name, text in said]) / SAMPLE_RATE
    assert sum(counter.seconds.values()) == pytest.approx(spoken, rel=0.02), "lost packets are replaced"


@pytest.mark.parametrize("seconds", [0.3, 0.8])
async def test_a_network_that_stands_still_within_a_word_costs_no_word(stage: Stage, seconds: float) -> None:
    await stage.join()
    since = Since(stage)
    await talk(stage.ada, PIZZA, StallingMicrophone(stage.sandbox.voice_server.network, seconds))
    await since.heard(("Ada", PIZZA))


async def test_a_person_who_comes_back_has_another_stream_and_is_recognised(stage: Stage) -> None:
    await stage.join()
    (ben,) = await join_people(stage, "Ben")
    since = Since(stage)
    await talk(ben, PIZZA)
    await since.heard_count(1)
    await ben.leave_voice()
    await ben.join_voice(stage.sandbox.home.lounge)
    await encrypted(stage, ben)
    await asyncio.gather(talk(ben, KEYBOARD), talk(stage.ada, TRAIN))
    await since.heard(("Ben", PIZZA), ("Ben", KEYBOARD), ("Ada", TRAIN))


async def test_padding_and_header_extensions_cost_no_word(stage: Stage) -> None:
    await stage.join()
    stage.sandbox.voice_server.network.wrapping = Wrapping(padded=0.3, extended=0.3)
    since = Since(stage)
    await talk(stage.ada, PIZZA)
    await since.heard(("Ada", PIZZA))
