"""Speed tests of language models and transcribers, for the doctor and the guided setup."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import aclosing

import numpy as np

from audio.samples import HEARING_RATE
from bot.cores import usable_cores
from bot.llm.client import ModelClient
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from bot.models.named_llm import EmbeddedLlm
from bot.own_engines import served_llm
from bot.voice.transcribe.transcriber import Transcriber, TranscriptionRequest, Urgency

FAST_ENOUGH = "fast enough for a call"
MIN_TOKENS_PER_SECOND = 6.0
"""A language model with fewer tokens per second is too slow for a call. Speech uses about four tokens per second, and
must never wait for the model.
"""
MAX_FIRST_WORD_SECONDS = 3.0
"""A model server that needs more seconds for its first word is slow for a call."""
MAX_TRANSCRIPTION_SECONDS = 1.5
"""A transcriber that needs more seconds for :data:`SOUND_SECONDS` of sound is too slow for a call. People wait this
long before each answer.
"""
SOUND_SECONDS = 3.0
"""Length of the sound that the transcriber is tested with."""
TEST_LIMIT = 20.0
"""Maximum number of seconds for the test of one part. A part that needs more time is too slow for a call."""
_TOKENS = 24
"""The test breaks a reply off after this many pieces of its text. Most servers send a piece for each token."""
_TOO_SLOW = frozenset({ModelErrorKind.FIRST_TOKEN_TIMEOUT, ModelErrorKind.STALLED})
_QUESTION = (ChatMessage("system", "You are a helpful assistant."), ChatMessage("user", "Tell me about the sea."))


async def llm_speed(llm: EmbeddedLlm) -> str:
    """Load a language model, let it write a few tokens, and describe its speed.

    Raises:
        RuntimeError, OSError: the model can't be loaded.
        ModelError: the model's answer is empty, or breaks off before its first word.
    """
    async with served_llm(llm) as server:
        try:
            first, rate = await _measured_reply(ModelOptions(server.url, stall_timeout=5))
        except ModelError as error:
            if error.kind not in _TOO_SLOW:
                raise
            first, rate = None, 0.0
    if first is None:
        return f"not a word within {TEST_LIMIT:.0f} s: {llm_verdict(0)}"
    found = f"first word after {1000 * first:.0f} ms, {rate:.0f} tokens a second: {llm_verdict(rate)}"
    return f"{found}{busy_note_now()}"


async def server_speed(options: ModelOptions) -> str:
    """Let a model server write a few tokens, and describe its speed; raises :class:`~bot.llm.errors.ModelError`."""
    first, _ = await _measured_reply(options)
    if first is None:
        return f"not a word within {TEST_LIMIT:.0f} s: it is too slow for a call, or still loading its model"
    slow = "" if first <= MAX_FIRST_WORD_SECONDS else ": slow for a call (does it think first? Then see LLM_EXTRA)"
    return f"first word after {1000 * first:.0f} ms{slow}"


async def _measured_reply(options: ModelOptions) -> tuple[float | None, float]:
    """The seconds until the first words of a reply, ``None`` if none came in time; and its tokens per second.

    A reply that breaks off after its first words counts too. The test breaks a reply off after :data:`_TOKENS` pieces.
    The request does not limit the length: with such a limit, a model that thinks first would say nothing.

    Raises:
        ModelError: there is no reply, it broke off before its first words, or all of it was a thought.
    """
    asked, pieces, first, last = time.monotonic(), 0, 0.0, 0.0
    try:
        async with (
            asyncio.timeout(TEST_LIMIT),
            ModelClient(options) as client,
            aclosing(client.text(_QUESTION)) as reply,
        ):
            async for _ in reply:
                last = time.monotonic()
                first = first or last
                pieces += 1
                if pieces >= _TOKENS:
                    break
    except TimeoutError:
        # The tokens so far are enough for a result.
        last = time.monotonic()
    except ModelError as error:
        if not pieces or error.kind is ModelErrorKind.EMPTY:
            raise
        last = time.monotonic()
    rate = (pieces - 1) / (last - first) if pieces > 1 and last > first else 0.0
    return (first - asked if pieces else None), rate


def llm_verdict(rate: float) -> str:
    """Says that a rate in tokens per second is fast enough for a call, or what to do because it is not."""
    if rate >= MIN_TOKENS_PER_SECOND:
        return FAST_ENOUGH
    return "too slow for a call: set LLM_URL to a model server, or LLM_MODEL to a smaller model"


async def stt_speed(transcriber: Transcriber) -> str:
    """Let a loaded transcriber transcribe quiet noise, and describe its speed; raises ``TranscriptionError``.

    The faster of two attempts counts, so that other programs disturb the result less.
    """
    room = np.random.default_rng(1).normal(0, 0.001, int(SOUND_SECONDS * HEARING_RATE)).astype(np.float32)
    tries = []
    for _ in range(2):
        began = time.monotonic()
        await transcriber.transcribe(TranscriptionRequest(room, Urgency.FINAL))
        tries.append(time.monotonic() - began)
    took = min(tries)
    return f"{took:.2f} s for a sound of {SOUND_SECONDS:.0f} s: {stt_verdict(took)}{busy_note_now()}"


def busy_note(load: float, cores: int) -> str:
    """A note that other programs keep this machine busy; "" if they do not. ``load`` is the system's load."""
    return f" (measured while other programs keep this machine busy, load {load:.1f})" if load > cores + 1 else ""


def busy_note_now() -> str:
    """A note that other programs have kept this machine busy in the last minute; "" if they have not.

    The note is that of :func:`busy_note`. It is "" if the system does not report its load.
    """
    return busy_note(os.getloadavg()[0], usable_cores()) if hasattr(os, "getloadavg") else ""


def voice_finding(can_speak: bool, line: str, note: str) -> tuple[bool | None, str]:
    """The doctor's mark and text for a voice.

    Args:
        line: the result of the speech server's own test.
        note: :func:`busy_note_now`, for the end of the text.

    Returns:
        Whether the voice is good, or ``None`` if it can speak but is too slow for a call; and the text.
    """
    return (FAST_ENOUGH in line or None, f"{line}{note}") if can_speak else (False, line)


def stt_verdict(took: float) -> str:
    """Says that a transcriber that took this many seconds is fast enough for a call, or what to do."""
    if took <= MAX_TRANSCRIPTION_SECONDS:
        return FAST_ENOUGH
    return "too slow for a call: set STT_MODEL to a smaller Whisper, or STT_URL to a transcription server"
