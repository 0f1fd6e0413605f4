"""The sounds of a call: they play over everything, a few at once, and nothing is left when the call ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.music.call_sounds import MAX_AT_ONCE, CallSounds
from bot.music.decoding import DecodedMusic, MusicError, Source
from bot.user_error import UserError
from bot.voice.mixing.limiter import CEILING
from bot.voice.mixing.mixer import Mixer
from bot.voice.mixing.stream import FADE_FRAMES
from tests.bot.music.test_player import Music
from tests.voice.mixing.sounds import ScriptedReply, level, tone

FRAME = tone(1, 0.2)[0]
FRAMES = 40
SOUNDS: dict[str, list[bytes | None]] = {
    "horn": [FRAME] * FRAMES,
    "slow": [FRAME, None],
    "endless": [FRAME] * 10_000,
}


class Table:
    """The sounds of a call whose frames the test takes."""

    def __init__(self) -> None:
        self.reply = ScriptedReply()
        self.mixer = Mixer(self.reply)
        self.open: list[str] = []
        self.sounds = CallSounds(self.mixer, self.decode)

    @asynccontextmanager
    async def decode(self, source: Source) -> AsyncIterator[DecodedMusic]:
        name = str(source)
        if name == "broken":
            raise MusicError("It is broken.")
        self.open.append(name)
        try:
            yield Music(SOUNDS[name])
        finally:
            self.open.remove(name)

    def take(self, count: int) -> list[bytes | None]:
        return [self.mixer.take() for _ in range(count)]


@pytest.fixture
async def table() -> AsyncIterator[Table]:
    before = asyncio.all_tasks()
    table = Table()
    yield table
    await table.sounds.close()
    assert table.open == []
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}


HORN, SLOW, BROKEN = Path("horn"), Path("slow"), Path("broken")


async def test_a_sound_plays_at_once_to_its_end_and_its_beginning_is_whole(table: Table) -> None:
    await table.sounds.play(HORN)
    assert table.open == [], "nothing is left of the decoding while it plays"
    taken = table.take(FADE_FRAMES + FRAMES)
    assert table.mixer.take() is None
    first, last = taken[FADE_FRAMES], taken[-1]
    assert first is not None
    assert last is not None
    assert level(first) == pytest.approx(level(last), rel=0.01), "the fade-in took nothing of the sound"


async def test_a_sound_is_as_loud_under_speech_as_without(table: Table) -> None:
    await table.sounds.play(HORN)
    alone = table.take(FADE_FRAMES + 5)[-1]
    table.mixer.speaks(1, True)
    spoken = table.take(20)[-1]
    assert alone is not None
    assert spoken is not None
    assert level(spoken) == pytest.approx(level(alone), rel=0.01)


async def test_three_sounds_play_at_once_and_a_fourth_is_refused_until_one_is_over(table: Table) -> None:
    for _ in range(MAX_AT_ONCE):
        await table.sounds.play(HORN)
    one = level(FRAME)
    loudest = table.take(FADE_FRAMES + 5)[-1]
    assert loudest is not None
    assert one * 2 < level(loudest) <= CEILING
    with pytest.raises(UserError, match="3 sounds play already"):
        await table.sounds.play(HORN)
    table.take(FRAMES + 1)
    await table.sounds.play(HORN)


async def test_sounds_that_are_being_decoded_count_too(table: Table) -> None:
    waiting = [asyncio.create_task(table.sounds.play(SLOW)) for _ in range(MAX_AT_ONCE)]
    await asyncio.sleep(0)
    with pytest.raises(UserError, match="3 sounds play already"):
        await table.sounds.play(HORN)
    assert table.sounds.stop()
    for told in await asyncio.gather(*waiting, return_exceptions=True):
        assert "stopped before it began" in str(told)
    await table.sounds.play(HORN)


async def test_a_stopped_sound_fades_out(table: Table) -> None:
    assert not table.sounds.stop()
    await table.sounds.play(HORN)
    table.take(FADE_FRAMES + 5)
    assert table.sounds.stop()
    assert sum(frame is not None for frame in table.take(20)) <= FADE_FRAMES
    assert not table.sounds.stop()


async def test_a_broken_sound_is_reported_and_takes_no_place(table: Table) -> None:
    for _ in range(MAX_AT_ONCE + 1):
        with pytest.raises(MusicError, match="It is broken"):
            await table.sounds.play(BROKEN)


async def test_a_file_that_goes_on_and_on_does_not_fill_the_memory(table: Table) -> None:
    with pytest.raises(MusicError, match="It is longer than 30 seconds"):
        await table.sounds.play(Path("endless"))
    assert table.mixer.take() is None


async def test_a_person_who_waits_for_a_sound_when_the_call_ends_is_told(table: Table) -> None:
    waiting = asyncio.create_task(table.sounds.play(SLOW))
    while not table.open:
        await asyncio.sleep(0)
    await table.sounds.close()
    with pytest.raises(UserError, match="The call is over"):
        await waiting
    with pytest.raises(UserError, match="The call is over"):
        await table.sounds.play(HORN)


async def test_a_command_that_is_cancelled_leaves_nothing(table: Table) -> None:
    waiting = asyncio.create_task(table.sounds.play(SLOW))
    while not table.open:
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await table.sounds.close()
    assert table.open == []
    assert table.mixer.take() is None


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["horn", "slow", "broken", "stop", "take", "voice", "wait"]), st.integers(0, 60)),
        max_size=25,
    )
)
def test_whatever_people_do_nothing_is_left_when_the_call_ends(steps: list[tuple[str, int]]) -> None:
    async def check() -> None:
        table, asked = Table(), []
        for step, count in steps:
            match step:
                case "horn" | "slow" | "broken":
                    asked.append(asyncio.create_task(table.sounds.play(Path(step))))
                case "stop":
                    table.sounds.stop()
                case "voice":
                    table.reply.frames.extend([FRAME] * count)
                case _:
                    for _ in range(count):
                        if step == "take":
                            table.mixer.take()
                        await asyncio.sleep(0)
        await table.sounds.close()
        told = await asyncio.gather(*asked, return_exceptions=True)
        assert all(each is None or isinstance(each, UserError | MusicError) for each in told)
        for _ in range(20):
            table.mixer.take()
        table.reply.frames.clear()
        assert table.mixer.take() is None, "nothing sounds any more"
        assert table.open == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(check())
