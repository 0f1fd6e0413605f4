"""``/v1/voices``: lists, creates, previews and deletes voices."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from tts_server.api.errors import ApiError
from tts_server.api.uploads import FormLimits, UploadedForm, receive_form
from tts_server.engines.base import EngineError, Voice
from tts_server.speaking.engine_voices import EngineVoices
from tts_server.speaking.reply_slots import OverloadedError
from tts_server.voices.decoding import MAX_BYTES, RecordingRefusedError
from tts_server.voices.library import LibraryFullError, VoiceExistsError, VoiceLibrary
from tts_server.voices.names import BadLanguageError, BadNameError, clean_language
from tts_server.voices.profile import UnknownVoiceError, preview_sentence
from tts_server.voices.reading import PreparedRecording, ReadingFailedError, read_recording
from tts_server.voices.voice_folder import MAX_RECORDINGS, VoiceRecord
from wire.headers import COSTS_MONEY, YES
from wire.presets import Preset, PresetError

MAX_UPLOADS = 2
"""Largest number of uploads at the same time. A further upload is refused."""
MAX_PREVIEW_CHARACTERS = 200
_NEW_VOICE = FormLimits(frozenset({"name", "language"}), "recording", MAX_RECORDINGS, MAX_BYTES)
_MORE_RECORDINGS = FormLimits(frozenset(), "recording", MAX_RECORDINGS, MAX_BYTES)
RETRY_SECONDS = 5.0
"""Seconds after which a client should try again if the server is busy."""
_STATUSES = {"no_audio": 415, "too_large": 413}
"""HTTP status for each code of a refused recording. All other codes get status 400."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log = logging.getLogger(__name__)


class VoicesApi:
    """The ``/v1/voices`` endpoints.

    Args:
        library: voices made from recordings.
        voices: returns the engine's voices, or raises the HTTP error that says why there are none yet.
    """

    def __init__(self, library: VoiceLibrary, voices: Callable[[], EngineVoices]) -> None:
        self._library = library
        self._voices = voices
        self._uploads = 0
        self._changing = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """The routes of these endpoints."""
        return [
            web.get("/v1/voices", with_error_responses(self._list)),
            web.post("/v1/voices", with_error_responses(self._create)),
            web.get("/v1/voices/{voice}", with_error_responses(self._show)),
            web.delete("/v1/voices/{voice}", with_error_responses(self._delete)),
            web.get("/v1/voices/{voice}/preview", with_error_responses(self._preview)),
            web.post("/v1/voices/{voice}/recordings", with_error_responses(self._add_recordings)),
        ]

    async def _list(self, _: web.Request) -> web.Response:
        voices = self._voices()
        made = [_made_here(record, voices) for record in self._library.records()]
        built_in = [_built_in(voice, voices) for voice in voices.voices() if self._library.get(voice.id) is None]
        return web.json_response(
            {
                "voices": made + built_in,
                "can_clone": voices.can_clone,
                "engine": voices.engine_name,
                "usual": voices.usual.id,
                "parameters": voices.parameters,
                "presets": [_preset(name, preset) for name, preset in voices.presets.items()],
                "preset": voices.presets.default,
            }
        )

    async def _show(self, request: web.Request) -> web.Response:
        voices = self._voices()
        voice = request.match_info["voice"]
        if self._library.get(voice) is None:
            found = _of_engine(voice, voices)
            if self._library.get(found.id) is None:
                return web.json_response(_built_in(found, voices))
            voice = found.id
        return web.json_response(_made_here(self._library.record(voice), voices))

    async def _preview(self, request: web.Request) -> web.Response:
        voices = self._voices()
        voice = request.match_info["voice"]
        found = self._library.get(voice) or _of_engine(voice, voices)
        text = request.query.get("text", "").strip() or preview_sentence(found.language)
        if len(text) > MAX_PREVIEW_CHARACTERS:
            raise ApiError(400, f"a preview has at most {MAX_PREVIEW_CHARACTERS} characters", "text")
        sound, paid = await voices.say_wav(text, found.id)
        return web.Response(body=sound, content_type="audio/wav", headers={COSTS_MONEY: YES} if paid else None)

    async def _create(self, request: web.Request) -> web.Response:
        voices = self._voices() if request.query.get("keep") == "true" else self._cloning_voices()
        async with self._upload(request, _NEW_VOICE) as (form, folder):
            name, language = form.fields.get("name", ""), clean_language(form.fields.get("language") or "en")
            others = self._names_of(voices)
            self._library.check_can_create(name, others)
            recordings = await _read(form, folder)
            async with self._changing:
                record = await asyncio.to_thread(self._library.create, name, language, recordings, others)
                try:
                    # If this engine can't clone, a cloning engine learns the voice later, when it first speaks with it.
                    record = await self._learn(record, voices) if voices.can_clone else record
                except BaseException:
                    await self._remove(record.profile.id, voices)
                    raise
        return web.json_response(_made_here(record, voices), status=201)

    async def _add_recordings(self, request: web.Request) -> web.Response:
        voices = self._cloning_voices()
        voice = self._record_made_here(request, voices).profile.id
        async with self._upload(request, _MORE_RECORDINGS) as (form, folder):
            recordings = await _read(form, folder)
            async with self._changing:
                before = self._library.record(voice)
                record = await asyncio.to_thread(self._library.add_recordings, voice, recordings)
                try:
                    record = await self._learn(record, voices)
                except BaseException:
                    await asyncio.to_thread(self._library.restore, before)
                    raise
        return web.json_response(_made_here(record, voices), status=201)

    async def _delete(self, request: web.Request) -> web.Response:
        voices = self._voices()
        voice = self._record_made_here(request, voices).profile.id
        async with self._changing:
            await self._remove(voice, voices)
        return web.Response(status=204)

    async def _learn(self, record: VoiceRecord, voices: EngineVoices) -> VoiceRecord:
        similarity = await voices.learn(record.profile)
        return await asyncio.to_thread(self._library.set_similarity, record.profile.id, similarity)

    async def _remove(self, voice: str, voices: EngineVoices) -> None:
        await asyncio.to_thread(self._library.delete, voice)
        await voices.forget(voice)

    def _cloning_voices(self) -> EngineVoices:
        voices = self._voices()
        if not voices.can_clone:
            raise ApiError(409, f"{voices.engine_name} can't speak with the voice of a recording", code="cannot_clone")
        return voices

    def _record_made_here(self, request: web.Request, voices: EngineVoices) -> VoiceRecord:
        voice = request.match_info["voice"]
        if self._library.get(voice) is None and any(voice == other.id for other in voices.voices()):
            raise ApiError(409, f"{voice!r} came with {voices.engine_name}: it can't be changed", "voice", "built_in")
        return self._library.record(voice)

    def _names_of(self, voices: EngineVoices) -> list[str]:
        """Ids and names of the engine's built-in voices. Clients may use either."""
        built_in = [voice for voice in voices.voices() if self._library.get(voice.id) is None]
        return [name for voice in built_in for name in (voice.id, voice.name)]

    @asynccontextmanager
    async def _upload(self, request: web.Request, limits: FormLimits) -> AsyncIterator[tuple[UploadedForm, Path]]:
        """Yield the request's form and a temporary folder, which is deleted at the end of the block."""
        if self._uploads >= MAX_UPLOADS:
            raise ApiError(
                429,
                f"{MAX_UPLOADS} recordings are being read already: try again in a moment",
                code="rate_limit_exceeded",
                retry_after=RETRY_SECONDS,
            )
        self._uploads += 1
        workspace = ExitStack()
        try:
            folder = await asyncio.to_thread(workspace.enter_context, self._library.workspace())
            form = await receive_form(request, folder, limits)
            if not form.files:
                raise ApiError(400, "send a recording, as a file in the form's field recording", "recording")
            yield form, folder
        finally:
            self._uploads -= 1
            await asyncio.to_thread(workspace.close)


