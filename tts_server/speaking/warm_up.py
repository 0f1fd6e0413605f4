"""Speaks a few words to nobody, so that the first client does not wait for what is loaded on first use."""

from __future__ import annotations

from contextlib import aclosing

from tts_server.engines.base import EngineError
from tts_server.speaking.speech import Speech
from wire.parameters import SpeechParameters

# A bit of everything that a reply goes through: marks, markup, a number, an emoji.
_TEXT = "**Hello there,** this is number 1, see `x`. 🎤"


async def warm_up(speech: Speech) -> None:
    """Take a reply through everything but the network, with each engine that is there; what has weights stays unloaded.

    An engine that can't speak now, as one whose server is away, is left to those that stand in for it, and tried again
    later.

    Raises:
        EngineError: none of them can speak.
    """
    spoke, fault = 0, None
    for voice in speech.rehearsals(SpeechParameters()):
        try:
            async with aclosing(voice.say(_TEXT)) as pieces:
                async for _ in pieces:
                    pass
            spoke += 1
        except EngineError as error:
            fault = error
    if fault is not None and not spoke:
        raise fault
