"""Tests of the programs that read pages, feeds and files of others: they limit themselves before they read anything."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from bot.features.figurine_notifier import parser
from bot.knowledge.readers import child
from bot.tools.builtin import page_text
from tests.timing import LIMIT, wait_until

MIB = 1024**2


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit, to look at the limits of another process")
@pytest.mark.parametrize(
    "command", [(page_text.__file__, "html", "utf-8"), (parser.__file__,)], ids=["a page", "a feed"]
)
async def test_programs_that_read_pages_or_feeds_have_little_time_and_memory(command: tuple[str, ...]) -> None:
    own = resource.getrlimit(resource.RLIMIT_AS)
    process = await asyncio.create_subprocess_exec(sys.executable, "-I", *command, stdin=asyncio.subprocess.PIPE)
    try:
        # The program has set its limits, and waits for its input.
        await wait_until(lambda: resource.prlimit(process.pid, resource.RLIMIT_AS) != own)
        memory, seconds = (resource.prlimit(process.pid, kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU))
    finally:
        process.kill()
        await process.wait()
    assert 0 < memory <= 1024 * MIB
    assert 0 < seconds <= 60


def test_the_reader_of_knowledge_reads_no_pipe_that_has_taken_the_place_of_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "notes.txt"
    os.mkfifo(pipe)
    command = (sys.executable, "-I", child.__file__, str(pipe), "text")
    done = subprocess.run(command, capture_output=True, timeout=LIMIT, check=True)
    assert json.loads(done.stdout) == ["error", "this is no file"]
