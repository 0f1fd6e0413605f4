"""The table of the API: the method and the addresses of each handler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from bot.api.chats import Chats
from bot.conversations.archive import ConversationArchive
from bot.http.api.admission import Admission
from bot.http.api.chat import ChatApi
from bot.http.api.conversations import ConversationsApi
from bot.http.api.description import document
from bot.http.api.hearing import HearingApi
from bot.http.api.now import NowApi
from bot.http.api.process_call import ProcessCallApi
from bot.http.api.setup import SetupApi, SetupParts
from bot.http.api.speaking import SpeakingApi
from bot.http.api.voice_profiles import VoiceProfilesApi
from bot.http.api.voices import VoicesApi
from bot.metering import Account
from bot.monitoring.monitor import Monitor
from bot.monitoring.prometheus import PrometheusMetrics
from bot.speech_server.charged_sound import estimated_seconds
from bot.speech_server.client import SpeechServerClient
from bot.speech_server.forwarding import ForwardedAnswer
from bot.spoken_messages.file_transcriber import FileTranscriber
from bot.voice.transcribe.learning import LearnedCorrections
from bot.voices.introductions import Introductions
from bot.voices.places import Places
from bot.voices.voices import Voices
from bot.work_gate import WorkGate
from web_access.description import Description
from wire.parameters import SpeechParameters


@dataclass(frozen=True, slots=True)
class ApiParts:
    """The services behind the API.

    Attributes:
        gate: is closed while a call is on.
        file_transcriber: transcribes sound files.
        chats: the conversations with the persona.
        speech_server: the client of the speech server.
        voices: lists, makes and deletes voices, and stores which one was chosen for each place.
        introductions: what a voice says in a preview.
        places: the places for which a voice can be chosen.
        archive: the stored conversations.
        corrections: the operator's corrections of transcripts, to which further ones can be added.
        manner: returns the voice and the manner of speaking in a place, given its id.
        page: the id that stands for the page among ``places``.
        monitor: the figures of the running bot.
        setup: the parts that test and write settings.
    """

    gate: WorkGate
    file_transcriber: FileTranscriber
    chats: Chats
    speech_server: SpeechServerClient
    voices: Voices
    introductions: Introductions
    places: Places
    archive: ConversationArchive
    corrections: LearnedCorrections
    manner: Callable[[int], SpeechParameters]
    page: int
    monitor: Monitor
    setup: SetupParts


def api_routes(parts: ApiParts) -> Sequence[web.RouteDef]:
    """All routes. A handler may have several addresses."""
    admission = Admission(parts.gate)
    manner, account = partial(parts.manner, parts.page), Account(parts.page)
    hearing = HearingApi(parts.file_transcriber, admission, account)
    client = parts.speech_server

    def charge(answer: ForwardedAnswer, text: str) -> None:
        client.charges.add(answer.server, account, estimated_seconds(text), paid=answer.costs_money)

    speaking = SpeakingApi(client.forwarding, manner, charge, admission)
    chat = ChatApi(parts.chats, admission)
    connect = partial(client.metered_stream, account)
    process_call = ProcessCallApi(parts.file_transcriber, parts.chats, connect, manner, admission, account)
    voice_profiles = VoiceProfilesApi(parts.voices, admission)
    voices = VoicesApi(
        parts.voices,
        parts.introductions,
        parts.places,
        parts.manner,
        client.forwarding,
        charge,
        client.engine_state,
        admission,
    )
    conversations = ConversationsApi(parts.archive, parts.corrections)
    now = NowApi(parts.monitor, PrometheusMetrics(parts.monitor))
    setup = SetupApi(parts.setup, admission)
    description = Description(document)
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
        ("GET", voices.list, ("/api/voices",)),
        ("GET", voices.tell_engine, ("/api/voices/engine",)),
        ("PUT", voices.choose, ("/api/voices/places/{id}",)),
        ("POST", voices.preview, ("/api/voices/preview",)),
        ("GET", conversations.list, ("/api/conversations",)),
        ("GET", conversations.open, ("/api/conversations/{id}",)),
        ("GET", conversations.recordings, ("/api/conversations/{id}/recordings",)),
        ("GET", conversations.play, ("/api/conversations/{id}/recordings/{recording}",)),
        ("PATCH", conversations.correct, ("/api/conversations/{id}/turns/{n}",)),
        ("DELETE", conversations.delete, ("/api/conversations/{id}",)),
        ("GET", now.show, ("/api/now",)),
        ("GET", now.day, ("/api/now/day",)),
        ("GET", now.metrics, ("/metrics",)),
        ("GET", setup.show, ("/api/setup",)),
        ("POST", setup.examine, ("/api/setup/doctor",)),
        ("POST", setup.test, ("/api/setup/test",)),
        ("POST", setup.make_code, ("/api/setup/code",)),
        ("POST", setup.write, ("/api/setup/write",)),
        ("GET", description.show, ("/openapi.json",)),
    )
    return [web.route(method, path, handler) for method, handler, paths in table for path in paths]
