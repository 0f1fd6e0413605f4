"""Speaks one reply to nobody, so that the first client does not wait for what is loaded on first use."""

from __future__ import annotations

from collections.abc import Callable

from tts_server.engines.base import EngineError
from tts_server.metrics import Metrics
from tts_server.speaking.reply import Reply
from tts_server.speaking.speaker import Speaker
from tts_server.speaking.speech import Speech
from tts_server.wire import ServerMessage, SpeechParameters, WireError

# A bit of everything that a reply goes through: marks, markup, a number, an emoji.
_TEXT = "**Hello there,** this is number 1, see `x`. 🎤"


class _Nobody:
    async def send(self, message: ServerMessage) -> None:
        pass

    async def send_audio(self, audio: bytes) -> None:
        pass


async def warm_up(speech: Speech, clock: Callable[[], float]) -> None:
    """Take a reply through everything but the network.

    Raises:
        EngineError: the engine can't speak.
    """
    reply = Reply(None, SpeechParameters(), clock)
    reply.add(_TEXT)
    reply.end()
    try:
        await Speaker(_Nobody(), speech, Metrics(), clock).speak(reply)
    except WireError as error:
        raise EngineError(str(error)) from error
