"""Tests of music that people ask for aloud in a call: what is carried out, what is written, and what is said."""

from __future__ import annotations

import asyncio

import pytest

from bot.music.titles import TitleIndex
from bot.voice.spoken_music import FAILED, MAX_WAITING, NO_MUSIC, MusicRefusedError, SpokenMusic
from bot.voice.utterances.classifier import SpokenCommand
from bot.voice.utterances.music_words import MusicTitles
from bot.voice.utterances.voice_commands import VoiceCommand
from tests.timing import LIMIT


class Control:
    """Controls music. While ``opening`` is cleared, a piece that is to be played is still being opened."""

    def __init__(self) -> None:
        self.done: list[tuple[str, VoiceCommand, str]] = []
        self.error: Exception | None = None
        self.unreadable = False
        self.opening = asyncio.Event()
        self.opening.set()

    def titles(self) -> MusicTitles:
        return TitleIndex()

    async def look(self) -> None:
        if self.unreadable:
            raise OSError("disk")

    async def carry_out(self, call: str, command: VoiceCommand, title: str) -> str:
        if command is VoiceCommand.PLAY:
            await self.opening.wait()
        if self.error is not None:
            raise self.error
        self.done.append((call, command, title))
        return f"done: {command}"


class Stage:
    """A call in which people ask for music aloud. Keeps what the bot writes and says."""

    def __init__(self, control: Control | None) -> None:
        self.written: list[str] = []
        self.said: list[str] = []
        self.music = SpokenMusic(control, "c1", self.written.append, lambda _, text: self.said.append(text))

    async def ask(self, command: VoiceCommand, title: str = "") -> None:
        before = len(self.written) + len(self.said)
        self.music.request(SpokenCommand(command, 1, "Ada", None, title))
        async with asyncio.timeout(LIMIT):
            while len(self.written) + len(self.said) == before:
                await asyncio.sleep(0)

    async def __aenter__(self) -> Stage:
        self._running = asyncio.create_task(self.music.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._running.cancel()
        (ended,) = await asyncio.gather(self._running, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError)


async def test_a_request_that_is_carried_out_is_answered_only_in_writing() -> None:
    control = Control()
    async with Stage(control) as stage:
        await stage.ask(VoiceCommand.PLAY, "Blue Danube")
        await stage.ask(VoiceCommand.MUSIC_PAUSE)
    assert control.done == [("c1", VoiceCommand.PLAY, "Blue Danube"), ("c1", VoiceCommand.MUSIC_PAUSE, "")]
    assert stage.written == ["done: play", "done: pause the music"]
    assert stage.said == []


@pytest.mark.parametrize(
    ("error", "said"), [(MusicRefusedError("Nothing is playing."), "Nothing is playing."), (OSError("disk"), FAILED)]
)
async def test_a_request_that_can_not_be_carried_out_is_answered_aloud(error: Exception, said: str) -> None:
    control = Control()
    async with Stage(control) as stage:
        control.error = error
        await stage.ask(VoiceCommand.MUSIC_SKIP)
        control.error = None
        await stage.ask(VoiceCommand.MUSIC_SKIP)
    assert stage.said == [said]
    assert stage.written == ["done: skip the music"], "the call goes on"


async def test_the_music_can_be_ended_while_a_piece_is_being_opened() -> None:
    control = Control()
    control.opening.clear()
    async with Stage(control) as stage:
        stage.music.request(SpokenCommand(VoiceCommand.PLAY, 1, "Ada", None, "Blue Danube"))
        await stage.ask(VoiceCommand.MUSIC_STOP)
        assert stage.written == ["done: stop the music"]


async def test_a_folder_that_can_not_be_read_ends_no_call() -> None:
    control = Control()
    control.unreadable = True
    async with Stage(control) as stage:
        await stage.ask(VoiceCommand.MUSIC_STOP)
    assert stage.written


async def test_people_are_told_that_there_is_no_music() -> None:
    async with Stage(None) as stage:
        await stage.ask(VoiceCommand.MUSIC_STOP)
    assert stage.said == [NO_MUSIC]


async def test_requests_that_nobody_can_carry_out_in_time_are_dropped() -> None:
    control = Control()
    stage = Stage(control)
    for _ in range(MAX_WAITING + 3):
        stage.music.request(SpokenCommand(VoiceCommand.MUSIC_STOP, 1, "Ada", None))
    async with stage, asyncio.timeout(LIMIT):
        while len(control.done) < MAX_WAITING:
            await asyncio.sleep(0)
        assert len(control.done) == MAX_WAITING
