"""Client of the speech server: streams for calls, health, low-performance mode, voices."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import wave
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError
from yarl import URL

from bot.metering import NOBODY, UNMETERED, Account, Meter, Paid
from bot.redirects import is_redirect
from bot.speech_server.address import ServerAddress
from bot.speech_server.better_speech import BetterSpeech
from bot.speech_server.charges import SpeechCharges
from bot.speech_server.errors import (
    LowPerformanceError,
    RedirectedError,
    VoiceAwayError,
    VoicesError,
)
from bot.speech_server.forwarding import SpeechForwarding
from bot.speech_server.metered import MeteredStream
from bot.speech_server.plain_stream import PlainSpeechStream
from bot.speech_server.refusals import voices_refusal
from bot.speech_server.servers import SpeechServers
from bot.speech_server.sparing import OwnEngines
from bot.speech_server.status import EngineState, PerformanceStatus, ServerHealth, can_speak, describe_engine
from bot.speech_server.stream import SpeechStream
from bot.speech_server.voices import RecordingUpload, ServerVoice, VoiceCatalogue
from web_access.bodies import BodyTooLargeError, read_body
from wire.headers import costs_money

_log = logging.getLogger(__name__)

STATUS_LIMIT = 2.0
"""Seconds for a request about health or low-performance mode."""
CONNECT_LIMIT = 5.0
"""Seconds for connecting to the server."""
VOICES_LIMIT = 5.0
"""Seconds for a request about voices."""
CLONING_LIMIT = 300.0
"""Seconds for cloning a voice. The model may have to be loaded first, which is slow without a GPU."""
PLAIN_ENGINE = "a plain speech server"
ONE_VOICE = "❌ This speech server has one voice, which can't be chosen or cloned here (`?protocol=plain`)."
MAX_STATUS_BYTES = 1 << 20
MAX_ANSWER_BYTES = 2 << 20
MAX_PREVIEW_BYTES = 8 << 20
PREVIEW_SECONDS = 4.0
"""A preview whose sound breaks off or can't be read is charged as this many seconds. Its sentence has about 60
characters.
"""
_NO_STATUS = (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError, KeyError, TypeError)
"""Errors of a status request if the address has no server, or if another program answers there."""

Answer = TypeVar("Answer", bound=BaseModel)


class SpeechServerClient:
    """The client of the speech server. Not thread-safe.

    Args:
        http: session for the requests. The caller closes it.
        address: address of the server.
        stand_ins: addresses of servers that stand in for it.
        meter: counts the sound that the servers make.
        guesses: whether servers that cost money may speak speculative replies.
        cloning_limit: seconds for cloning a voice.

    Attributes:
        forwarding: passes requests of other programs on to the server.
        charges: charges sound that a server has made.
        better: speaks with the server's better engine, for sound that nobody waits for.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        address: ServerAddress,
        *,
        stand_ins: Sequence[ServerAddress] = (),
        meter: Meter = UNMETERED,
        guesses: bool = False,
        cloning_limit: float = CLONING_LIMIT,
    ) -> None:
        self._http = http
        self._meter = meter
        self._guesses = guesses
        own = self._own_engines_of(address) if address.own else None
        self._servers = SpeechServers([address, *stand_ins], partial(meter.refusal, Paid.SPEECH), own)
        self._own_engines = own
        self.forwarding = SpeechForwarding(http, self._servers)
        self.charges = SpeechCharges(meter, self._servers)
        self.better = BetterSpeech(http, self._servers, self.charges)
        self._cloning_limit = cloning_limit

    def _own_engines_of(self, address: ServerAddress) -> OwnEngines:
        look = partial(self._costs_now, address) if address.paid_stand_in else None
        return OwnEngines(partial(self._set_performance, address), paid=address.paid, look=look)

    @property
    def _address(self) -> ServerAddress:
        return self._servers.current

    @property
    def _voices(self) -> URL:
        return self._address.http("/v1/voices")

    def stream(self) -> SpeechStream | PlainSpeechStream:
        """A new connection, whose sound is not charged. It is not open yet."""
        first = next(iter(self._servers.current_first()))
        if first.plain:
            return PlainSpeechStream(first, refusal=self._servers.refusal)
        return SpeechStream(self._servers)

    def metered_stream(self, account: Account) -> MeteredStream:
        """A new connection for sound that is charged to ``account``. It is not open yet."""
        return self.call_stream(lambda: account)

    def call_stream(self, whose: Callable[[], Account]) -> MeteredStream:
        """A new connection for one call. It is not open yet.

        Args:
            whose: returns the account to which the sound of the current reply is charged.
        """
        return MeteredStream(self.stream(), self.charges.add, self.charges.add_paid, whose)

    def costs_money(self) -> bool:
        """Whether what the current server speaks now costs money."""
        return self._servers.costs_money(self._address)

    def may_guess(self) -> bool:
        """Whether the current server may speak speculative replies, which may be in vain."""
        if not self.costs_money():
            return True
        return self._guesses and self._meter.refusal(Paid.SPEECH, guess=True) is None

    def begin_probes(self) -> None:
        """Find out from now on which servers can speak, so that the best one is used, until :meth:`end_probes`.

        Does nothing if there is only one server.
        """
        self._servers.begin_probes(self._can_speak)

    async def end_probes(self) -> None:
        """End the probes."""
        await self._servers.end_probes()

    async def _can_speak(self, address: ServerAddress) -> bool:
        return (await self._health_of(address)).ok

    async def health(self) -> ServerHealth:
        """Whether a server can speak, and with which engine. The current one is asked first. Never raises."""
        found: list[ServerHealth] = []
        for address in self._servers.current_first():
            found.append(await self._health_of(address))
            if found[-1].ok:
                usual = self._servers.preferred
                if address is usual:
                    return found[-1]
                return found[-1].standing_in_for(usual.place, spared=not self._servers.may_ask(usual))
        return ServerHealth(False, "; ".join(health.text for health in found))

    async def health_of_each(self) -> list[ServerHealth]:
        """The health of each server, the preferred one first. Never raises."""
        return await asyncio.gather(*map(self._health_of, self._servers.all))

    async def _health_of(self, address: ServerAddress) -> ServerHealth:
        if address.plain and await self._answers(address, STATUS_LIMIT):
            # Nothing more is known of such a server.
            return ServerHealth(True, f"{PLAIN_ENGINE} at {address.place}")
        try:
            health = await self._ask_status("GET", "/health", address)
            if not can_speak(health):
                return ServerHealth(False, f"the speech server at {address.place} has no voice loaded yet")
            return ServerHealth(True, f"{describe_engine(health)} at {address.place}")
        except RedirectedError as error:
            return ServerHealth(False, str(error))
        except _NO_STATUS:
            return ServerHealth(False, f"no speech server answers at {address.place}")

    async def engine_state(self) -> EngineState:
        """Which engine speaks now, and how far the preferred one is loaded; raises :class:`VoiceAwayError`."""
        if self._address.plain and await self.answers(STATUS_LIMIT):
            return EngineState(PLAIN_ENGINE, PLAIN_ENGINE, "ready", None)
        try:
            return EngineState.of(await self._ask_status("GET", "/health"))
        except RedirectedError as error:
            raise VoiceAwayError(str(error)) from error
        except _NO_STATUS as error:
            raise VoiceAwayError(f"no speech server answers at {self._address.place}") from error

    async def answers(self, seconds: float) -> bool:
        """Whether the server answers within ``seconds``. A server that is still loading answers too."""
        return await self._answers(self._address, seconds)

    async def _answers(self, address: ServerAddress, seconds: float) -> bool:
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._request(address, "GET", address.http("/health"), timeout):
                return True
        except (TimeoutError, aiohttp.ClientError, OSError):
            return False

    async def set_performance(self, *, low: bool) -> PerformanceStatus:
        """Switch the server's low-performance mode as people have asked; raises :class:`LowPerformanceError`."""
        # The current server may change between the requests.
        address = self._address
        if address.own and self._own_engines is not None:
            return await self._own_engines.choose(low=low)
        return await self._set_performance(address, low)

    async def _costs_now(self, address: ServerAddress) -> bool | None:
        """Whether the engine that speaks now costs money; ``None`` if the server doesn't tell."""
        try:
            status = await self._ask_status("GET", "/v1/performance", address, raise_for_status=True)
        except _NO_STATUS:
            return None
        return status.get("costs_money") is True

    async def _set_performance(self, address: ServerAddress, low: bool) -> PerformanceStatus:
        if address.plain:
            raise LowPerformanceError("❌ This speech server has no low-performance mode.")
        try:
            before = await self._ask_status("GET", "/v1/performance", address, raise_for_status=True)
            now = await self._ask_status("PUT", "/v1/performance", address, raise_for_status=True, json={"low": low})
            engine = str(now["speaking"])
            was_low = bool(before["low"])
            spares_nothing = low and not was_low and before["speaking"] == engine
            return PerformanceStatus(engine, spares_nothing, was_low, costs_money=now.get("costs_money") is True)
        except _NO_STATUS as error:
            raise LowPerformanceError(
                "❌ The speech server can't be reached, or has no low-performance mode."
            ) from error

    async def catalogue(self) -> VoiceCatalogue:
        """All voices. This and the other methods about voices raise :class:`VoicesError`."""
        return _parse(VoiceCatalogue, await self._ask_voices("GET", self._voices))

    async def find_voice(self, name: str) -> ServerVoice:
        """The voice for a name, id or language such as ``french``; also raises :class:`UnknownVoiceError`."""
        return _parse(ServerVoice, await self._ask_voices("GET", self._voices / name))

    async def create_voice(
        self, name: str, language: str, recording: RecordingUpload, *, keep: bool = False
    ) -> ServerVoice:
        """Clone a voice from a recording; also raises :class:`VoiceExistsError`.

        With ``keep``, an engine that can't clone keeps the recording for one that can.
        """
        url = self._voices.with_query(keep="true") if keep else self._voices
        return await self._upload(url, recording, name=name, language=language)

    async def add_recording(self, voice: ServerVoice, recording: RecordingUpload) -> ServerVoice:
        """Add a recording to a cloned voice, and clone it again."""
        return await self._upload(self._voices / voice.id / "recordings", recording)

    async def preview_voice(self, voice: ServerVoice) -> bytes:
        """A short sentence spoken by a voice, as a WAV file."""
        await self._servers.prepare()
        if (why := self._servers.refusal()) is not None:
            raise VoicesError(f"❌ {why}")
        server, url, taken = self._address, self._voices / voice.id / "preview", list[bool]()
        # What was asked for is charged, also if the sound breaks off and nobody gets it.
        seconds = PREVIEW_SECONDS
        try:
            spoken = await self._ask_voices(
                "GET",
                url,
                limit=MAX_PREVIEW_BYTES,
                seconds=self._cloning_limit,
                when_taken=lambda headers: taken.append(costs_money(headers)),
            )
            seconds = _wav_seconds(spoken) or seconds
        finally:
            for paid in taken:
                self.charges.add(server, NOBODY, seconds, paid=paid)
        return spoken

    async def delete_voice(self, voice: ServerVoice) -> None:
        """Delete a voice and its recordings."""
        await self._ask_voices("DELETE", self._voices / voice.id)

    async def _ask_status(
        self, method: str, path: str, address: ServerAddress | None = None, **options: Any
    ) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=STATUS_LIMIT)
        server = address or self._address
        async with self._request(server, method, server.http(path), timeout, **options) as response:
            if is_redirect(response.status):
                raise RedirectedError(f"the speech server at {server.place} redirects us elsewhere")
            answer: dict[str, Any] = json.loads(await read_body(response.content, MAX_STATUS_BYTES))
            return answer

    async def _upload(self, url: URL, recording: RecordingUpload, **fields: str) -> ServerVoice:
        form = aiohttp.FormData(fields)
        form.add_field("recording", recording.data, filename=recording.filename)
        return _parse(ServerVoice, await self._ask_voices("POST", url, form, seconds=self._cloning_limit))

    async def _ask_voices(
        self,
        method: str,
        url: URL,
        form: aiohttp.FormData | None = None,
        *,
        limit: int = MAX_ANSWER_BYTES,
        seconds: float = VOICES_LIMIT,
        when_taken: Callable[[Mapping[str, str]], None] = lambda _: None,
    ) -> bytes:
        if self._address.plain:
            raise VoicesError(ONE_VOICE)
        timeout = aiohttp.ClientTimeout(total=seconds, connect=CONNECT_LIMIT)
        try:
            async with self._request(self._address, method, url, timeout, data=form) as response:
                if response.status < HTTPStatus.MULTIPLE_CHOICES:
                    when_taken(response.headers)
                body = await read_body(response.content, limit)
        except BodyTooLargeError as error:
            raise VoicesError("❌ The speech server's answer was far too large.") from error
        except TimeoutError as error:
            raise VoicesError("⌛ The speech server is taking too long. Please try again later.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise VoicesError(
                "❌ The speech server can't be reached, so there are no voices at the moment. Please try again later."
            ) from error
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            refusal = voices_refusal(response.status, body)
            refusal.status = response.status
            raise refusal
        return body

    def _request(
        self, server: ServerAddress, method: str, url: URL, timeout: aiohttp.ClientTimeout, **options: Any
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return self._http.request(
            method, url, headers=server.headers, timeout=timeout, allow_redirects=False, **options
        )


def _wav_seconds(data: bytes) -> float:
    """Length of the sound in a WAV file; 0 if it can't be read."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            # The header may say that the length is unknown, so the sound itself is measured.
            sound = len(file.readframes(file.getnframes()))
            return float(sound / (file.getframerate() * file.getnchannels() * file.getsampwidth()))
    except (wave.Error, EOFError, ZeroDivisionError):
        return 0.0


def _parse(kind: type[Answer], body: bytes) -> Answer:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        _log.warning("The speech server answered with something unreadable: %s", error)
        raise VoicesError("❌ I don't understand the speech server's answer about its voices.") from error
