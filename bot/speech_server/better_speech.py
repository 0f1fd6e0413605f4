"""Speech by the better engine: the second one that a speech server may have besides the engine that speaks in calls.

Its speech sounds better, but may take longer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

import aiohttp

from audio.pcm import from_pcm16
from audio.samples import Samples
from bot.metering import NOBODY
from bot.network_errors import network_error_text
from bot.redirects import is_redirect
from bot.speech_server.charged_sound import estimated_seconds
from bot.speech_server.charges import SpeechCharges
from bot.speech_server.errors import UnspeakableError, VoiceAwayError, VoiceLimitError
from bot.speech_server.forwarding import SPEAKS_ONLY_IN_CALLS
from bot.speech_server.refusals import reason_and_code
from bot.speech_server.servers import SpeechServers
from web_access.bodies import BodyTooLargeError, read_body
from wire.headers import costs_money
from wire.parameters import SpeechParameters

CONNECT_LIMIT = 5.0
"""Seconds for connecting to the server."""
MODELS_LIMIT = 10.0
"""Seconds for the request for the list of models."""
SPEAKING_TIMEOUT = 150.0
"""Seconds without data after which speech by the better engine fails. The server itself gives up after 120 s."""
MAX_LIST_BYTES = 1 << 20
MAX_SOUND_BYTES = 128 << 20
"""Maximum number of bytes of one spoken answer: 23 minutes at 48 kHz."""
USUAL_MODEL, BETTER_MODEL = "tts-1", "tts-1-hd"
"""Models of the server's API: the engine that speaks in calls, and the better engine."""
_ASK_LATER = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""HTTP statuses that do not depend on the text: the server may speak the same text later."""


class BetterSpeech:
    """Speaks with the better engine. Its sound is counted as the bot's own use, not as that of a person.

    Args:
        http: session for the requests. The caller closes it.
        servers: the servers, of which the current one is asked.
        charges: counts the sound.
    """

    def __init__(self, http: aiohttp.ClientSession, servers: SpeechServers, charges: SpeechCharges) -> None:
        self._http = http
        self._servers = servers
        self._charges = charges

    async def has_better_voice(self) -> bool:
        """Whether the server has a better engine than the one that speaks in calls; raises :class:`VoiceAwayError`."""
        timeout = aiohttp.ClientTimeout(total=MODELS_LIMIT)
        try:
            answer = json.loads(await self._ask("GET", "/v1/models", timeout, MAX_LIST_BYTES))
            engines = {model["id"]: model["engine"] for model in answer["data"]}
            return bool(engines[BETTER_MODEL] != engines[USUAL_MODEL])
        except (UnspeakableError, ValueError, RecursionError, KeyError, TypeError):
            # The server is another program, or an older version.
            return False

    async def speak_better(self, text: str, parameters: SpeechParameters, rate: int) -> Samples:
        """Speak a text with the better engine, which may be slow. Returns mono sound, -1 to 1, at ``rate`` in Hz.

        Raises:
            UnspeakableError: the engine can't speak this text.
            VoiceAwayError: the server can't be reached, or can't answer now.
            VoiceLimitError: the server costs money, and today's limit is reached.
        """
        set_ones = {name: value for name, value in asdict(parameters).items() if value is not None}
        body = {"model": BETTER_MODEL, "input": text, "response_format": "pcm", "sample_rate": rate, **set_ones}
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_LIMIT, sock_read=SPEAKING_TIMEOUT)
        await self._servers.prepare()
        if (why := self._servers.better_refusal()) is not None:
            raise VoiceLimitError(why)
        server, taken = self._servers.current, list[bool]()
        # What was asked for is charged, also if the sound breaks off and nobody gets it.
        seconds = estimated_seconds(text)
        try:
            data = await self._ask(
                "POST",
                "/v1/audio/speech",
                timeout,
                MAX_SOUND_BYTES,
                lambda headers: taken.append(costs_money(headers)),
                json=body,
            )
            samples = from_pcm16(data)
            seconds = len(samples) / rate
        finally:
            for paid in taken:
                self._charges.add_better(server, NOBODY, seconds, paid=paid)
        return samples

    async def _ask(
        self,
        method: str,
        path: str,
        timeout: aiohttp.ClientTimeout,
        limit: int,
        when_taken: Callable[[Mapping[str, str]], None] = lambda _: None,
        **options: Any,
    ) -> bytes:
        server = self._servers.current
        if server.plain:
            raise UnspeakableError(SPEAKS_ONLY_IN_CALLS)
        try:
            async with self._http.request(
                method, server.http(path), headers=server.headers, timeout=timeout, allow_redirects=False, **options
            ) as response:
                if response.status in _ASK_LATER:
                    raise VoiceAwayError(f"it answers with HTTP status {response.status}")
                if is_redirect(response.status):
                    raise VoiceAwayError("it redirects us elsewhere")
                if response.status != HTTPStatus.OK:
                    reason, _ = reason_and_code(await _read_speech(response, MAX_LIST_BYTES))
                    raise UnspeakableError(reason or f"HTTP status {response.status}")
                when_taken(response.headers)
                return await _read_speech(response, limit)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise VoiceAwayError(f"it can't be reached ({network_error_text(error)})") from error


async def _read_speech(response: aiohttp.ClientResponse, limit: int) -> bytes:
    try:
        return await read_body(response.content, limit)
    except BodyTooLargeError as error:
        raise UnspeakableError("it never ends") from error
    except (aiohttp.ClientPayloadError, TimeoutError) as error:
        # The HTTP status was OK, so the engine failed while it was speaking.
        raise UnspeakableError("it broke off") from error
