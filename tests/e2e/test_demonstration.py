"""Tests of the whole demonstration: it works with any settings of the user, who can type to the bot afterwards."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from numpy.typing import NDArray

from audio.level import rms_of_frames
from audio.pcm import from_pcm16
from config.project import ROOT
from tests.e2e.program import VOICE

LIMIT = 180.0
"""Seconds that a test waits at most, so that a broken test ends."""
CTRL_C, CTRL_D = b"\x03", b"\x04"
OWN_SETTINGS = """\
COMMAND_PREFIX=?
PROMPT_CHANNEL=voice-prompts
VOICE_ENABLED=false
PERSONA=helper
LISTENING=opt-in
TTS_VOICE=de
"""


class Terminal:
    """A program in its own terminal, with its output and input."""

    def __init__(self, process: asyncio.subprocess.Process, descriptor: int) -> None:
        self.process = process
        self._received = ""
        self._descriptor = descriptor
        self._news = asyncio.Event()

    @property
    def printed(self) -> str:
        """The output without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self._received)

    def take(self) -> None:
        try:
            data = os.read(self._descriptor, 65_536)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._descriptor)
        self._received += data.decode("utf-8", "replace")
        self._news.set()

    def type(self, keys: bytes) -> None:
        os.write(self._descriptor, keys)

    async def shows(self, words: str, *, since: int = 0) -> int:
        """Wait until these words are printed. Returns the position after them."""
        try:
            async with asyncio.timeout(LIMIT):
                while words not in self.printed[since:]:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{words!r} did not come in:\n{self.printed}") from None
        return self.printed.index(words, since) + len(words)


@asynccontextmanager
async def in_terminal(
    folder: Path, *arguments: str, program: tuple[str, ...] = ("-m", "bot"), **environment: str
) -> AsyncIterator[Terminal]:
    ours, its = os.openpty()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    # Make this terminal the controlling terminal of the program's session, as a shell does.
    begin = (
        "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, sys.argv[1:])"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", begin, sys.executable, *program, *arguments),
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm", "WEIGHTS": "toys", **environment},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    terminal = Terminal(process, ours)
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, terminal.take)
    try:
        yield terminal
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def loudness(path: Path) -> NDArray[np.float64]:
    """The loudness of each quarter of a second."""
    with wave.open(str(path)) as file:
        return rms_of_frames(from_pcm16(file.readframes(file.getnframes())), 12_000)


@pytest.mark.slow
async def test_after_the_call_a_person_with_their_own_settings_types_to_the_bot(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(OWN_SETTINGS, "utf-8")
    kept = tmp_path / "data" / "demo"
    async with in_terminal(tmp_path, "demo", "--stay") as terminal:
        await terminal.shows("COMMAND_PREFIX, LISTENING, PERSONA, PROMPT_CHANNEL")
        at = await terminal.shows("you> ")
        assert "✘" not in terminal.printed
        loading = terminal.printed.index("The bot's ears, mind and voice are being loaded.")
        assert loading < terminal.printed.index("Ada types: ")
        assert "Ada coughs." in terminal.printed
        assert "says: " in terminal.printed
        terminal.type(b"How are you?\n")
        at = await terminal.shows("I'm doing fine", since=at)
        at = await terminal.shows("answer-1.wav", since=at)
        at = await terminal.shows("you> ", since=at)
        terminal.type(b"!Volume\n")
        at = await terminal.shows("(written) 🔊 Volume: 100 %", since=at)
        at = await terminal.shows("you> ", since=at)
        terminal.type(b"/volume\n")
        at = await terminal.shows("Here, type !volume", since=at)
        at = await terminal.shows("you> ", since=at)
        terminal.type(b"!voice-status\n")
        at = await terminal.shows("prompts from #general", since=at)
        at = await terminal.shows("Where the time went", since=at)
        at = await terminal.shows("▒ first token", since=at)
        at = await terminal.shows("you> ", since=at)
        terminal.type(b"!memory forget all\n")
        at = await terminal.shows("after other talk with its brackets: [1] Forget", since=at)
        at = await terminal.shows("you> ", since=at)
        terminal.type(b"2\n")
        at = await terminal.shows("I keep it.", since=at)
        at = await terminal.shows("you> ", since=at)
        terminal.type(b"!leave\n")
        at = await terminal.shows("(!leave)", since=at)
        at = await terminal.shows("👋 Left voice channel!", since=at)
        at = await terminal.shows("you> ", since=at)
        terminal.type(b"How are you?\n")
        at = await terminal.shows("(written) I'm doing fine", since=at)
        at = await terminal.shows("you> ", since=at)
        terminal.type(CTRL_D)
        await terminal.shows("Ended.", since=at)
        assert await asyncio.wait_for(terminal.process.wait(), LIMIT) == 0
    conversation = (kept / "conversation.txt").read_text("utf-8").splitlines()
    assert conversation[0] == "You: How are you?"
    assert conversation[1].startswith("Seiyuu: I'm doing fine")
    assert "**" not in "".join(conversation)
    assert "<#" not in "".join(conversation)
    assert loudness(kept / "answer-1.wav").max() > 0.02
    whole, bot = loudness(kept / "call.wav"), loudness(kept / "heard-by-ada.wav")
    assert (whole > 0.02).sum() > (bot > 0.02).sum() + 8, (
        "the recording of the call has people's voices too, for two seconds and more"
    )


IMPATIENT = (
    "import sys, bot.demo.guests as guests; guests.REPLY_LIMIT = 0.01; "
    "from bot.__main__ import main; sys.exit(main(sys.argv[1:]))"
)
"""A demonstration whose guests hardly wait for an answer, as if the machine were too busy to give one in time."""


@pytest.mark.slow
async def test_a_failure_of_the_demonstration_is_reported_and_a_person_can_type_nevertheless(
    tmp_path: Path, speech_server: str
) -> None:
    voiced = {VOICE: speech_server}
    async with in_terminal(tmp_path, "demo", "--stay", program=("-c", IMPATIENT), **voiced) as terminal:
        at = await terminal.shows("What Ada heard: ")
        at = await terminal.shows("✘ waited 0 seconds in vain for the end of a reply.", since=at)
        at = await terminal.shows("you> ", since=at)
        terminal.type(b"How are you?\n")
        await terminal.shows("I'm doing fine", since=at)
        terminal.type(CTRL_D)
        await terminal.shows("Ended.", since=at)
        assert await asyncio.wait_for(terminal.process.wait(), LIMIT) == 0


async def test_after_the_demonstration_the_page_is_served_until_ctrl_c(tmp_path: Path, speech_server: str) -> None:
    (tmp_path / ".env").write_text("WEB_BIND=127.0.0.1:0\n", "utf-8")
    async with in_terminal(tmp_path, program=("-c", IMPATIENT), **{VOICE: speech_server}) as terminal:
        at = await terminal.shows("✘ waited 0 seconds in vain for the end of a reply.")
        at = await terminal.shows("Page: http://127.0.0.1:", since=at)
        await terminal.shows("Ready.", since=at)
        said = terminal.printed.replace("\r", "")
        (line,) = [line for line in said.splitlines() if line.startswith("Page: ")]
        assert "Ready." in said.splitlines()
        async with aiohttp.ClientSession() as session, session.get(line.removeprefix("Page: ")) as answer:
            assert answer.status == 200
        terminal.type(CTRL_C)
        assert await asyncio.wait_for(terminal.process.wait(), LIMIT) == 0
    assert "Traceback" not in terminal.printed
