"""The speech server's voices over HTTP: listed, made from recordings, heard, deleted."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, TypeVar

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from yarl import URL

from bot.voices.refusals import VoicesError, refusal

_log = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 2 << 20
MAX_PREVIEW_BYTES = 8 << 20
ASKING_LIMIT = 5.0
LEARNING_LIMIT = 300.0
"""Seconds; a model that is loaded first takes its time, above all without a card."""

Text = Annotated[str, Field(min_length=1, max_length=200)]


class ServerVoice(BaseModel):
    """A voice of the speech server's. ``similarity`` (-1 to 1) is that of a made one to its recordings."""

    model_config = ConfigDict(frozen=True)

    id: Text
    name: Text
    language: str = Field(max_length=35)
    made_here: bool
    engine: str = Field("", max_length=200)
    similarity: float | None = Field(None, ge=-1.01, le=1.01)
    seconds: float | None = Field(None, ge=0)
    recordings: int = Field(0, ge=0)


class Catalogue(BaseModel):
    """Every voice, and whether more can be made. ``engine`` is what people call what speaks."""

    model_config = ConfigDict(frozen=True)

    voices: tuple[ServerVoice, ...]
    can_clone: bool
    engine: str = Field(max_length=200)


Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Recording:
    """A sound file that a voice is to be learnt from."""

    filename: str
    data: bytes


class VoicesClient:
    """The server behind a WebSocket address. Every method raises :class:`VoicesError` with words for people.

    Args:
        token: the shared secret, where the server wants one.
        learning_limit: seconds that learning a voice may take.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        websocket_url: str,
        token: str | None,
        *,
        learning_limit: float = LEARNING_LIMIT,
    ) -> None:
        url = URL(websocket_url)
        scheme = "https" if url.scheme == "wss" else "http"
        self._http = http
        self._voices = url.with_scheme(scheme).with_path("/v1/voices").with_query(None)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._learning_limit = learning_limit

    async def catalogue(self) -> Catalogue:
        """Every voice there is."""
        return _parsed(Catalogue, await self._ask("GET", self._voices))

    async def voice(self, name: str) -> ServerVoice:
        """The voice that people call so, such as the one for ``french``; raises :class:`UnknownVoiceError` too."""
        return _parsed(ServerVoice, await self._ask("GET", self._voices / name))

    async def create(self, name: str, language: str, recording: Recording) -> ServerVoice:
        """Learn a voice from a recording; raises :class:`VoiceExistsError` too."""
        return await self._teach(self._voices, recording, name=name, language=language)

    async def add_recording(self, voice: ServerVoice, recording: Recording) -> ServerVoice:
        """Learn a voice anew, from one recording more."""
        return await self._teach(self._voices / voice.id / "recordings", recording)

    async def _teach(self, url: URL, recording: Recording, **fields: str) -> ServerVoice:
        form = aiohttp.FormData(fields)
        form.add_field("recording", recording.data, filename=recording.filename)
        return _parsed(ServerVoice, await self._ask("POST", url, form, seconds=self._learning_limit))

    async def preview(self, voice: ServerVoice) -> bytes:
        """A short sentence in that voice, as a WAV file."""
        url = self._voices / voice.id / "preview"
        return await self._ask("GET", url, limit=MAX_PREVIEW_BYTES, seconds=self._learning_limit)

    async def delete(self, voice: ServerVoice) -> None:
        """Forget a voice and its recordings."""
        await self._ask("DELETE", self._voices / voice.id)

    async def _ask(
        self,
        method: str,
        url: URL,
        form: aiohttp.FormData | None = None,
        *,
        limit: int = MAX_ANSWER_BYTES,
        seconds: float = ASKING_LIMIT,
    ) -> bytes:
        timeout = aiohttp.ClientTimeout(total=seconds, connect=ASKING_LIMIT)
        try:
            async with self._http.request(
                method, url, data=form, headers=self._headers, timeout=timeout, allow_redirects=False
            ) as response:
                body = await _read(response, limit)
        except TimeoutError as error:
            raise VoicesError("⌛ The speech server is taking too long. Please try again later.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise VoicesError(
                "❌ The speech server can't be reached, so there are no voices at the moment. Please try again later."
            ) from error
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise refusal(response.status, body)
        return body


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise VoicesError("❌ The speech server's answer was far too large.")
    return bytes(body)


def _parsed(kind: type[Answer], body: bytes) -> Answer:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        _log.warning("The speech server answered with something unreadable: %s", error)
        raise VoicesError("❌ I don't understand the speech server's answer about its voices.") from error
