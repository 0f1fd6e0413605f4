"""The recogniser's process, as the bot sees it: started, asked, found hanging, ended."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from itertools import count
from typing import Any

from audio.samples import Sound16
from bot.hanging import CHECK_AGAIN, ProcessActivity, answers_in_time
from bot.voice.transcribe.worker_wire import PREFIX, decode_frame, encode_frame, lengths
from config.children import end_child
from config.project import child_environment

WORKER = ("-m", "bot.voice.transcribe.worker")
"""What Python is to run."""


class WorkerGoneError(Exception):
    """The process has ended, or hangs."""


class Worker:
    """The process: one question at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = count(1)
        self._asking = asyncio.Lock()

    @classmethod
    async def start(cls, threads: int, program: Sequence[str] = WORKER) -> Worker:
        """Start it; it says nothing by itself."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            env=child_environment({"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Ctrl-C reaches the bot alone, which ends this one by closing its input.
            start_new_session=True,
        )
        return cls(process)

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process.returncode is None

    async def ask(
        self,
        header: dict[str, Any],
        sound: Sound16 | None,
        limit: float,
        ceiling: float,
        *,
        idle_limit: float = CHECK_AGAIN,
    ) -> dict[str, Any]:
        """Ask; see :func:`~bot.hanging.answers_in_time` for who hangs.

        Raises:
            WorkerGoneError: it ended, or hangs.
        """
        number = next(self._numbers)
        async with self._asking:
            asking = asyncio.create_task(self._ask({"id": number, **header}, sound), name="question to the transcriber")

            async def answered(seconds: float) -> bool:
                await asyncio.wait([asking], timeout=seconds)
                return asking.done()

            try:
                if not await answers_in_time(
                    answered, ProcessActivity(self._process.pid).active, limit, ceiling, idle_limit
                ):
                    raise WorkerGoneError("The transcriber hangs.")
                return asking.result()
            except (ConnectionError, asyncio.IncompleteReadError, ValueError) as error:
                raise WorkerGoneError("The transcriber's process ended.") from error
            finally:
                asking.cancel()

    async def _ask(self, question: dict[str, Any], sound: Sound16 | None) -> dict[str, Any]:
        if self._process.stdin is None or self._process.stdout is None:
            raise WorkerGoneError("The transcriber has no streams.")
        self._process.stdin.write(encode_frame(question, sound))
        await self._process.stdin.drain()
        stream = self._process.stdout
        while True:
            head, body = lengths(await stream.readexactly(PREFIX))
            header, _ = decode_frame(await stream.readexactly(head), await stream.readexactly(body))
            # The answer to a question that nobody waits for any more is passed over.
            if header.get("id") == question["id"]:
                return header

    async def end(self) -> None:
        """End it; also one that hangs."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await end_child(self._process)
