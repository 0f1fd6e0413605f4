"""Music and sounds that people ask for by commands on the page: what is played, and what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from bot.browser_commands import BrowserCommands
from bot.browser_music import MAX_AT_ONCE, BrowserMusic
from bot.database import Database
from bot.music import control as music_control
from bot.music import service as music_service
from bot.music.service import MusicService
from bot.music.sound_board import SoundBoard
from bot.music.typed import TypedMusic
from bot.music.typed_sounds import TypedSounds
from bot.music.web_music import WebMusic
from bot.store import Store
from bot.user_error import UserError
from tests.bot.music.pieces import write
from tests.bot.music.test_control import HERE, Stage
from tests.timing import LIMIT


class Typing:
    """A person who types on the page during a call."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        board = SoundBoard(folder / "sounds", folder, stage.volumes.sounds_at)
        self.commands = BrowserCommands(
            Mock(),
            Mock(),
            stage.volumes,
            "!",
            music=BrowserMusic(
                TypedMusic(stage.control, stage.music, "!", takes_files=False),
                TypedSounds(board, "!", takes_files=False),
                "!",
            ),
        )

    async def type(self, text: str) -> str:
        call: Any = self.stage.call
        return await self.commands.answer(text, call, lambda: None)


@pytest.fixture
async def typing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Typing]:
    for name in ("Blue Danube", "Red_River", "Broken One"):
        write(tmp_path / f"{name}.ogg", b"")
    async with Database.opened(tmp_path / "bot.sqlite3") as database:
        stage = Stage(tmp_path, Store(database))
        monkeypatch.setattr(music_service, "source_decoding", stage.decode)
        yield Typing(stage, tmp_path)
        await stage.close()


async def test_music_is_played_paused_shown_and_ended(typing: Typing) -> None:
    assert await typing.type("!play") == (
        "❌ Say what to play: `!play NAME`. I have Blue Danube, Broken One, Red_River."
    )
    assert await typing.type("!PLAY blue danube") == "▶️ Blue Danube"
    assert await typing.type("! play  red") == "➕ Red_River (1 before it)"
    assert await typing.type("!queue") == "▶️ Blue Danube\n1. Red_River"
    assert await typing.type("!pause") == "⏸️ Paused."
    assert (await typing.type("!nowplaying")).startswith("⏸️ Blue Danube\n🔘")
    assert await typing.type("!pause") == "▶️ Blue Danube"
    assert await typing.type("!skip it") == "❓ `!skip` ends this piece, and `!skip all` ends all music."
    assert await typing.type("!skip ALL") == "⏹️ The music is off."
    async with asyncio.timeout(LIMIT):
        while typing.stage.playing:
            await asyncio.sleep(0)
    for command in ("!pause", "!skip", "!skip all", "!queue", "!nowplaying"):
        assert await typing.type(command) == "🎵 Nothing is playing. `!play NAME` plays a piece."


async def test_people_are_told_in_a_sentence_why_nothing_is_played(typing: Typing) -> None:
    typing.stage.broken = {"Broken One"}
    assert await typing.type("!play broken") == "❌ Broken One: It could not be decoded."
    assert await typing.type("!play *nothing*") == "❌ I have no music of that name."
    assert await typing.type("!play http://A_b.test/Waltz.mp3") == "❌ I may not fetch from a_b.test."
    assert await typing.type("!sound") == "📣 I have no sounds yet."
    assert await typing.type("!sound horn") == "❌ I have no sound of that name."
    assert await typing.type("!sound stop") == "📣 No sound is playing."
    for word in ("add", "remove"):
        assert await typing.type(f"!sound {word} horn") == (
            f"❌ Here I only play sounds. `!sound {word}` is for Discord."
        )
    assert "`!help`" in await typing.type("!dance")


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("!resume", "!pause"),
        ("!Next", "!skip"),
        ("!np", "!nowplaying"),
        ("!stop-music", "!skip all"),
        ("!stop_music", "!skip all"),
        ("!radio", "!play ADDRESS"),
        ("!stopmusic", "!skip all"),
    ],
)
async def test_names_of_other_music_bots_are_answered_with_those_of_this_one(
    typing: Typing, typed: str, named: str
) -> None:
    answer = await typing.type(typed)
    assert answer.startswith(f"❓ `{named}` ")
    assert answer.count(".") == 1, "one sentence"


