"""The bot's side of the transcriber process: starts it, sends it requests, detects that it hangs, and ends it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from itertools import count
from typing import Any

from audio.samples import Sound16
from bot.hanging import CHECK_AGAIN, ProcessActivity, answers_in_time
from bot.voice.transcribe.worker_wire import PREFIX_BYTES, decode_frame, encode_frame, lengths
from config.children import end_child
from config.project import child_environment

WORKER = ("-m", "bot.voice.transcribe.worker")
"""Arguments of Python that run the process."""


class WorkerGoneError(Exception):
    """The process has ended, or hangs."""


class Worker:
    """A running transcriber process. It answers one question at a time; further questions wait."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = count(1)
        self._asking = asyncio.Lock()

    @classmethod
    async def start(cls, threads: int, program: Sequence[str] = WORKER) -> Worker:
        """Start the process.

        Args:
            threads: number of threads that the process computes with.
            program: arguments of Python that run the process.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            env=child_environment(
                {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
            ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # In a session of its own, the process gets no Ctrl-C. The bot ends it by closing its input.
            start_new_session=True,
        )
        return cls(process)

    @property
    def alive(self) -> bool:
        """True until the process has ended."""
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
        """Ask a question and wait for the answer; see :func:`~bot.hanging.answers_in_time` for the limits.

        Args:
            header: the question.
            sound: sound of the question, if it has one: mono, 16,000 Hz.
            limit: seconds after which the answer is late.
            ceiling: seconds after which the process counts as hanging in any case.
            idle_limit: seconds without activity after which the process counts as hanging if the answer is late.

        Returns:
            The header of the answer.

        Raises:
            WorkerGoneError: the process has ended, or hangs.
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
        """Send a question and wait for its answer, without a time limit."""
        if self._process.stdin is None or self._process.stdout is None:
            raise WorkerGoneError("The transcriber has no streams.")
        self._process.stdin.write(encode_frame(question, sound))
        await self._process.stdin.drain()
        stream = self._process.stdout
        while True:
            head, body = lengths(await stream.readexactly(PREFIX_BYTES))
            header, _ = decode_frame(await stream.readexactly(head), await stream.readexactly(body))
            # The answer to an earlier question, which was cancelled, is ignored.
            if header.get("id") == question["id"]:
                return header

    async def end(self) -> None:
        """End the process, even if it hangs."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await end_child(self._process)
