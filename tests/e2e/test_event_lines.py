"""Tests of ``python -m bot run --events``: each line of a real call, from the start to SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sandbox.guest import Guest
from sandbox.server import Sandbox
from tests.e2e.program import SAID_LIMIT, VOICE, logged_program
from tests.e2e.talking import talk
from tests.forked import Forked
from tests.watching.event_schema import SAID, checked

QUESTION = "What time is it?"
LONG = "One, two, three, four, five, six, seven, eight, nine, ten. " * 4

Line = dict[str, Any]


class Lines:
    """The bot's output so far. Every line is checked when it arrives."""

    def __init__(self, process: Forked) -> None:
        assert process.stdout is not None
        self.all: list[Line] = []
        self._stream = process.stdout

    async def until(self, kind: str) -> Line:
        """Read lines until one has this type, and return it."""
        async with asyncio.timeout(SAID_LIMIT):
            while True:
                line = await self._next()
                assert line is not None, f"ended before {kind}"
                if line["type"] == kind:
                    return line

    async def rest(self) -> list[Line]:
        """All lines until the end."""
        before = len(self.all)
        async with asyncio.timeout(SAID_LIMIT):
            while await self._next() is not None:
                pass
        return self.all[before:]

    async def _next(self) -> Line | None:
        text = await self._stream.readline()
        if not text:
            return None
        assert text.endswith(b"\n"), "a line is whole"
        self.all.append(checked(text))
        return self.all[-1]

    def since(self, line: Line) -> list[str]:
        """The types of all lines after a line, except notices."""
        place = next(number for number, other in enumerate(self.all) if other is line)
        return [later["type"] for later in self.all[place + 1 :] if later["type"] != "notice"]


@asynccontextmanager
async def bot(sandbox: Sandbox, folder: Path, cache: Path, **settings: str) -> AsyncIterator[Forked]:
    """Run ``python -m bot run --events`` with its log in a file, so that its output has only event lines."""
    log, environment = folder / "bot.log", {"CACHE_DIR": str(cache), **settings, **sandbox.bot_settings}
    async with logged_program(log, "run", "--events", folder=folder, **environment) as process:
        yield process


async def test_every_line_of_a_whole_call_is_right(tmp_path: Path, cache_dir: Path) -> None:
    began = time.monotonic()
    async with Sandbox() as sandbox:
        ada = await sandbox.add_guest("Ada")
        await ada.join_voice(sandbox.voice_channel)
        async with bot(sandbox, tmp_path, cache_dir) as process:
            lines = Lines(process)
            await lines.until("ready")
            assert lines.all == [lines.all[0]], "nothing comes before the line ready"
            assert (await lines.until("web.ready"))["url"].startswith("http://127.0.0.1:")
            await ada.say(sandbox.text_channel, "!join")
            started = await lines.until("call.started")
            assert (started["transport"], started["place"]) == ("discord", "Lounge")
            assert "I listen" in (await lines.until("notice"))["text"]
            await _speaks_and_is_answered(lines, ada)
            await _types_and_is_answered(lines, ada, sandbox)
            await _stops_what_is_recited(lines, ada, sandbox)
            process.send_signal(signal.SIGTERM)
            last = (await lines.rest())[-1]
            assert await process.wait() == 0
    assert (last["type"], last["cause"], last["call"]) == ("call.ended", "shutdown", started["call"])
    assert {line["call"] for line in lines.all[2:]} == {started["call"]}
    times = [line["t"] for line in lines.all]
    assert times == sorted(times)
    assert began < times[0]
    assert times[-1] < time.monotonic()