async def test_whoever_waits_for_a_piece_can_still_see_and_skip_it(
    typing: Typing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(music_control, "OPENING_SECONDS", LIMIT)
    typing.stage.held.clear()
    assert typing.commands.may_take_long("!play blue")
    assert not typing.commands.may_take_long("!volume 30")
    assert not typing.commands.may_take_long("play blue")
    playing = asyncio.create_task(typing.type("!play blue"))
    async with asyncio.timeout(LIMIT):
        while typing.stage.playing != "Blue Danube":
            await asyncio.sleep(0)
    for command in ("!queue", "!nowplaying"):
        assert await typing.type(command) == "⏳ Blue Danube is being opened."
    assert typing.stage.control.now(HERE) == "Blue Danube is being opened. Nothing waits."
    assert await typing.type("!skip") == "⏭️ Skipped."
    assert await playing == "❌ Blue Danube: It was ended before it began."


async def test_web_addresses_are_offered_if_the_operator_allows_hosts(typing: Typing, tmp_path: Path) -> None:
    music = typing.stage.music
    assert await typing.type("!play music.test/live") == (
        "❓ If that is a web address, begin it with `https://` or `http://`."
    )
    music.web = WebMusic(frozenset({"music.test"}))
    assert await typing.type("!play http://music.test/a <http://music.test/b>") == "❌ One address at a time, please."
    assert (await typing.type("!play")).startswith("❌ Say what to play: `!play NAME`, `!play ADDRESS`. I have")
    alone = MusicService(None, tmp_path, music.web)
    for takes_files, more in (
        (False, "Give me a web address."),
        (True, "Give me a web address or attach a sound file."),
    ):
        typed = TypedMusic(typing.stage.control, alone, "!", takes_files=takes_files)
        with pytest.raises(UserError) as caught:
            await typed.play(HERE, "radio")
        assert str(caught.value) == f"❌ I have no music here (nobody has set MUSIC_DIR). {more}"


async def test_whoever_waits_behind_a_stream_learns_that_it_has_no_end(typing: Typing) -> None:
    call: Any = typing.stage.call
    assert await typing.type("!play blue") == "▶️ Blue Danube"
    player = typing.stage.music.player(call)
    assert player is not None
    assert player.playing is not None
    player.playing.live = True
    assert await typing.type("!play red") == ("➕ Red_River (1 before it). Blue Danube has no end: `!skip` ends it.")


async def test_a_person_who_asked_for_the_stream_is_not_told_that_it_has_no_end(
    typing: Typing, monkeypatch: pytest.MonkeyPatch
) -> None:
    call: Any = typing.stage.call
    monkeypatch.setattr(music_control, "OPENING_SECONDS", LIMIT)
    typing.stage.held.clear()
    first = asyncio.create_task(typing.type("!play blue"))
    async with asyncio.timeout(LIMIT):
        while typing.stage.playing != "Blue Danube":
            await asyncio.sleep(0)
    assert await typing.type("!play red") == "➕ Red_River (1 before it)"
    player = typing.stage.music.player(call)
    assert player is not None
    assert player.playing is not None
    player.playing.live = True
    typing.stage.held.set()
    assert await first == "▶️ Blue Danube"


async def test_commands_that_wait_are_bounded() -> None:
    held = asyncio.Event()

    async def wait(*_: object) -> str:
        await held.wait()
        return "▶️"

    music, call = BrowserMusic(Mock(play=wait), Mock(), "!"), Mock(id="c1")
    waiting = [asyncio.create_task(music.carry_out(call, "play", "x")) for _ in range(MAX_AT_ONCE)]
    await asyncio.sleep(0)
    with pytest.raises(UserError, match="One moment"):
        await music.carry_out(call, "play", "x")
    held.set()
    assert await asyncio.gather(*waiting) == ["▶️"] * MAX_AT_ONCE
    assert await music.carry_out(call, "play", "x") == "▶️"
