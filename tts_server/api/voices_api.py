"""``/v1/voices``: the voices there are, and making, trying and deleting one's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from tts_server.api.errors import ApiError
from tts_server.api.uploads import Form, FormLimits, receive_form
from tts_server.api.voice_errors import RETRY_SECONDS, answering
from tts_server.engines.base import Voice
from tts_server.voices.decoding import MAX_BYTES
from tts_server.voices.library import VoiceLibrary
from tts_server.voices.names import clean_language
from tts_server.voices.profile import VoiceProfile
from tts_server.voices.reading import Recording, read_recording
from tts_server.voices.sentences import preview_sentence
from tts_server.voices.voice_folder import MAX_RECORDINGS, VoiceRecord

MAX_UPLOADS = 2
"""At once."""
MAX_PREVIEW_CHARACTERS = 200
_NEW_VOICE = FormLimits(frozenset({"name", "language"}), "recording", MAX_RECORDINGS, MAX_BYTES)
_MORE_RECORDINGS = FormLimits(frozenset(), "recording", MAX_RECORDINGS, MAX_BYTES)


class SpeakingVoices(Protocol):
    """What is asked of the engine that speaks."""

    @property
    def engine_name(self) -> str:
        """What people call it."""
        ...

    @property
    def can_clone(self) -> bool:
        """Whether it speaks with voices of recordings."""
        ...

    def voices(self) -> Sequence[Voice]:
        """Every voice it has, the ones made from recordings too."""
        ...

    def resolve(self, voice: str) -> Voice:
        """The voice that people call so.

        Raises:
            UnknownVoiceError: it has none; the text offers those near it.
        """
        ...

    async def learn(self, profile: VoiceProfile) -> float:
        """As :meth:`tts_server.engines.base.CloningEngine.learn`; asked only where it can clone."""
        ...

    async def forget(self, voice: str) -> None:
        """As :meth:`tts_server.engines.base.CloningEngine.forget`; nothing happens where it can't clone."""
        ...

    async def say_wav(self, text: str, voice: str) -> bytes:
        """A WAV file of ``text``.

        Raises:
            UnknownVoiceError: it has no such voice.
            EngineError: it could not speak.
        """
        ...


