"""The table of the API: which address each handler has, and its other names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.api.chats import Chats
from bot.conversations.archive import ConversationArchive
from bot.http.api.admission import Admission
from bot.http.api.chat import ChatApi
from bot.http.api.conversations import ConversationsApi
from bot.http.api.description import DescriptionApi
from bot.http.api.hearing import HearingApi
from bot.http.api.process_call import ProcessCallApi
from bot.http.api.speaking import SpeakingApi
from bot.http.api.voice_profiles import VoiceProfilesApi
from bot.speech_server.forwarding import SpeechForwarding
from bot.spoken_messages.recordings import Recordings
from bot.voice.ports import SpeechClient
from bot.voice.transcribe.learning import LearnedCorrections
from bot.voices.voices import Voices
from bot.work_gate import WorkGate
from wire.parameters import SpeechParameters


@dataclass(frozen=True, slots=True)
class ApiParts:
    """The services behind the API.

    Attributes:
        gate: is closed while a call is on.
        recordings: transcribes recordings.
        chats: the conversations with the persona.
        forwarding: passes requests on to the speech server.
        make_voice: makes a connection to the speech server.
        voices: lists, makes and deletes voices.
        archive: the stored conversations.
        corrections: the corrections of transcripts, which can be added to.
        manner: returns the voice and the manner of speaking that were chosen for the page.
        description: the OpenAPI document.
    """

    gate: WorkGate
    recordings: Recordings
    chats: Chats
    forwarding: SpeechForwarding
    make_voice: Callable[[], SpeechClient]
    voices: Voices
    archive: ConversationArchive
    corrections: LearnedCorrections
    manner: Callable[[], SpeechParameters]
    description: Mapping[str, Any]


def api_routes(parts: ApiParts) -> Sequence[web.RouteDef]:
    """All routes. The second address of a handler is the name that another program gives it."""
    admission = Admission(parts.gate)
    hearing = HearingApi(parts.recordings, admission)
    speaking = SpeakingApi(parts.forwarding, parts.manner, admission)
    chat = ChatApi(parts.chats, admission)
    process_call = ProcessCallApi(parts.recordings, parts.chats, parts.make_voice, parts.manner, admission)
    voice_profiles = VoiceProfilesApi(parts.voices, admission)
    conversations = ConversationsApi(parts.archive, parts.corrections)
    description = DescriptionApi(parts.description)
    table = (
        ("POST", hearing.hear, ("/stt",)),
        ("POST", hearing.transcribe, ("/v1/audio/transcriptions",)),
        ("POST", speaking.speak, ("/tts",)),
        ("POST", speaking.pass_speech_on, ("/v1/audio/speech",)),
        ("GET", speaking.pass_list_on, ("/v1/audio/voices", "/v1/models")),
        ("POST", chat.answer, ("/chat",)),
        ("POST", process_call.answer, ("/process_call",)),
        ("POST", voice_profiles.create, ("/api/voice-profile", "/v1/voice/profile")),
        ("GET", voice_profiles.list, ("/api/voice-profiles",)),
        ("DELETE", voice_profiles.delete, ("/api/voice-profile/{id}",)),
        ("GET", conversations.list, ("/api/conversations",)),
        ("GET", conversations.open, ("/api/conversations/{id}",)),
        ("PATCH", conversations.correct, ("/api/conversations/{id}/turns/{n}",)),
        ("DELETE", conversations.delete, ("/api/conversations/{id}",)),
        ("GET", description.show, ("/openapi.json",)),
    )
    return [web.route(method, path, handler) for method, handler, paths in table for path in paths]