async def _speaks_and_is_answered(lines: Lines, ada: Guest) -> None:
    talking = asyncio.create_task(talk(ada, QUESTION))
    speech_started = await lines.until("input_audio_buffer.speech_started")
    done = await lines.until("response.done")
    await talking
    assert lines.since(speech_started) == [
        "input_audio_buffer.speech_stopped",
        SAID,
        "response.created",
        *["response.output_audio_transcript.delta"]
        * lines.since(speech_started).count("response.output_audio_transcript.delta"),
        "response.done",
    ]
    *_, said, created = (line for line in lines.all if line["type"] in (SAID, "response.created"))
    assert (said["person"], said["name"], said["transcript"], said["addressed"]) == (str(ada.id), "Ada", QUESTION, True)
    assert (created["name"], created["prompt"]) == ("Ada", QUESTION)
    turns = {line["turn"] for line in lines.all[lines.all.index(speech_started) :] if line["type"] != "notice"}
    assert len(turns) == 1, "one turn, from the first sound to the last word of the answer"
    deltas = [line for line in lines.all if line["type"] == "response.output_audio_transcript.delta"]
    assert {line["reply"] for line in (created, *deltas, done)} == {created["reply"]}
    assert "".join(line["delta"] for line in deltas).split() == done["heard"].split()
    assert done["status"] == "completed"
    stages = done["stages"]
    assert stages["microphone"] <= stages["words"]
    assert stages["first_token"] <= stages["first_clause"] <= stages["first_sound"] <= stages["first_packet"]
    assert max(stages["end_of_turn"], stages["first_packet"]) < stages["last_packet"]
    assert stages["audio_ms"] > 0


async def _types_and_is_answered(lines: Lines, ada: Guest, sandbox: Sandbox) -> None:
    await ada.say(sandbox.text_channel, "How are you?")
    created = await lines.until("response.created")
    assert (created["name"], created["prompt"]) == ("Ada", "How are you?")
    assert "turn" not in created
    done = await lines.until("response.done")
    assert (done["status"], done["reply"]) == ("completed", created["reply"])
    assert "turn" not in done
    assert (done["stages"]["microphone"], done["stages"]["words"]) == (None, None)


async def _stops_what_is_recited(lines: Lines, ada: Guest, sandbox: Sandbox) -> None:
    await ada.say(sandbox.text_channel, f"!speak {LONG}")
    created = await lines.until("response.created")
    assert created["prompt"].split() == LONG.split()
    await lines.until("response.output_audio_transcript.delta")
    await ada.say(sandbox.text_channel, "!stop")
    done = await lines.until("response.done")
    assert (done["status"], done["reply"]) == ("cancelled", created["reply"])
    assert LONG.startswith(done["heard"])


async def test_sigterm_causes_a_last_line_even_if_there_was_no_call(
    tmp_path: Path, cache_dir: Path, speech_server: str
) -> None:
    async with Sandbox() as sandbox, bot(sandbox, tmp_path, cache_dir, **{VOICE: speech_server}) as process:
        lines = Lines(process)
        await lines.until("web.ready")
        process.send_signal(signal.SIGTERM)
        (last,) = await lines.rest()
        assert await process.wait() == 0
    assert (last["type"], last["cause"]) == ("call.ended", "shutdown")
    assert "call" not in last


async def test_a_program_that_no_longer_reads_event_lines_does_not_affect_the_bot(
    tmp_path: Path, cache_dir: Path, speech_server: str
) -> None:
    async with Sandbox() as sandbox, bot(sandbox, tmp_path, cache_dir, **{VOICE: speech_server}) as process:
        await Lines(process).until("ready")
        process.stdout._transport.close()  # type: ignore[union-attr]
        ada = await sandbox.add_guest("Ada")
        await ada.join_voice(sandbox.voice_channel)
        await ada.say(sandbox.text_channel, "!join")
        await ada.wait_for_message(sandbox.text_channel, lambda said: said.content.startswith("🎤 Joined"), SAID_LIMIT)
        await ada.say(sandbox.text_channel, "How are you?")
        await ada.voice.receiver.wait_for_audio(sandbox.bot_id, SAID_LIMIT)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    assert "Traceback" not in (tmp_path / "bot.log").read_text()
