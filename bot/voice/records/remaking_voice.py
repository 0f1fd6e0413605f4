"""The better voice of the speech server, over HTTP: an engine that may take its time to say something again."""

from __future__ import annotations

import json
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

import aiohttp
import numpy as np
from yarl import URL

from bot.away import why
from bot.text import shorten
from bot.voice.records.recorder import BOT_RATE
from bot.voice.records.remaking_sound import Sound
from bot.voice.records.wav_file import SAMPLE_BYTES
from wire.parameters import SpeechParameters

USUAL_MODEL, BETTER_MODEL = "tts-1", "tts-1-hd"
CONNECT_LIMIT = 5.0
ASKING_LIMIT = 10.0
PATIENCE = 150.0
"""Seconds without a byte; the server itself gives up after 120."""
MAX_SOUND_BYTES = 128 << 20
"""Of one answer: 23 minutes."""
MAX_WORDS_BYTES = 1 << 20
MAX_REASON = 300
_LATER = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


class UnspeakableError(Exception):
    """The better voice can't say this; the text says why."""


class VoiceAwayError(Exception):
    """The speech server can't be asked now; the text says why."""


class BetterVoice:
    """The server behind a WebSocket address.

    Args:
        token: the shared secret, where the server wants one.
    """

    def __init__(self, http: aiohttp.ClientSession, websocket_url: str, token: str | None) -> None:
        url = URL(websocket_url)
        base = url.with_scheme("https" if url.scheme == "wss" else "http").with_query(None)
        self._http = http
        self._models = base.with_path("/v1/models")
        self._speech = base.with_path("/v1/audio/speech")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def there(self) -> bool:
        """Whether the server has a better engine than the one that speaks in calls; raises :class:`VoiceAwayError`."""
        timeout = aiohttp.ClientTimeout(total=ASKING_LIMIT)
        try:
            async with self._http.get(
                self._models, headers=self._headers, timeout=timeout, allow_redirects=False
            ) as answer:
                await _check(answer)
                return _has_better(json.loads(await _read(answer, MAX_WORDS_BYTES)))
        except (UnspeakableError, ValueError, RecursionError):
            # Another program, or an older server.
            return False
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise VoiceAwayError(f"it can't be reached ({why(error)})") from error

    async def say(self, text: str, parameters: SpeechParameters) -> Sound:
        """Speak a text: mono, -1 to 1, at :data:`~bot.voice.records.recorder.BOT_RATE`.

        Raises:
            UnspeakableError, VoiceAwayError: there is no sound.
        """
        set_ones = {name: value for name, value in asdict(parameters).items() if value is not None}
        body = {"model": BETTER_MODEL, "input": text, "response_format": "pcm", "sample_rate": BOT_RATE, **set_ones}
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_LIMIT, sock_read=PATIENCE)
        try:
            async with self._http.post(
                self._speech, json=body, headers=self._headers, timeout=timeout, allow_redirects=False
            ) as answer:
                await _check(answer)
                data = await _read(answer, MAX_SOUND_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise VoiceAwayError(f"it can't be reached ({why(error)})") from error
        samples = np.frombuffer(data, "<i2", count=len(data) // SAMPLE_BYTES)
        return samples.astype(np.float32) / np.float32(32_767)


async def _check(answer: aiohttp.ClientResponse) -> None:
    if answer.status in _LATER:
        raise VoiceAwayError(f"it answers with HTTP status {answer.status}")
    if answer.status != HTTPStatus.OK:
        raise UnspeakableError(_reason(await _read(answer, MAX_WORDS_BYTES)) or f"HTTP status {answer.status}")


async def _read(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    data = bytearray()
    try:
        async for part in answer.content.iter_any():
            data += part
            if len(data) > limit:
                raise UnspeakableError("it never ends")
    except (aiohttp.ClientPayloadError, TimeoutError) as error:
        # The status was out already when it went wrong: it is the engine that has broken off.
        raise UnspeakableError("it broke off") from error
    return bytes(data)


def _has_better(answer: Any) -> bool:
    try:
        engines = {model["id"]: model["engine"] for model in answer["data"]}
        return bool(engines[BETTER_MODEL] != engines[USUAL_MODEL])
    except (KeyError, TypeError):
        return False


def _reason(body: bytes) -> str:
    try:
        return shorten(" ".join(str(json.loads(body)["error"]["message"]).split()), MAX_REASON)
    except (ValueError, RecursionError, KeyError, TypeError):
        return ""
