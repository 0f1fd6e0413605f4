"""Speaks an answer while the model writes it: text goes to the speech server piece by piece, and sound comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from audio.samples import Samples
from bot.speech_server.errors import SpeechUnavailable
from bot.speech_server.events import Disconnected, SegmentAudio
from bot.voice.ports import NoticeWriter, SpeechClient, SpeechConnection
from bot.voice.tts.fallback import FallbackSpeech
from bot.voice.turn import Prompt
from config.tasks import end_tasks
from wire.messages import Failure, Flushed, Speak
from wire.parameters import SpeechParameters

_REPLY = "r1"


class _Unwritten(NoticeWriter):
    """Writes no notices: a program would not know what to do with them. They are in the log."""

    def tell(self, text: str, prompt: Prompt | None = None) -> None:
        """Do nothing."""


@asynccontextmanager
async def voice(make: Callable[[], SpeechClient]) -> AsyncIterator[SpeechConnection]:
    """Open a connection to the speech server, and wait until the server has loaded its preferred engine.

    If the server refuses the voice or the manner, the text is spoken without it. The connection is closed when the
    block ends. The server then drops the sound that it has not sent.

    Raises:
        SpeechUnavailable: the server can't be reached.
    """
    client = make()
    try:
        await client.open()
        await client.loaded(lambda _: None)
        yield FallbackSpeech(client, _Unwritten())
    finally:
        await client.close()


async def spoken(
    speech: SpeechConnection, text: AsyncGenerator[str, None], manner: SpeechParameters
) -> AsyncGenerator[Samples, None]:
    """Speak a text while it is written. Yields sound: mono, 48,000 Hz.

    Args:
        speech: a connection on which nothing else is spoken.
        text: yields the text's pieces. The generator is closed at the end.
        manner: how it is spoken.

    Raises:
        SpeechUnavailable: the server is gone, or can't speak the text.
        Exception: the generator ``text`` has raised this error.
    """
    writing = asyncio.create_task(_write(speech, text, manner), name="text to the speech server")
    try:
        async with aclosing(_events(speech)) as events:
            while (samples := await _next(events, writing)) is not None:
                yield samples
        await writing
    finally:
        await end_tasks(writing)


async def spoken_text(
    make: Callable[[], SpeechClient], text: str, manner: SpeechParameters
) -> AsyncGenerator[Samples, None]:
    """Speak a whole text over a connection of its own. Yields sound: mono, 48,000 Hz.

    Raises:
        SpeechUnavailable: the server can't be reached, or can't speak the text.
    """
    async with voice(make) as speech, aclosing(spoken(speech, _whole(text), manner)) as sound:
        async for samples in sound:
            yield samples


async def _whole(text: str) -> AsyncGenerator[str, None]:
    yield text


async def _write(speech: SpeechConnection, text: AsyncGenerator[str, None], manner: SpeechParameters) -> None:
    async with aclosing(text):
        async for piece in text:
            await speech.send(Speak(piece, reply=_REPLY, parameters=manner))
    await speech.send(Speak(flush=True, reply=_REPLY, parameters=manner))


async def _events(speech: SpeechConnection) -> AsyncGenerator[Samples, None]:
    async for event in speech.events():
        match event:
            case SegmentAudio(samples=samples):
                yield samples
            case Flushed():
                return
            case Failure(error=error):
                raise SpeechUnavailable(f"The speech server can't speak the answer: {error}.")
            case Disconnected(reason):
                raise SpeechUnavailable(f"The speech server is gone: {reason}.")
            case _:
                pass


async def _next(events: AsyncGenerator[Samples, None], writing: asyncio.Task[None]) -> Samples | None:
    """The next sound, or ``None`` at the end. Raises the error of the writing task as soon as there is one."""
    coming = asyncio.ensure_future(anext(events, None))
    try:
        waiting: set[asyncio.Future[Any]] = {coming, writing} if not writing.done() else {coming}
        while not coming.done():
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                writing.result()
                waiting = {coming}
        return coming.result()
    finally:
        # ``coming`` is awaited even if it is done: if it and ``writing`` have failed at once, only one error is raised,
        # and asyncio would log that nobody has retrieved the other.
        await end_tasks(coming)
