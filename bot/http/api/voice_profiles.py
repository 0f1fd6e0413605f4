"""``/api/voice-profile`` and ``/api/voice-profiles``: voices that people made from recordings."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.http.api.admission import Admission
from bot.http.api.uploads import read_form
from bot.http.errors import HttpError
from bot.speech_server.errors import UnknownVoiceError, VoiceExistsError, VoicesError
from bot.speech_server.voices import RecordingUpload, ServerVoice
from bot.voices.voices import DEFAULT, Voices

FILES = ("audio", "recording")
"""The names that the recording may have in a form."""
MAX_NAME = 50
DEFAULT_LANGUAGE = "en"
_SIGNS = "❌❓⏳⌛🔒 "
"""Signs that error texts begin with on Discord. They are removed here."""


class VoiceProfilesApi:
    """The handlers of these routes. Whoever may use the HTTP server may delete every voice that was made here.

    Args:
        voices: the voices service.
        admission: admits requests to the engines.
    """

    def __init__(self, voices: Voices, admission: Admission) -> None:
        self._voices = voices
        self._admission = admission

    async def list(self, _: web.Request) -> web.Response:
        """``GET /api/voice-profiles``: the voices that were made here."""
        try:
            catalogue = await self._voices.catalogue()
        except VoicesError as error:
            raise voices_error(error) from error
        voices = [_fields(voice) for voice in catalogue.voices if voice.made_here]
        return web.json_response({"voices": voices, "can_clone": catalogue.can_clone, "engine": catalogue.engine})

    async def create(self, request: web.Request) -> web.Response:
        """``POST /api/voice-profile``: make a voice from a recording of 6 to 30 s.

        With ``keep``, an engine that can't clone keeps the recording for one that can.
        """
        async with self._admission.admit(request):
            form = await read_form(request, FILES)
            name = " ".join(form.fields.get("name", "").split())
            if not 0 < len(name) <= MAX_NAME:
                raise HttpError(400, "bad_parameter", f"name must have 1 to {MAX_NAME} characters.")
            if name.casefold() == DEFAULT:
                raise HttpError(400, "bad_parameter", f"{name} is taken: it stands for the usual voice.")
            language = form.fields.get("language", "").strip() or DEFAULT_LANGUAGE
            keep = form.flag("keep")
            async with self._admission.engines():
                try:
                    recording = RecordingUpload("recording", form.file)
                    voice = await self._voices.create(name, language, recording, keep=keep)
                except VoicesError as error:
                    raise voices_error(error) from error
        return web.json_response(_fields(voice), status=201)

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /api/voice-profile/{id}``: delete a voice and its recordings."""
        try:
            catalogue = await self._voices.catalogue()
            wanted = request.match_info["id"]
            voice = next((each for each in catalogue.voices if each.id == wanted), None)
            if voice is None:
                raise HttpError(404, "unknown_voice", "There is no voice with this id.")
            if not voice.made_here:
                raise HttpError(403, "built_in", "This voice came with the engine. It can't be deleted.")
            await self._voices.delete(voice)
        except VoicesError as error:
            raise voices_error(error) from error
        return web.Response(status=204)


def _fields(voice: ServerVoice) -> dict[str, Any]:
    return voice.model_dump(include={"id", "name", "language", "engine", "similarity", "seconds", "recordings"})


def voices_error(error: VoicesError) -> HttpError:
    """The answer for an error of the voices service."""
    text = str(error).lstrip(_SIGNS)
    match error:
        case VoiceExistsError():
            return HttpError(409, "voice_exists", text)
        case UnknownVoiceError():
            return HttpError(404, "unknown_voice", text)
        case _ if error.status in (400, 413, 415):
            return HttpError(error.status, "bad_recording", text)
        case _ if error.status == 409:
            return HttpError(409, "cannot_clone", text)
        case _ if error.status == 429:
            return HttpError(429, "busy", text, retry_after=5.0)
        case _:
            return HttpError(503, "voice_away", text, retry_after=5.0)