class VoicesApi:
    """The endpoints. ``speaking`` gives the engine's voices, or raises the HTTP error that says why there are none."""

    def __init__(self, library: VoiceLibrary, speaking: Callable[[], SpeakingVoices]) -> None:
        self._library = library
        self._speaking = speaking
        self._uploads = 0
        self._changing = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """To be added to an application."""
        return [
            web.get("/v1/voices", answering(self._list)),
            web.post("/v1/voices", answering(self._create)),
            web.get("/v1/voices/{voice}", answering(self._show)),
            web.delete("/v1/voices/{voice}", answering(self._delete)),
            web.get("/v1/voices/{voice}/preview", answering(self._preview)),
            web.post("/v1/voices/{voice}/recordings", answering(self._add_recordings)),
        ]

    async def _list(self, _: web.Request) -> web.Response:
        speaking = self._speaking()
        made = [_made_here(record, speaking) for record in self._library.records()]
        built_in = [_built_in(voice, speaking) for voice in speaking.voices() if self._library.get(voice.id) is None]
        return web.json_response(
            {"voices": made + built_in, "can_clone": speaking.can_clone, "engine": speaking.engine_name}
        )

    async def _show(self, request: web.Request) -> web.Response:
        speaking = self._speaking()
        voice = request.match_info["voice"]
        if self._library.get(voice) is None:
            found = _of_engine(voice, speaking)
            if self._library.get(found.id) is None:
                return web.json_response(_built_in(found, speaking))
            voice = found.id
        return web.json_response(_made_here(self._library.record(voice), speaking))

    async def _preview(self, request: web.Request) -> web.Response:
        speaking = self._speaking()
        voice = request.match_info["voice"]
        found = self._library.get(voice) or _of_engine(voice, speaking)
        text = request.query.get("text", "").strip() or preview_sentence(found.language)
        if len(text) > MAX_PREVIEW_CHARACTERS:
            raise ApiError(400, f"a preview has at most {MAX_PREVIEW_CHARACTERS} characters", "text")
        sound = await speaking.say_wav(text, found.id)
        return web.Response(body=sound, content_type="audio/wav")

    async def _create(self, request: web.Request) -> web.Response:
        speaking = self._cloning()
        async with self._upload(request, _NEW_VOICE) as (form, folder):
            name, language = form.fields.get("name", ""), clean_language(form.fields.get("language") or "en")
            others = self._names_of(speaking)
            self._library.check_room(name, others)
            recordings = await _read(form, folder)
            async with self._changing:
                record = await asyncio.to_thread(self._library.create, name, language, recordings, others)
                try:
                    record = await self._learn(record, speaking)
                except BaseException:
                    await self._remove(record.profile.id, speaking)
                    raise
        return web.json_response(_made_here(record, speaking), status=201)

    async def _add_recordings(self, request: web.Request) -> web.Response:
        speaking = self._cloning()
        voice = self._made(request, speaking).profile.id
        async with self._upload(request, _MORE_RECORDINGS) as (form, folder):
            recordings = await _read(form, folder)
            async with self._changing:
                before = self._library.record(voice)
                record = await asyncio.to_thread(self._library.add_recordings, voice, recordings)
                try:
                    record = await self._learn(record, speaking)
                except BaseException:
                    await asyncio.to_thread(self._library.restore, before)
                    raise
        return web.json_response(_made_here(record, speaking), status=201)

    async def _delete(self, request: web.Request) -> web.Response:
        speaking = self._speaking()
        voice = self._made(request, speaking).profile.id
        async with self._changing:
            await self._remove(voice, speaking)
        return web.Response(status=204)

    async def _learn(self, record: VoiceRecord, speaking: SpeakingVoices) -> VoiceRecord:
        similarity = await speaking.learn(record.profile)
        return await asyncio.to_thread(self._library.set_similarity, record.profile.id, similarity)

    async def _remove(self, voice: str, speaking: SpeakingVoices) -> None:
        await asyncio.to_thread(self._library.delete, voice)
        await speaking.forget(voice)

    def _cloning(self) -> SpeakingVoices:
        speaking = self._speaking()
        if not speaking.can_clone:
            raise ApiError(
                409, f"{speaking.engine_name} can't speak with the voice of a recording", code="cannot_clone"
            )
        return speaking

    def _made(self, request: web.Request, speaking: SpeakingVoices) -> VoiceRecord:
        voice = request.match_info["voice"]
        if self._library.get(voice) is None and any(voice == other.id for other in speaking.voices()):
            raise ApiError(409, f"{voice!r} came with {speaking.engine_name}: it can't be changed", "voice", "built_in")
        return self._library.record(voice)

    def _names_of(self, speaking: SpeakingVoices) -> list[str]:
        """The engine's own voices, by id and by name: a client may ask for either."""
        own = [voice for voice in speaking.voices() if self._library.get(voice.id) is None]
        return [name for voice in own for name in (voice.id, voice.name)]

    @asynccontextmanager
    async def _upload(self, request: web.Request, limits: FormLimits) -> AsyncIterator[tuple[Form, Path]]:
        """A request's form, and a folder to work in; whatever is left there goes when the block ends."""
        if self._uploads >= MAX_UPLOADS:
            raise ApiError(
                429,
                f"{MAX_UPLOADS} recordings are being read already: try again in a moment",
                code="rate_limit_exceeded",
                retry_after=RETRY_SECONDS,
            )
        self._uploads += 1
        passing = ExitStack()
        try:
            folder = await asyncio.to_thread(passing.enter_context, self._library.workspace())
            form = await receive_form(request, folder, limits)
            if not form.files:
                raise ApiError(400, "send a recording, as a file in the form's field recording", "recording")
            yield form, folder
        finally:
            self._uploads -= 1
            await asyncio.to_thread(passing.close)


async def _read(form: Form, folder: Path) -> list[Recording]:
    return [await read_recording(file, folder / f"recording-{number}.flac") for number, file in enumerate(form.files)]


def _of_engine(voice: str, speaking: SpeakingVoices) -> Voice:
    return next((found for found in speaking.voices() if found.id == voice), None) or speaking.resolve(voice)


def _made_here(record: VoiceRecord, speaking: SpeakingVoices) -> dict[str, Any]:
    profile = record.profile
    return {
        "id": profile.id,
        "name": profile.name,
        "language": profile.language,
        "made_here": True,
        "engine": speaking.engine_name,
        "similarity": record.similarity,
        "seconds": round(sum(record.seconds), 2),
        "recordings": len(profile.recordings),
    }


def _built_in(voice: Voice, speaking: SpeakingVoices) -> dict[str, Any]:
    return {
        "id": voice.id,
        "name": voice.name,
        "language": voice.language,
        "made_here": False,
        "engine": speaking.engine_name,
        "similarity": None,
        "seconds": None,
        "recordings": 0,
    }
