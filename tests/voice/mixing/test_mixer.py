"""The mixer: the voice alone is untouched, music gets out of the way of speech, and nothing is ever too loud."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.samples import SPEAKING_FRAME
from bot.voice.mixing.levels import factor, to_frame
from bot.voice.mixing.limiter import CEILING
from bot.voice.mixing.mixer import Mixer
from bot.voice.mixing.stream import Channel, MixedStream, StreamState
from tests.voice.mixing.sounds import ScriptedReply, level, peak, samples, stream_of, tone

QUIET = to_frame(np.zeros((SPEAKING_FRAME, 2), np.float32))
DUCK_WITHIN, BACK_WITHIN = 5, 30
"""After so many frames of 20 ms the music is quieter (100 ms), or back at its level (600 ms)."""
LOUDEST = factor(-1.0)


def decibels(ratio: float) -> float:
    return float(20 * np.log10(ratio))


def take(mixer: Mixer, frames: int) -> list[bytes]:
    taken = [mixer.take() for _ in range(frames)]
    assert None not in taken
    return [frame for frame in taken if frame is not None]


def playing(frames: list[bytes], channel: Channel = Channel.MUSIC) -> tuple[Mixer, ScriptedReply, MixedStream]:
    """A mixer in which a stream has faded in."""
    reply = ScriptedReply()
    mixer, stream = Mixer(reply), stream_of(frames, channel)
    mixer.add(stream)
    take(mixer, 10)
    return mixer, reply, stream


def test_frames_of_the_voice_are_the_same_objects_while_nothing_else_plays() -> None:
    reply = ScriptedReply()
    mixer, voice = Mixer(reply), tone(20, 1.0)
    reply.frames.extend([*voice, None])
    assert all(mixer.take() is frame for frame in voice)
    assert mixer.take() is None


def test_the_voice_is_untouched_again_when_the_music_is_over() -> None:
    mixer, reply, stream = playing(tone(100, 0.9))
    stream.stop()
    take(mixer, 5)
    assert mixer.take() is None
    assert stream.state is StreamState.OVER
    voice = tone(5, 1.0)
    reply.frames.extend(voice)
    assert all(mixer.take() is frame for frame in voice)


def test_the_voice_is_untouched_while_the_music_is_paused() -> None:
    mixer, reply, stream = playing(tone(200, 0.5))
    assert mixer.plays(Channel.MUSIC)
    stream.pause()
    take(mixer, 5)
    assert not mixer.plays(Channel.MUSIC), (
        "people who ask for silence are not told of it, and the bot may be heard thinking"
    )
    voice = tone(5, 1.0)
    reply.frames.extend(voice)
    assert all(mixer.take() is frame for frame in voice)
    stream.resume()
    assert mixer.take() is not None
    assert mixer.plays(Channel.MUSIC)


def test_music_alone_has_its_own_level_times_its_volume() -> None:
    mixer, _, _ = playing(tone(100, 0.5))
    assert level(take(mixer, 1)[0]) == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)
    mixer.set_volume(Channel.MUSIC, 0.3)
    take(mixer, 1)
    assert level(take(mixer, 1)[0]) == pytest.approx(0.15 / np.sqrt(2), rel=1e-3)


def test_music_is_12_db_quieter_100_ms_after_the_voice_begins_and_back_600_ms_after_it_ends() -> None:
    mixer, reply, _ = playing(tone(200, 0.5))
    alone = level(take(mixer, 1)[0])
    reply.frames.extend([QUIET] * 40)
    under = take(mixer, 40)
    assert all(decibels(level(frame) / alone) == pytest.approx(-12, abs=0.05) for frame in under[DUCK_WITHIN:])
    after = take(mixer, BACK_WITHIN + 5)
    assert all(level(frame) == pytest.approx(alone, rel=1e-3) for frame in after[BACK_WITHIN:])


def test_music_is_quieter_while_people_speak_too() -> None:
    mixer, _, _ = playing(tone(200, 0.5))
    alone = level(take(mixer, 1)[0])
    mixer.speaks(1, True)
    mixer.speaks(2, True)
    assert decibels(level(take(mixer, DUCK_WITHIN + 1)[-1]) / alone) == pytest.approx(-12, abs=0.05)
    mixer.speaks(1, False)
    assert decibels(level(take(mixer, 40)[-1]) / alone) == pytest.approx(-12, abs=0.05), "another one still speaks"
    mixer.speaks(2, False)
    assert level(take(mixer, BACK_WITHIN + 1)[-1]) == pytest.approx(alone, rel=1e-3)


def test_effects_do_not_have_to_get_quieter_for_speech_and_music_only_until_it_is_over() -> None:
    mixer, music = Mixer(ScriptedReply()), stream_of(tone(100, 0.5))
    mixer.add(stream_of(tone(100, 0.5), Channel.EFFECTS))
    ducks = [mixer.ducks]
    mixer.add(music)
    ducks.append(mixer.ducks)
    music.stop()
    take(mixer, 10)
    ducks.append(mixer.ducks)
    assert ducks == [False, True, False]


def test_music_stays_down_in_the_short_pauses_of_speech() -> None:
    mixer, reply, _ = playing(tone(200, 0.5))
    alone = level(take(mixer, 1)[0])
    reply.frames.extend(([QUIET] * 6 + [None] * 5) * 5)
    frames = take(mixer, 55)
    assert all(decibels(level(frame) / alone) == pytest.approx(-12, abs=0.05) for frame in frames[DUCK_WITHIN:])


def test_effects_keep_their_level_under_speech() -> None:
    mixer, reply, _ = playing(tone(200, 0.5), Channel.EFFECTS)
    reply.frames.extend([QUIET] * 20)
    assert all(level(frame) == pytest.approx(0.5 / np.sqrt(2), rel=1e-3) for frame in take(mixer, 20))


def test_the_voice_keeps_its_level_over_quiet_music() -> None:
    mixer, reply, _ = playing(tone(100, 0.1))
    reply.frames.extend(tone(30, 0.5, 500.0))
    mixed = take(mixer, 30)
    assert level(mixed[-1]) == pytest.approx(np.hypot(0.5, 0.1 * factor(-12)) / np.sqrt(2), rel=5e-3)


def test_music_begins_and_ends_without_a_click() -> None:
    reply = ScriptedReply()
    mixer, stream = Mixer(reply), stream_of(tone(100, 0.5, 50.0))
    mixer.add(stream)
    sound = take(mixer, 20)
    mixer.speaks(1, True)
    sound += take(mixer, 10)
    mixer.set_volume(Channel.MUSIC, 0.2)
    sound += take(mixer, 10)
    stream.stop()
    sound += take(mixer, 5)
    steps = np.abs(np.diff(samples(b"".join(sound))[:, 0]))
    # A tone of 50 Hz and 0.5 changes by 0.0033 from sample to sample; the gains add to that at most 0.5 / 960.
    assert steps.max() < 0.0045
    assert steps[0] < 0.001


def test_the_voice_and_the_music_of_a_taken_frame_are_known_separately() -> None:
    mixer, reply, _ = playing(tone(100, 0.2))
    voice = tone(1, 0.5)[0]
    reply.frames.append(voice)
    take(mixer, 1)
    assert mixer.taken.reply is voice
    assert mixer.taken.background is not None
    assert 0.1 < peak(mixer.taken.background) <= 0.2
    take(mixer, 1)
    assert mixer.taken.reply is None


def test_the_sending_thread_is_woken_when_a_stream_begins() -> None:
    reply = ScriptedReply()
    mixer = Mixer(reply)
    mixer.add(stream_of(tone(30, 0.5)))
    assert reply.woken > 0


LEVELS = st.floats(0, 1)
ACTIONS = st.one_of(
    st.tuples(st.just("voice"), LEVELS),
    st.tuples(st.just("music"), LEVELS),
    st.tuples(st.just("effect"), LEVELS),
    st.tuples(st.just("volume"), st.floats(0, 2)),
    st.tuples(st.sampled_from(["speaks", "ceases", "pause", "resume", "stop", "silence"]), st.just(0.0)),
)


@settings(max_examples=40)
@given(st.lists(ACTIONS, max_size=25), st.integers(0, 2**32 - 1))
def test_no_mixture_is_above_minus_1_db_and_the_voice_alone_is_untouched(
    actions: list[tuple[str, float]], seed: int
) -> None:
    random = np.random.default_rng(seed)
    reply = ScriptedReply()
    mixer, streams = Mixer(reply), [MixedStream(Channel.BED)]

    def loud(frames: int, loudest: float) -> list[bytes]:
        noise = random.uniform(-1, 1, (frames, SPEAKING_FRAME, 2)) * loudest
        return [to_frame(frame.astype(np.float32)) for frame in noise]

    for action, value in actions:
        match action:
            case "voice":
                reply.frames.extend(loud(4, value))
            case "music" | "effect":
                channel = Channel.MUSIC if action == "music" else Channel.EFFECTS
                streams.append(stream_of(loud(20, value), channel))
                mixer.add(streams[-1])
            case "volume":
                mixer.set_volume(Channel.MUSIC, value)
            case "speaks" | "ceases":
                mixer.speaks(1, action == "speaks")
            case "silence":
                reply.frames.append(None)
            case _:
                getattr(streams[-1], action)()
        for _ in range(6):
            expected = reply.frames[0] if reply.frames else None
            frame = mixer.take()
            if mixer.taken.background is None:
                assert frame is expected
            else:
                assert frame is not None
                assert peak(frame) <= CEILING + 1e-6 < LOUDEST
    for stream in streams:
        stream.stop()
    for _ in range(20):
        mixer.take()
    assert mixer.take() is None
