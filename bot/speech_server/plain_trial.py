"""Tries a speech server that sends bare sound, for the doctor: it speaks a sentence that nobody hears."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

from audio.samples import SPEAKING_RATE
from bot.speech_server.address import ServerAddress
from bot.speech_server.errors import SpeechUnavailable
from bot.speech_server.events import Disconnected, SegmentAudio
from bot.speech_server.plain_reply import PlainLimits
from bot.speech_server.plain_stream import PlainSpeechStream
from wire.messages import Failure, Flushed, Speak, Warned

SENTENCE = "This is a test of my voice."
LIMIT = 60.0
"""Seconds after which the trial ends."""
REMEDY = 'Does the server take {"token"} and {"flush"} and send float32 mono at 48 kHz?'


async def try_plain_server(address: ServerAddress, limits: PlainLimits | None = None) -> tuple[bool, str]:
    """Have the server speak. Returns whether it can, and a line for people. Never raises."""
    stream = PlainSpeechStream(address, limits=limits)
    try:
        async with asyncio.timeout(LIMIT):
            await stream.open()
            return await _speak(stream, address)
    except SpeechUnavailable as error:
        return False, str(error)
    except TimeoutError:
        return False, f"The plain speech server at {address.place} has not spoken a sentence within {LIMIT:.0f} s."
    finally:
        await stream.close()


async def _speak(stream: PlainSpeechStream, address: ServerAddress) -> tuple[bool, str]:
    began, first, samples, warnings = time.monotonic(), None, 0, list[str]()
    await stream.send(Speak(SENTENCE, flush=True, reply="trial"))
    async with aclosing(stream.events()) as events:
        async for event in events:
            match event:
                case SegmentAudio(samples=sound):
                    first = time.monotonic() - began if first is None else first
                    samples += len(sound)
                case Warned(text):
                    warnings.append(text)
                case Failure(error=error) | Disconnected(reason=error):
                    told = f"The plain speech server at {address.place} can't speak: {error.rstrip('.')}."
                    # The server's own error is the reason already.
                    others = [warning for warning in warnings if error not in warning]
                    return False, " ".join([told, *(others or [REMEDY])])
                case Flushed():
                    break
                case _:
                    pass
    length = samples / SPEAKING_RATE
    return True, f"a plain speech server at {address.place}: first sound after {first or 0:.2f} s, {length:.1f} s long"
