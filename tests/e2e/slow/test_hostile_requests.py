"""Ten thousand hostile requests to the running programs: the bot (`python -m bot talk`) and its speech server."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from pathlib import Path

import aiohttp
import psutil
import pytest

from bot.http.api.description import document
from config.project import ROOT
from tests.bot.http.web_stage import bearer
from tests.e2e.program import SAID_LIMIT, read_until, running, speech_port
from tests.e2e.test_page import page_of
from tests.fuzzing.attack import Target, attack
from tts_server.api.status_api import document as speech_document

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]

COUNT = 10_000
GROWTH = 20 * 1024**2
"""Largest growth of a program's memory in the second half, in bytes. The first half loads whatever is loaded once."""
WEB, VOICE = "canary-of-the-page", "canary-of-the-voice"
KEYS = {"OPENAI_API_KEY": "canary-of-a-service", "LLM_API_KEY": "canary-of-the-mind", "ELEVENLABS_API_KEY": "canary-x"}
SPEECH_FIELDS = ("message", "type", "param", "code")


async def test_ten_thousand_hostile_requests_are_answered_or_refused_in_words(tmp_path: Path, cache_dir: Path) -> None:
    settings = {
        "WEB_TOKEN": WEB,
        "TTS_TOKEN": VOICE,
        "TTS_ENGINE": "espeak",
        "TTS_REQUESTS_PER_MINUTE": "100000",
        "DISCORD_API_URL": "http://127.0.0.1:9",
        # glibc keeps the memory that each thread has freed, except with this setting. What is left is what the programs
        # themselves keep.
        "MALLOC_ARENA_MAX": "1",
        "CACHE_DIR": str(cache_dir),
        **KEYS,
    }
    usual = {"TTS_BIND": "127.0.0.1:0", "WEB_BIND": "127.0.0.1:0", "WEIGHTS": "toys"}
    secrets = [each.encode() for each in (WEB, VOICE, *KEYS.values(), str(tmp_path), str(Path.home()), str(ROOT))]
    # A forked program would not read the setting of glibc.
    command = ("sh", "-c", 'exec "$0" -m bot talk 2> log', sys.executable)
    async with running(*command, folder=tmp_path, **usual, **settings) as process:
        url = await page_of(process)
        await read_until(process, "Ready.")
        port = int(url.rstrip("/").rpartition(":")[2])
        async with aiohttp.ClientSession() as session, session.post(f"{url}login", json={"token": WEB}) as answer:
            cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
        # Behind a proxy, nobody is told where folders lie. A client on this machine may be told.
        targets = (
            Target(port, document(), {**cookie, "Via": "1.1 a proxy"}, ("code", "message"), secrets),
            Target(port, document(), cookie, ("code", "message"), secrets[:-3]),
            Target(speech_port(process), speech_document(), bearer(VOICE), SPEECH_FIELDS, secrets),
        )
        programs = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
        assert len(programs) > 1
        sizes, answered = list[list[int]](), Counter[object]()
        for half in range(2):
            for number, target in enumerate(targets):
                answered += await attack(target, COUNT // 2 // len(targets) + 1, seed=10 * half + number)
            sizes.append([each.memory_info().rss for each in programs])
        shown = [[size >> 20 for size in each] for each in sizes]
        sys.stderr.write(f"\nAnswers: {dict(answered)}\nMemory after each half, in MiB: {shown}\n")
        assert [each for each in answered if isinstance(each, int) and each >= 500 and each != 503] == []
        assert all(after - before < GROWTH for before, after in zip(*sizes, strict=True)), shown
        async with aiohttp.ClientSession() as session, session.get(f"{url}health") as answer:
            assert (await answer.json())["status"] == "healthy"
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), SAID_LIMIT) == 0
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert [each for each in (WEB, VOICE, *KEYS.values()) if each in log] == []
