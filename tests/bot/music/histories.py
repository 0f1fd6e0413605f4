"""Random histories of music in calls: real pieces, the real decoding process, and calls over a transport in memory."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import tempfile
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from audio.encoders import write_audio_file
from bot.music.decoding import MusicError, Source
from bot.music.library import NotFoundInLibraryError
from bot.music.player import MAX_QUEUED, MusicPlayer, Track
from bot.music.service import LOUDNESS_FOLDER, MusicService
from bot.music.sound_board import SoundBoard
from bot.user_error import UserError
from bot.voice.mixing.stream import Channel
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import speech
from tests.bot.music.pieces import wav, write
from tests.timing import LIMIT
from tests.tones import tone
from tests.voice.doubles import ConstantTranscriber, HummingSpeech, RepeatingResponder
from tests.voice.memory_call import ADA, MemoryCall, memory_call

WORDS = speech("Please turn the volume down.", ADAS_VOICE)
STEPS = {"end": 3, "barge in": 6, "play": 32, "sound": 8, "stop": 20, "listen": 31}
"""How often each kind of step is taken, in percent: a call ends; somebody speaks over the bot; a piece or a short sound
is asked for; music, sounds or the bot's reply are stopped or changed; somebody listens until a piece has begun, or none
is left.
"""
GOOD = ("Short One.wav", "Long One.wav", "Flac.flac", "Opus.opus")
PAUSES = (0.0, 0.0, 0.02, 0.1)
"""Seconds between two steps. With 0, a step comes before the last one has had any effect."""


@dataclass(frozen=True, slots=True)
class Held:
    """What this process holds: tasks, threads, child processes, open descriptors, and files beside the music."""

    tasks: Counter[str]
    threads: Counter[str]
    children: frozenset[int]
    descriptors: Counter[str]
    files: frozenset[str]

    def beyond(self, before: Held) -> dict[str, object]:
        """What is held beyond what was held before, by kind. Empty if there is no more."""
        more = {
            "tasks": self.tasks - before.tasks,
            "threads": self.threads - before.threads,
            "children": self.children - before.children,
            "descriptors": self.descriptors - before.descriptors,
            "files": self.files - before.files,
        }
        return {kind: held for kind, held in more.items() if held}


def held(folder: Path) -> Held:
    """What is held now. The files are those below ``folder`` and in the folder of temporary files.

    Measured loudness is kept on purpose, so its files do not count.
    """
    gc.collect()
    # The threads of the loop's executor stay for the next use. Their names are "asyncio_0" and so on.
    threads = Counter(thread.name for thread in threading.enumerate() if not thread.name.startswith("asyncio_"))
    descriptors: Counter[str] = Counter()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            descriptors[str(descriptor.readlink()).split(":")[0]] += 1
    kept = folder / LOUDNESS_FOLDER
    files = {path for path in (*folder.rglob("*"), *Path(tempfile.gettempdir()).rglob("*")) if not is_kept(path, kept)}
    return Held(
        Counter(getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()),
        threads,
        frozenset(child.pid for child in psutil.Process().children(recursive=True)),
        descriptors,
        frozenset(map(str, files)),
    )


def is_kept(path: Path, store: Path) -> bool:
    """Whether this is the store of measured loudness, or a finished file in it, which is named by a hash."""
    return path == store or (path.parent == store and len(path.name) == 64)


def make_music(folder: Path) -> None:
    """Good pieces, short and long, in four formats, and broken ones."""
    write(folder / GOOD[0], wav(0.3, 0.2, rate=16_000, channels=1))
    write(folder / GOOD[1], wav(20.0, 0.2, rate=16_000, channels=1))
    sound = tone(3.0)
    write_audio_file(folder / GOOD[2], sound, 48_000, "flac")
    write_audio_file(folder / GOOD[3], sound, 48_000, "libopus", bit_rate=32_000)
    noise = np.random.default_rng(1).bytes
    write(folder / "Cut Off.flac", (folder / GOOD[2]).read_bytes()[:4_000])
    opus = (folder / GOOD[3]).read_bytes()
    write(folder / "Noisy.opus", opus[:2_000] + noise(2_000) + opus[4_000:])
    write(folder / "Text.mp3", b"Hello, I am music.\n" * 50)
    write(folder / "Noise.mp3", noise(20_000))
    write(folder / "List.ogg", b"#EXTM3U\nfile:///etc/passwd\n")
    write(folder / "Empty.wav", b"")


class History:
    """A random history, the same for the same seed.

    Attributes:
        told: the texts that people got: notices of the calls, and how pieces and sounds began or failed.
        steps: how often each thing was done.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.told: list[str] = []
        self.steps: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._music = MusicService(folder / "music", folder)
        self._board = SoundBoard(folder / "music", folder, self._volume_of_sounds)
        self._sounds: set[asyncio.Task[str]] = set()
        self._waiting: set[asyncio.Future[bool]] = set()
        self._speaking: set[asyncio.Task[None]] = set()

    async def _volume_of_sounds(self, place: int) -> float:
        del place
        return self._random.uniform(0, 2)

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[MemoryCall]:
        async with memory_call(self.folder, ConstantTranscriber(), RepeatingResponder(), HummingSpeech()) as memory:
            try:
                yield memory
                for speaking in self._speaking:
                    speaking.cancel()
                await asyncio.gather(*self._speaking, return_exceptions=True)
            finally:
                self.told += memory.transport.told

    async def run(self, steps: int) -> None:
        """Take this many steps, in as many calls as it needs. Afterwards no call is left.

        The first call begins with steps that are certain. On a slow machine, pieces and sounds may be stopped before
        they begin, so chance alone may let hardly any begin.
        """
        certain = True
        while steps > 0:
            async with self._call() as memory:
                if certain:
                    certain = False
                    await self._certain_steps(memory)
                while steps > 0:
                    steps -= 1
                    if not await self._step(memory):
                        break
        async with asyncio.timeout(LIMIT):
            begun = await asyncio.gather(*self._waiting, return_exceptions=True)
            sounds = await asyncio.gather(*self._sounds, return_exceptions=True)
        for sound in sounds:
            if isinstance(sound, BaseException) and not isinstance(sound, UserError):
                raise sound
            self.steps["sound refused" if isinstance(sound, UserError) else "sound heard"] += 1
        self.told += [f"❌ {each}" if isinstance(each, Exception) else "▶️" if each else "skipped" for each in begun]

    async def _certain_steps(self, memory: MemoryCall) -> None:
        """Two pieces and a sound that begin, and two pieces and a sound that are refused, one after the other."""
        player, loop = self._music.require_player(memory.call, 1.0), asyncio.get_running_loop()
        for title in (GOOD[0], "Text.mp3", GOOD[1], "Noise.mp3"):
            begun = loop.create_future()
            player.add(Track(title, self.folder / "music" / title, begun))
            self._count("play")
            self._waiting.add(begun)
            async with asyncio.timeout(LIMIT):
                await asyncio.wait([begun])
            player.skip()
        for name in (GOOD[0], "Text.mp3"):
            self._count("sound")
            sound = asyncio.create_task(self._board.play(memory.call, name))
            self._sounds.add(sound)
            async with asyncio.timeout(LIMIT):
                await asyncio.wait([sound])

    async def _step(self, memory: MemoryCall) -> bool:
        """Take one step. Returns whether the call goes on."""
        player = self._music.require_player(memory.call, 1.0)
        kind = self._random.choices([*STEPS], [*STEPS.values()])[0]
        match kind:
            case "end":
                self._count("call ended")
                return False
            case "barge in":
                self._count("person speaks")
                speaking = asyncio.create_task(memory.hear(ADA, WORDS))
                self._speaking.add(speaking)
                speaking.add_done_callback(self._speaking.discard)
            case "play":
                await self._play(player)
            case "sound":
                self._count("sound")
                name = self._random.choice(sorted(path.name for path in (self.folder / "music").iterdir()))
                self._sounds.add(asyncio.create_task(self._board.play(memory.call, name)))
            case "stop":
                self._stop(memory, player)
            case "listen":
                await self._listen(player)
        await asyncio.sleep(self._random.choice(PAUSES))
        return True

    async def _listen(self, player: MusicPlayer) -> None:
        self._count("listen")

        def opening() -> bool:
            return bool(player.waiting) if player.playing is None else player.playing.stream is None

        async with asyncio.timeout(LIMIT):
            while opening():
                await asyncio.sleep(0.01)

    def _count(self, step: str) -> None:
        self.steps[step] += 1

    async def _play(self, player: MusicPlayer) -> None:
        names = sorted(path.name for path in (self.folder / "music").iterdir())
        count = MAX_QUEUED + 1 if self._random.random() < 0.05 else 1
        titles = self._random.choices(names, [3 if name in GOOD else 1 for name in names], k=count)
        begun = asyncio.get_running_loop().create_future() if self._random.random() < 0.5 else None
        try:
            for number, title in enumerate(titles):
                player.add(Track(title, await self._source(title), begun if number == 0 else None))
                self._count("play")
                if number == 0 and begun is not None:
                    self._waiting.add(begun)
        except MusicError as error:
            self._count("queue full")
            self.told.append(str(error))

    async def _source(self, title: str) -> Source:
        """A piece of the folder, an attachment with its content, or something that is not there."""
        kind, pause = (
            self._random.choice(("file", "file", "file", "attachment", "attachment", "slow", "failing", "gone")),
            self._random.random(),
        )
        path = self.folder / "music" / title
        match kind:
            case "file":
                try:
                    return (await self._music.find(title)).path
                except NotFoundInLibraryError:
                    return path
            case "gone":
                return self.folder / "music" / "gone.mp3"

        async def fetch() -> bytes:
            await asyncio.sleep(pause if kind == "slow" else 0.0)
            if kind == "failing":
                raise MusicError("It could not be fetched.")
            return path.read_bytes()

        return fetch

    def _stop(self, memory: MemoryCall, player: MusicPlayer) -> None:
        step = self._random.choice(
            ("skip", "skip", "skip", "skip", "stop", "pause", "pause", "volume", "stop talking", "stop sounds")
        )
        self._count(step)
        match step:
            case "skip":
                player.skip()
            case "stop":
                player.stop()
            case "pause":
                player.pause()
            case "volume":
                memory.call.mixer.set_volume(Channel.MUSIC, self._random.uniform(0, 2))
            case "stop sounds":
                self._board.stop(memory.call)
            case _:
                memory.call.conversation.stop()


async def settled(folder: Path, before: Held) -> dict[str, object]:
    """Wait until no more is held than before, four seconds at most. Returns what is held beyond it."""
    beyond: dict[str, object] = {}
    for _ in range(200):
        beyond = held(folder).beyond(before)
        if not beyond:
            break
        await asyncio.sleep(0.02)
    return beyond


async def left_by_a_history(folder: Path, seed: int, steps: int) -> tuple[History, dict[str, object]]:
    """Run a history. Returns the history, and what is still held after it."""
    make_music(folder / "music")
    # The first call opens what stays: the loop's watcher of children, the modules of a call, measured loudness.
    await History(folder, seed + 1).run(3)
    history, before = History(folder, seed), held(folder)
    await history.run(steps)
    return history, await settled(folder, before)
