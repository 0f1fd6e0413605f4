"""Several transcription servers that stand in for each other."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from bot.servers.choice import Candidate, ServerChoice
from bot.servers.probes import ServerProbes
from bot.voice.transcribe.openai_transcriber import OpenAITranscriber
from bot.voice.transcribe.transcriber import (
    SoundRefusedError,
    Transcript,
    TranscriptionError,
    TranscriptionLimitError,
    TranscriptionRequest,
    TranscriptionShed,
    Urgency,
)

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

SLOW_AFTER = 5.0
"""Seconds, plus the duration of the sound, after which another server is asked for the words of a turn."""


class TranscriptionServers:
    """The :class:`~bot.voice.transcribe.transcriber.Transcriber` that asks one of several servers.

    When a turn is over, one server after another is asked for its words until one gives them, so nothing is lost.
    Requests in the middle of a turn go to the current server alone. If that server costs money and only stands in for
    another one, these requests are dropped, unless ``guesses`` is True.

    Args:
        servers: the servers, the preferred one first.
        candidates: for each server, in the same order, what the choice among them depends on.
        guesses: whether requests in the middle of a turn may go to a server that costs money and stands in.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        servers: Sequence[OpenAITranscriber],
        candidates: Sequence[Candidate],
        *,
        guesses: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._servers = tuple(servers)
        self._candidates = tuple(candidates)
        self._guesses = guesses
        self._choice = ServerChoice(candidates, clock)
        self._logged = 0
        self._probes = ServerProbes(
            self._choice, self._is_ready, self._log_move, clock, "probes of the transcription servers"
        )
        for number, server in enumerate(self._servers):
            server.is_patient = partial(self._is_alone, number)

    async def warm_up(self) -> None:
        """Choose the server for a call, and warm it up. Raises TranscriptionError if no server can be warmed up."""
        self._choice.begin_call()
        self._probes.start()
        await self._ask_each(lambda number: self._servers[number].warm_up())

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        """Transcribe a turn. Raises TranscriptionError if no server can do it."""
        self._probes.start()
        if request.urgency is Urgency.FINAL:
            return await self._ask_each(lambda number: self._servers[number].transcribe(request), request.seconds)
        number = self._choice.current
        if self._stands_in_for_money(number) and not self._guesses:
            raise TranscriptionShed("A server that costs money is asked for words only when a turn is over.")
        return await self._servers[number].transcribe(request)

    async def release_memory(self) -> None:
        """Note that no call is on: from now on, the preferred server is used again as soon as it answers."""
        self._choice.end_call()
        self._log_move()

    async def close(self) -> None:
        """End the probes and all requests."""
        await self._probes.close()
        for server in self._servers:
            await server.close()

    async def problem(self) -> str | None:
        """The reasons for which no server can be used; ``None`` if one can.

        The probes ask each server as often as is right for that server. So if one is known to answer, none is asked
        here.
        """
        self._probes.start()
        if any(map(self._choice.is_known, range(len(self._servers)))):
            return None
        problems = await asyncio.gather(*(server.problem() for server in self._servers))
        return None if None in problems else "; ".join(problem for problem in problems if problem)

    def describe(self) -> str:
        """The server that is asked now, and the server for which it stands in, if it does."""
        described = self._servers[self._choice.current].describe()
        if not self._choice.current:
            return described
        return f"{described}, standing in for {self._servers[0].host}, which doesn't answer or is too slow"

    async def _ask_each(self, ask: Callable[[int], Awaitable[_T]], seconds: float = 0.0) -> _T:
        """Ask the servers until one answers. ``seconds`` is the duration of the sound."""
        errors: list[TranscriptionError] = []
        tried: set[int] = set()
        while (number := self._choice.next(tried)) is not None:
            tried.add(number)
            limit = seconds + SLOW_AFTER if self._choice.has_other(tried) else None
            try:
                async with asyncio.timeout(limit):
                    answer = await ask(number)
            except TimeoutError:
                errors.append(TranscriptionError(f"{self._servers[number].host} did not answer in time."))
                self._note_failure(number, errors[-1], slow=True)
            except SoundRefusedError as error:
                _log.warning("%s", error)
                errors.append(error)
            except TranscriptionLimitError as error:
                errors.append(error)
            except TranscriptionError as error:
                errors.append(error)
                self._note_failure(number, error)
            else:
                self._choice.answered(number)
                return answer
        limited = all(isinstance(error, TranscriptionLimitError) for error in errors)
        kind = TranscriptionLimitError if limited else TranscriptionError
        raise kind(" ".join(dict.fromkeys(map(str, errors)))) from errors[-1]

    def _stands_in_for_money(self, number: int) -> bool:
        return number > 0 and self._candidates[number].paid

    def _is_alone(self, number: int) -> bool:
        return not self._choice.has_other({number})

    def _note_failure(self, number: int, error: TranscriptionError, *, slow: bool = False) -> None:
        _log.warning("%s", error)
        self._choice.failed(number, slow=slow)
        self._log_move()

    def _log_move(self) -> None:
        before, self._logged = self._logged, self._choice.current
        if before != self._logged:
            now = self._servers[self._logged].host
            _log.warning("Speech is now recognised by %s, instead of %s", now, self._servers[before].host)

    async def _is_ready(self, number: int) -> bool:
        return await self._servers[number].problem() is None
