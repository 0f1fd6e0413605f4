"""One transcriber for several calls: it serves them in turn, and its memory is released after the last call."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bot.voice.transcribe.transcriber import Transcriber, Transcript, TranscriptionRequest


@dataclass(frozen=True, slots=True, eq=False)
class SharedTranscriber:
    """Lends a transcriber to calls. Use it only on the event loop.

    Attributes:
        transcriber: the transcriber of all calls.
    """

    transcriber: Transcriber
    _users: set[str] = field(default_factory=set, init=False)

    def of_call(self, call: str) -> CallTranscriber:
        """The transcriber for a call, given its id."""
        return CallTranscriber(self.transcriber, call, self._users)


class CallTranscriber:
    """The :class:`~bot.voice.transcribe.transcriber.Transcriber` of one call.

    Args:
        transcriber: the transcriber of all calls.
        call: id of the call.
        users: ids of the calls that use it now.
    """

    def __init__(self, transcriber: Transcriber, call: str, users: set[str]) -> None:
        self._transcriber = transcriber
        self._call = call
        self._users = users

    async def warm_up(self) -> None:
        """Load everything; raises :class:`~bot.voice.transcribe.transcriber.TranscriptionError`."""
        self._users.add(self._call)
        await self._transcriber.warm_up()

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        """Transcribe a turn of the call; raises :class:`~bot.voice.transcribe.transcriber.TranscriptionError`."""
        return await self._transcriber.transcribe(replace(request, call=self._call))

    async def release_memory(self) -> None:
        """Note that the call is over. The memory is released if no other call uses the transcriber."""
        self._users.discard(self._call)
        if not self._users:
            await self._transcriber.release_memory()

    async def close(self) -> None:
        """Do nothing: the transcriber outlives the call."""

    async def problem(self) -> str | None:
        """The reason for which the transcriber can't be used now; ``None`` if it can be used."""
        return await self._transcriber.problem()

    def describe(self) -> str:
        """The transcriber's model and the place where it runs."""
        return self._transcriber.describe()
