"""The player: pieces in their order, pauses, skips and faults, and nothing left when the call ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.music.decoding import DecodedMusic, MusicError, Source
from bot.music.player import MAX_QUEUED, MusicPlayer, Track
from bot.voice.mixing.mixer import Mixer
from tests.timing import LIMIT
from tests.voice.mixing.sounds import ScriptedReply, level, tone

FRAME = tone(1, 0.5)[0]


class Music(DecodedMusic):
    """A piece of frames. ``None`` stands for a wait that does not end by itself, and a text for a fault."""

    def __init__(self, frames: Sequence[bytes | str | None], *, live: bool = False) -> None:
        super().__init__(len(frames) * 0.02, asyncio.StreamReader(), live=live)
        object.__setattr__(self, "_frames", frames)

    async def frames(self) -> AsyncIterator[bytes]:
        for frame in self._frames:  # type: ignore[attr-defined]
            if frame is None:
                await asyncio.sleep(2 * LIMIT)
            elif isinstance(frame, str):
                raise MusicError(frame)
            else:
                yield frame


class Stage:
    """A player whose frames the test takes, and what it tells."""

    def __init__(self) -> None:
        self.reply = ScriptedReply()
        self.mixer = Mixer(self.reply)
        self.told: list[str] = []
        self.open: list[str] = []
        self.pieces: dict[str, Sequence[bytes | str | None]] = {}
        self.live: set[str] = set()
        self.player = MusicPlayer(self.mixer, self.decode, self.told.append)

    @asynccontextmanager
    async def decode(self, source: Source) -> AsyncIterator[DecodedMusic]:
        name = str(source)
        if name not in self.pieces:
            raise MusicError("It is broken.")
        self.open.append(name)
        try:
            yield Music(self.pieces[name], live=name in self.live)
        finally:
            self.open.remove(name)

    def add(self, name: str, frames: int | None = None, *, stalls: bool = False) -> int:
        if frames is not None:
            self.pieces[name] = [FRAME] * frames + [None] * stalls
        return self.player.add(Track(name, Path(name)))

    async def until(self, true: Callable[[], object], *, taking: bool = True) -> list[bytes]:
        """Take frames until a condition is true."""
        taken = []
        async with asyncio.timeout(LIMIT):
            while not true():
                frame = self.mixer.take() if taking else None
                taken += [frame] if frame is not None else []
                await asyncio.sleep(0)
        return taken


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    before = asyncio.all_tasks()
    stage = Stage()
    yield stage
    await stage.player.close()
    assert stage.open == []
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}


async def test_pieces_play_in_their_order_and_to_their_end(stage: Stage) -> None:
    assert [stage.add("one", 60), stage.add("two", 300), stage.add("three", 2)] == [0, 1, 2]
    assert [track.title for track in stage.player.waiting] == ["one", "two", "three"]
    taken = await stage.until(lambda: len(stage.told) == 3 and stage.player.playing is None)
    assert stage.told == ["▶️ one", "▶️ two", "▶️ three"]
    assert len(taken) == 362


async def test_the_person_who_asks_for_a_piece_learns_whether_it_begins_and_the_others_are_told_nothing(
    stage: Stage,
) -> None:
    stage.pieces["one"] = [FRAME] * 30
    begun = asyncio.get_running_loop().create_future()
    stage.player.add(Track("one", Path("one"), begun))
    assert await begun
    broken = asyncio.get_running_loop().create_future()
    await stage.until(lambda: stage.player.playing is None)
    stage.player.add(Track("none", Path("none"), broken))
    with pytest.raises(MusicError, match="It is broken"):
        await broken
    assert stage.told == []


async def test_a_broken_piece_is_reported_and_the_next_one_plays(stage: Stage) -> None:
    stage.add("none")
    stage.add("two", 30)
    await stage.until(lambda: stage.player.playing is None and not stage.player.waiting)
    assert stage.told == ["❌ none: It is broken.", "▶️ two"]


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("frames", [10, 90, 300])
async def test_all_that_came_before_a_fault_is_heard_before_the_fault_is_reported(
    stage: Stage, frames: int, live: bool
) -> None:
    stage.pieces["one"] = [*[FRAME] * frames, "It is broken off."]
    stage.live |= {"one"} if live else set()
    stage.add("one")
    stage.add("two", 30)
    taken = await stage.until(lambda: len(stage.told) == 2)
    assert stage.told == ["▶️ one", "❌ one: It is broken off."]
    assert len(taken) == frames
    assert level(taken[-1]) > 0.3, "it has not faded out"
    await stage.until(lambda: stage.player.playing is None)
    assert stage.told[2:] == ["▶️ two"]


async def test_a_fault_of_a_paused_piece_is_reported_after_what_was_left_of_it(stage: Stage) -> None:
    stage.pieces["one"] = [*[FRAME] * 90, "It is broken off."]
    stage.add("one")
    taken = await stage.until(lambda: stage.player.playing is not None and stage.player.playing.position > 0.5)
    assert stage.player.pause()
    for _ in range(20):
        taken += [frame] if (frame := stage.mixer.take()) is not None else []
        await asyncio.sleep(0)
    assert stage.told == ["▶️ one"]
    assert not stage.player.pause()
    taken += await stage.until(lambda: stage.player.playing is None)
    assert stage.told == ["▶️ one", "❌ one: It is broken off."]
    assert len(taken) == 90


async def test_whoever_skips_the_rest_of_a_broken_piece_is_told_nothing_more_of_it(stage: Stage) -> None:
    stage.pieces["one"] = [*[FRAME] * 90, "It is broken off."]
    stage.add("one")
    await stage.until(lambda: stage.player.playing is not None and stage.player.playing.position > 0.5)
    assert stage.player.skip()
    await stage.until(lambda: stage.player.playing is None)
    assert stage.told == ["▶️ one"]


async def test_a_skipped_piece_fades_out_and_the_next_begins(stage: Stage) -> None:
    stage.add("one", 500)
    stage.add("two", 30)
    await stage.until(lambda: stage.player.playing is not None and stage.player.playing.position > 1)
    assert stage.player.skip()
    await stage.until(lambda: "▶️ two" in stage.told)
    await stage.until(lambda: stage.player.playing is None)
    assert not stage.player.skip(), "nothing plays"


async def test_a_piece_is_skipped_while_no_sound_is_sent(stage: Stage) -> None:
    """The connection may be down. Then nobody takes frames."""
    stage.add("one", 500)
    stage.add("two", 500)
    await stage.until(lambda: "▶️ one" in stage.told, taking=False)
    stage.player.skip()
    await stage.until(lambda: "▶️ two" in stage.told, taking=False)


async def test_a_pause_is_silent_and_what_plays_goes_on_after_it(stage: Stage) -> None:
    stage.add("one", 200)
    taken = await stage.until(lambda: stage.player.playing is not None and stage.player.playing.position > 1)
    assert stage.player.pause()
    taken += await stage.until(lambda: stage.mixer.take() is None)
    at = stage.player.playing.position if stage.player.playing is not None else 0.0
    for _ in range(20):
        assert stage.mixer.take() is None
        await asyncio.sleep(0)
    assert stage.player.playing is not None
    assert stage.player.playing.position == at
    assert not stage.player.pause()
    taken += await stage.until(lambda: stage.player.playing is None)
    assert level(taken[-1]) > 0.3


async def test_a_piece_whose_sound_stops_fades_out_is_reported_once_and_can_be_skipped(stage: Stage) -> None:
    stage.add("one", 60, stalls=True)
    stage.add("two", 30)
    taken = await stage.until(lambda: len(stage.told) > 1)
    assert stage.told[1] == "⏳ one has stalled. It goes on when there is more of it."
    assert level(taken[-1]) < level(taken[30]) / 4
    stage.player.skip()
    await stage.until(lambda: stage.player.playing is None)
    assert stage.told[2:] == ["▶️ two"]


async def test_at_most_twenty_pieces_wait(stage: Stage) -> None:
    for number in range(MAX_QUEUED):
        stage.add(str(number), 1)
    with pytest.raises(MusicError, match="20 pieces wait already"):
        stage.add("one more", 1)


async def test_whoever_asks_as_the_call_ends_does_not_wait_for_ever(stage: Stage) -> None:
    begun = asyncio.get_running_loop().create_future()
    stage.pieces["song"] = [FRAME]
    stage.player.add(Track("song", Path("song"), begun))
    # The player's task has not taken its first step.
    await stage.player.close()
    assert begun.done()
    assert not begun.result()


async def test_after_the_call_nothing_plays(stage: Stage) -> None:
    stage.add("one", 500)
    await stage.until(lambda: stage.player.playing is not None and stage.player.playing.position > 0.5)
    await stage.player.close()
    assert stage.player.playing is None
    with pytest.raises(MusicError, match="The call is over"):
        stage.add("two", 30)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "broken", "stalls", "pause", "skip", "take", "voice", "wait"]), st.integers(0, 90)
    ),
    max_size=25,
)


@settings(max_examples=40)
@given(STEPS)
def test_whatever_people_do_nothing_is_left_when_the_call_ends(steps: list[tuple[str, int]]) -> None:
    async def check() -> None:
        stage = Stage()
        for number, (step, count) in enumerate(steps):
            match step:
                case "add" | "stalls":
                    if len(stage.player.waiting) < MAX_QUEUED:
                        stage.add(str(number), count, stalls=step == "stalls")
                case "broken":
                    if len(stage.player.waiting) < MAX_QUEUED:
                        stage.add(str(number))
                case "pause":
                    stage.player.pause()
                case "skip":
                    stage.player.skip()
                case "voice":
                    stage.reply.frames.extend([FRAME] * count)
                case _:
                    for _ in range(count):
                        if step == "take":
                            stage.mixer.take()
                        await asyncio.sleep(0)
        await stage.player.close()
        for _ in range(20):
            stage.mixer.take()
        stage.reply.frames.clear()
        assert stage.mixer.take() is None, "nothing sounds any more"
        assert stage.open == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(check())