async def _read(form: UploadedForm, folder: Path) -> list[PreparedRecording]:
    return [await read_recording(file, folder / f"recording-{number}.flac") for number, file in enumerate(form.files)]


def _of_engine(voice: str, voices: EngineVoices) -> Voice:
    return next((found for found in voices.voices() if found.id == voice), None) or voices.resolve(voice)


def _made_here(record: VoiceRecord, voices: EngineVoices) -> dict[str, Any]:
    profile = record.profile
    return {
        "id": profile.id,
        "name": profile.name,
        "language": profile.language,
        "made_here": True,
        "speaks": voices.can_clone,
        "engine": voices.engine_name,
        "similarity": record.similarity,
        "seconds": round(sum(record.seconds), 2),
        "recordings": len(profile.recordings),
    }


def _built_in(voice: Voice, voices: EngineVoices) -> dict[str, Any]:
    return {
        "id": voice.id,
        "name": voice.name,
        "language": voice.language,
        "made_here": False,
        "speaks": True,
        "engine": voices.engine_name,
        "similarity": None,
        "seconds": None,
        "recordings": 0,
    }


def _preset(name: str, preset: Preset) -> dict[str, Any]:
    parameters = preset.model_dump(exclude_none=True, exclude={"description"})
    return {"name": name, "description": preset.description, "parameters": parameters}


def with_error_responses(handler: _Handler) -> _Handler:
    """Wrap ``handler`` so that its errors become responses."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ConnectionError:
            _log.info("A client went away while it sent a recording")
            return ApiError(400, "the upload was interrupted: please send it again").response()
        except Exception as error:
            api_error = error if isinstance(error, ApiError) else _api_error_for(error)
            if api_error is None:
                raise
            if api_error.status >= 500:
                _log.error("%s %s: %s", request.method, request.path, error)
            return api_error.response()

    return answer


def _api_error_for(error: Exception) -> ApiError | None:
    """The error for the client; ``None`` if the exception is a bug of this program."""
    message = str(error)
    match error:
        case RecordingRefusedError():
            return ApiError(_STATUSES.get(error.code, 400), message, "recording", error.code)
        case BadNameError():
            return ApiError(400, message, "name", "bad_name")
        case BadLanguageError():
            return ApiError(400, message, "language", "bad_language")
        case PresetError():
            return ApiError(400, message, "preset", "unknown_preset")
        case VoiceExistsError():
            return ApiError(409, message, "name", "voice_exists")
        case LibraryFullError():
            return ApiError(409, message, code="library_full")
        case UnknownVoiceError():
            return ApiError(404, message, "voice", "unknown_voice")
        case OverloadedError():
            return ApiError(429, message, code="rate_limit_exceeded", retry_after=RETRY_SECONDS)
        case EngineError() | ReadingFailedError():
            return ApiError(500, message, code="engine_failed")
        case OSError() if error.strerror:
            return ApiError(500, f"the voices folder can't be used: {error.strerror}", code="storage_failed")
        case _:
            return None
