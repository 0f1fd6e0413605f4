"""The turn detectors of a call, with espeak-ng's speech: they learn kinds of microphones, and noise makes no turn."""

from __future__ import annotations

import pytest

from audio.samples import HEARING_RATE
from benchmarks.end_of_turn import noise_over_telephone
from benchmarks.end_of_turn_call import DiscordLine, Line, SimulatedCall
from benchmarks.end_of_turn_noise import five_minutes
from benchmarks.telephone import CallerLine
from bot.voice.frames import AudioFrame, PersonLeft, TransmissionEnded
from bot.voice.turn import Microphone
from bot.voice.turns.events import TurnDropped, TurnEnded, TurnEvent, TurnStarted
from bot.voice.turns.turns import TurnDetectors, TurnPolicy, load_turn_policy
from sandbox.voice.microphone import OpenMicrophone, PushToTalk, SimulatedMicrophone, VoiceActivity
from tests.voice.effects import only
from tests.voice.turns.spoken import make_speaker, say

SENTENCES = ("What is the weather like today?", "I would like a cup of coffee.", "Who won the game last night?") * 2
RELEASES = (0.05, 0.3, 0.1, 0.02, 0.2, 0.08)


@pytest.fixture(scope="module")
def policy() -> TurnPolicy:
    return load_turn_policy()


@pytest.mark.parametrize(
    ("sender", "kind"),
    [
        (PushToTalk(), Microphone.PUSH_TO_TALK),
        (VoiceActivity(), Microphone.VOICE_ACTIVITY),
        (VoiceActivity(hang_over=0.2), Microphone.VOICE_ACTIVITY),
        (OpenMicrophone(after=3.0), Microphone.OPEN),
    ],
)
async def test_the_kind_of_microphone_is_learned_from_a_few_sentences(
    policy: TurnPolicy, sender: SimulatedMicrophone, kind: Microphone
) -> None:
    kinds: list[TurnEvent] = []
    opens = kind is Microphone.OPEN
    call = SimulatedCall(policy, sender, transcription=0.21, silence=0.0 if opens else 3.0, on_event=kinds.append)
    for text, release in zip(SENTENCES, RELEASES, strict=True):
        after = release if isinstance(sender, PushToTalk) else 1.0
        outcome = await call.say(make_speaker().say([text], [], after), before=0.5 if opens else 0.0)
        assert outcome.wait is not None
    assert only(TurnEnded, kinds)[-1].microphone is kind


async def test_push_to_talk_is_recognised_even_if_the_person_pauses_with_the_key_held(policy: TurnPolicy) -> None:
    ended: list[TurnEvent] = []
    call = SimulatedCall(policy, PushToTalk(), transcription=0.21, on_event=ended.append)
    for _ in range(4):
        await call.say(make_speaker().say(["I went to the", "shop near the station."], [0.6], 0.25))
    assert only(TurnEnded, ended)[-1].microphone is Microphone.PUSH_TO_TALK


def test_each_person_has_a_turn_of_their_own(policy: TurnPolicy) -> None:
    turns = TurnDetectors(policy)
    events: list[TurnEvent] = []
    one, other = say("What is the weather like today?"), say("I would like a cup of coffee.")
    for at in range(0, min(len(one), len(other)), 320):
        now = 50.0 + at / HEARING_RATE
        events += turns.process(AudioFrame(1, one[at : at + 320], now))
        events += turns.process(AudioFrame(2, other[at : at + 320], now))
    events += turns.process(TransmissionEnded(1, now, announced=True))
    events += turns.process(PersonLeft(2, now))
    assert turns.deadline is not None
    events += turns.tick(turns.deadline)
    assert {event.turn.person for event in only(TurnStarted, events)} == {1, 2}
    assert [event.turn.person for event in only(TurnEnded, events)] == [1]
    assert [event.turn.person for event in only(TurnDropped, events)] == [2]


def test_a_person_who_comes_back_gets_no_number_of_an_old_turn(policy: TurnPolicy) -> None:
    turns, sound = TurnDetectors(policy), say("What is the weather like today?")
    events = turns.process(AudioFrame(1, sound, 1.0)) + turns.process(PersonLeft(1, 1.0))
    events += turns.process(AudioFrame(1, sound, 2.0))
    first, second = (event.turn.number for event in only(TurnStarted, events))
    assert first < second


# `make test` tries the first 8 s of each sound, the slow tests try 50 s.
@pytest.mark.parametrize("seconds", [8, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize("telephone", [False, True])
def test_minutes_of_noise_music_and_typing_are_no_turn(policy: TurnPolicy, telephone: bool, seconds: int) -> None:
    turns = TurnDetectors(policy.for_telephones() if telephone else policy)
    for whole in five_minutes(seed=3).values():
        made = whole[: seconds * HEARING_RATE]
        sound = noise_over_telephone(made, "ulaw") if telephone else made
        for at in range(0, len(sound), 320):
            assert turns.process(AudioFrame(1, sound[at : at + 320], at / HEARING_RATE)) == []


@pytest.mark.parametrize("sentences", [3, pytest.param(6, marks=pytest.mark.slow)])
async def test_a_sentence_on_a_telephone_has_no_more_pauses_than_elsewhere(policy: TurnPolicy, sentences: int) -> None:
    async def pauses(policy: TurnPolicy, line: Line) -> int:
        call = SimulatedCall(policy, OpenMicrophone(after=3.0, seed=1), transcription=0.21, silence=0.0, line=line)
        outcomes = [await call.say(make_speaker().say([text], [], 1.0), before=0.5) for text in SENTENCES[:sentences]]
        assert not any(outcome.cut_off for outcome in outcomes)
        assert all(outcome.wait is not None for outcome in outcomes)
        return sum(outcome.pauses for outcome in outcomes)

    found = await pauses(policy.for_telephones(), CallerLine("ulaw"))
    assert found <= await pauses(policy, DiscordLine())
