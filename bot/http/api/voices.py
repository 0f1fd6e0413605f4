"""``/api/voices``: the voices, what is chosen in each place, and how a voice sounds."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import aiosqlite
from aiohttp import web

from bot.http.api.admission import RETRY_SECONDS, Admission, as_http_error
from bot.http.api.fields import optional_text
from bot.http.api.speaking import MAX_NAME, SPEECH, pass_on
from bot.http.api.voice_profiles import voices_error
from bot.http.bodies import read_object
from bot.http.errors import HttpError
from bot.speech_server.errors import VoiceAwayError, VoicesError
from bot.speech_server.forwarding import ForwardedAnswer, SpeechForwarding
from bot.speech_server.status import EngineState
from bot.speech_server.voices import ServerVoice, VoiceCatalogue
from bot.text import shorten
from bot.voices.introductions import Introductions
from bot.voices.places import Places, VoicePlace
from bot.voices.voices import Voices, cannot_clone
from wire.fields import Fields, WireError
from wire.parameters import NUMBERS, SpeechParameters

_log = logging.getLogger(__name__)

DATABASE_AWAY = "The choice could not be stored: the database is in use, or its disk is full. Try again."
MAX_MESSAGE = 200
"""Largest number of characters of the message about a wrong parameter, which contains its value."""
WHOLE = ("top_k", "gpt_cond_len", "gpt_cond_chunk_len")
"""Parameters that are whole numbers."""


class VoicesApi:
    """The endpoints.

    Args:
        voices: the voices service.
        introductions: what a voice says in a preview.
        places: the places for which a voice can be chosen.
        manner: returns the voice and the manner of speaking in a place: what was chosen for it, and what its persona
            and mood add.
        forwarding: passes requests on to the speech server.
        charge: called with the answer of the server that speaks a preview, and the text of the preview.
        engine: returns the state of the speech server's engine.
        admission: admits requests to the engines.
    """

    def __init__(
        self,
        voices: Voices,
        introductions: Introductions,
        places: Places,
        manner: Callable[[int], SpeechParameters],
        forwarding: SpeechForwarding,
        charge: Callable[[ForwardedAnswer, str], None],
        engine: Callable[[], Awaitable[EngineState]],
        admission: Admission,
    ) -> None:
        self._voices = voices
        self._introductions = introductions
        self._places = places
        self._manner = manner
        self._forwarding = forwarding
        self._charge = charge
        self._engine = engine
        self._admission = admission

    async def list(self, _: web.Request) -> web.Response:
        """``GET /api/voices``: all voices, what else can be chosen, and what is chosen in each place."""
        catalogue = await self._catalogue()
        return web.json_response(
            {
                "voices": [voice.model_dump() for voice in catalogue.voices],
                "engine": catalogue.engine,
                "can_clone": catalogue.can_clone,
                "advice": None if catalogue.can_clone else cannot_clone(catalogue.engine).lstrip("❌ "),
                "parameters": [_range(name) for name in NUMBERS if name in catalogue.parameters],
                "presets": [preset.model_dump() for preset in catalogue.presets],
                "preset": catalogue.preset,
                "places": [self._choice(place, catalogue) for place in self._places()],
            }
        )

    async def tell_engine(self, _: web.Request) -> web.Response:
        """``GET /api/voices/engine``: which engine speaks now, and how far the preferred one is loaded."""
        try:
            return web.json_response(asdict(await self._engine()))
        except VoiceAwayError as error:
            raise as_http_error(error) from error

    async def choose(self, request: web.Request) -> web.Response:
        """``PUT /api/voices/places/{id}``: choose the voice and the manner of speaking of a place."""
        place = self._place(request.match_info["id"])
        fields = await read_object(request)
        chosen = _read_manner(fields)
        catalogue = await self._catalogue()
        voice = _voice(catalogue, optional_text(fields, "voice", MAX_NAME))
        presets = [preset.name for preset in catalogue.presets]
        if chosen.preset is not None and chosen.preset not in presets:
            raise HttpError(400, "bad_parameter", f"preset must be one of {', '.join(presets) or 'none'}.")
        try:
            if voice is not None and voice.id != self._voices.chosen(place.scope):
                await self._voices.check(voice)
        except VoicesError as error:
            raise voices_error(error) from error
        try:
            await self._voices.choose(place.scope, voice)
            await self._voices.choose_manner(place.scope, chosen)
        except aiosqlite.Error as error:
            _log.warning("The choice of a voice can't be stored: %s", error)
            raise HttpError(503, "database_away", DATABASE_AWAY, retry_after=RETRY_SECONDS) from error
        return web.json_response(self._choice(place, catalogue))

    async def preview(self, request: web.Request) -> web.StreamResponse:
        """``POST /api/voices/preview``: a spoken sentence as a WAV file, in one voice or with the manner of a place."""
        async with self._admission.admit(request):
            fields = await read_object(request)
            named, where = optional_text(fields, "voice", MAX_NAME), optional_text(fields, "place", MAX_NAME)
            if named is None and where is None:
                raise HttpError(400, "bad_parameter", "voice or place is missing.")
            manner = SpeechParameters() if where is None else self._manner(self._place(where).scope)
            catalogue = await self._catalogue()
            voice = _voice(catalogue, named)
            if voice is not None:
                manner = replace(manner, voice=voice.id)
            speaker = _named(catalogue, manner.voice or catalogue.usual)
            text = self._introductions.usual if speaker is None else self._introductions.of(speaker)
            async with self._admission.engines():
                body = {**manner.write(), "input": text, "response_format": "wav"}
                return await pass_on(
                    self._forwarding, request, "POST", SPEECH, body, lambda answer: self._charge(answer, text)
                )

    async def _catalogue(self) -> VoiceCatalogue:
        try:
            return await self._voices.catalogue()
        except VoicesError as error:
            raise voices_error(error) from error

    def _place(self, wanted: str) -> VoicePlace:
        place = next((place for place in self._places() if place.id == wanted), None)
        if place is None:
            raise HttpError(404, "unknown_place", "I am on no server with this id.")
        return place

    def _choice(self, place: VoicePlace, catalogue: VoiceCatalogue) -> dict[str, Any]:
        chosen = self._voices.manner(place.scope)
        usual = None if chosen.voice is not None else self._manner(place.scope).voice
        return {
            "id": place.id,
            "name": place.name,
            "voice": chosen.voice,
            "speaks_as": chosen.voice or usual or catalogue.usual,
            "preset": chosen.preset,
            # A pitch shift of 0 is the usual one.
            "manner": {name: value for name in NUMBERS if (value := getattr(chosen, name)) not in (None, 0.0)},
        }


def _read_manner(fields: Mapping[str, Any]) -> SpeechParameters:
    """Read the preset and the numbers; other fields are ignored; raises :class:`HttpError`."""
    given = {name: fields[name] for name in ("preset", *NUMBERS) if name in fields}
    try:
        return SpeechParameters.read(Fields(given))
    except (WireError, RecursionError) as error:
        raise HttpError(400, "bad_parameter", shorten(f"{error}.", MAX_MESSAGE)) from None


def _range(name: str) -> dict[str, Any]:
    lowest, highest = NUMBERS[name]
    return {"name": name, "lowest": lowest, "highest": highest, "whole": name in WHOLE}


def _named(catalogue: VoiceCatalogue, voice: str | None) -> ServerVoice | None:
    return next((each for each in catalogue.voices if each.id == voice), None)


def _voice(catalogue: VoiceCatalogue, named: str | None) -> ServerVoice | None:
    """The voice with the id ``named``; raises :class:`HttpError` if there is none, or the engine can't speak with
    it."""
    if named is None:
        return None
    voice = _named(catalogue, named)
    if voice is None:
        raise HttpError(404, "unknown_voice", "There is no voice with this id.")
    if not voice.speaks:
        raise HttpError(409, "cannot_clone", cannot_clone(catalogue.engine).lstrip("❌ "))
    return voice
