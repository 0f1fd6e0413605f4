"""Builds the bot's HTTP server and the browser calls behind it, from the core's parts."""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from aiohttp import BadContentDispositionHeader, BadContentDispositionParam, web

from bot.api.chats import Chats
from bot.browser_calls import BrowserCalls
from bot.browser_characters import BrowserCharacters
from bot.browser_memory import BrowserMemory
from bot.browser_music import BrowserMusic
from bot.browser_usage import BrowserUsage
from bot.characters import LocalCharacter
from bot.conversations.archive import ConversationArchive
from bot.conversations.recordings import CallRecordings
from bot.conversations.records import ConversationPlace
from bot.core import Core
from bot.http.api.admission import make_gate
from bot.http.api.routes import ApiParts, api_routes
from bot.http.api.setup import SetupParts
from bot.http.chat_socket import ChatSocket
from bot.http.page import Page
from bot.http.realtime.socket import RealtimeSocket
from bot.http.server import WebServer
from bot.llm.history import History
from bot.llm.prompts import CHATTED, SPOKEN, CallRoom, private_room
from bot.llm.recollection import recall_at
from bot.llm.slots import CALL_SLOT
from bot.llm.tools import toolbox_at
from bot.music.typed import TypedMusic
from bot.music.typed_sounds import TypedSounds
from bot.responder import ModelResponder
from bot.setup.examination import examine
from bot.setup.service import SetupService
from bot.tools.confirmation import Confirmations
from bot.tools.tool import Asker
from bot.usage.report import UsageReport
from bot.voice.browser.client_messages import Hello
from bot.voice.browser.people import PAGE_PLACE, BrowserPeople
from bot.voice.browser.transport import BrowserCall, BrowserTransport
from bot.voice.engines import LoadingReport
from bot.voice.phone.people import PHONE_PLACE
from bot.voices.introductions import Introductions, load_introductions
from bot.voices.places import VoicePlace
from config.addresses import only_this_machine_can_connect
from config.place import in_container

_log = logging.getLogger(__name__)

BROWSER = PAGE_PLACE
"""The id under which the persona, mood and voice of browser calls are chosen. No Discord server has this id."""
THIS_BROWSER = VoicePlace("browser", BROWSER, "In the browser")
"""The browser, as a place for which a voice is chosen."""
THE_TELEPHONE = VoicePlace("phone", PHONE_PLACE, "On the telephone")
"""The telephone, as a place for which a voice is chosen."""
Servers = Callable[[], Mapping[int, str]]
"""Returns the names of the Discord servers that the bot is on, by their ids."""
BARGE_IN_NOBODY = "nobody"
"""The only value of ``BARGE_IN`` that matters in a browser call, because only one person is in the call."""


@dataclass(frozen=True, slots=True)
class WebParts:
    """The HTTP server, and the service of browser calls."""

    server: WebServer
    calls: BrowserCalls

    @property
    def url(self) -> str:
        """The address of the page."""
        return self.server.url

    async def stop_accepting(self) -> None:
        """Take no further connections and begin no further calls, because the bot is being switched off."""
        self.server.refuse_connections()
        await self.calls.close()


@asynccontextmanager
async def web_parts(core: Core, servers: Servers = dict) -> AsyncIterator[WebParts]:
    """Serve the page and the API while the block runs. ``servers`` are the Discord servers that the bot is on."""
    # aiohttp would write a line into the log for each malformed header of a form, and keep it in memory for ever.
    warnings.filterwarnings("ignore", category=BadContentDispositionHeader)
    warnings.filterwarnings("ignore", category=BadContentDispositionParam)
    calls = browser_calls(core)
    stop_listening = core.call_ends.subscribe(calls.ended)
    users = core.tools.users

    async def tell_failure(asker: Asker, text: str) -> None:
        await users.tell_failure(asker, text)
        await calls.questions.tell_failure(asker, text)

    confirmations = Confirmations(users.confirmation, calls.questions)
    core.tools.users = replace(users, confirmation=confirmations, tell_failure=tell_failure)
    chats = program_chats(core)
    stop_watching = core.consent.watch(chats.forget)
    page = await asyncio.to_thread(Page.load)
    sockets = [*ChatSocket(calls).routes, *RealtimeSocket(calls, time.monotonic).routes]
    introductions = await asyncio.to_thread(load_introductions)
    routes = [*sockets, *program_routes(core, chats, introductions, servers)]
    server = WebServer(core.settings.web, routes, core.checks.state, page)
    try:
        await server.serve(core.listening)
        yield WebParts(server, calls)
    finally:
        await calls.close()
        await server.close()
        stop_watching()
        chats.close()
        stop_listening()
        core.tools.users = users


def browser_calls(core: Core) -> BrowserCalls:
    """The service of browser calls. The caller must tell it when calls have ended (:meth:`BrowserCalls.ended`)."""

    def make_transport(hello: Hello) -> BrowserTransport:
        people = BrowserPeople(
            hello.name,
            admits=lambda person: not core.ignored.include(BROWSER, person),
            interrupts=core.settings.call.barge_in != BARGE_IN_NOBODY,
        )
        return BrowserTransport(people, hello)

    def make_call(transport: BrowserTransport, report: LoadingReport) -> BrowserCall:
        return core.calls.make(BrowserCall, transport, BROWSER, 1.0, report, lambda: transport.wishes)

    def first_notice() -> str | None:
        model = core.characters.at(BROWSER).persona.model
        size = core.engines.models.for_calls_client.size_of(model=model)
        return core.warnings.on_the_page(takes_tools=size.takes_tools)

    settings = core.settings
    return BrowserCalls(
        core.manager,
        make_call,
        make_transport,
        core.consent,
        BrowserCharacters(LocalCharacter(core.characters, BROWSER)),
        core.volumes,
        core.tools.yes_no,
        settings.command_prefix,
        first_notice=first_notice,
        enabled=settings.call.enabled,
        memory=BrowserMemory(
            core.long_term.memory, settings.command_prefix, lambda: core.engines.models.size_of().takes_tools
        ),
        music=BrowserMusic(
            TypedMusic(core.music_control, core.music, settings.command_prefix, takes_files=False),
            TypedSounds(core.sounds, settings.command_prefix, takes_files=False),
            settings.command_prefix,
        ),
        usage=BrowserUsage(UsageReport(core.usage), settings.command_prefix),
    )


def program_chats(core: Core) -> Chats:
    """The conversations of programs. They have the persona, the mood and the voice of the page."""
    character = LocalCharacter(core.characters, BROWSER)

    def make_responder(history: History, name: str, *, spoken: bool) -> ModelResponder:
        return ModelResponder(
            character.now,
            history,
            lambda: CallRoom(private_room(name), (name,)),
            core.clock,
            core.engines.models.for_calls_client,
            core.settings.llm.context_messages,
            core.small_prompts,
            rules=SPOKEN if spoken else CHATTED,
            never_retract=True,
            # Spoken answers have the prompt of calls, which is in the cache of the calls' slot.
            slot=lambda: CALL_SLOT if spoken else None,
            toolbox=toolbox_at(core.calls.tools, BROWSER),
            recall=recall_at(core.calls.recalls, BROWSER),
            place=BROWSER,
        )

    place = ConversationPlace("api", "a program", BROWSER)
    return Chats(
        make_responder, lambda: core.long_term.conversations.begin_call(place), character.now, character.answered
    )


def program_routes(core: Core, chats: Chats, introductions: Introductions, servers: Servers) -> Sequence[web.RouteDef]:
    """The routes of the API for programs. While a call is on, the lease holds back what needs an engine."""

    def places() -> Sequence[VoicePlace]:
        on_discord = sorted(servers().items(), key=lambda each: each[1].casefold())
        phone = [THE_TELEPHONE] if core.settings.takes_twilio or core.settings.sip.on else []
        return [THIS_BROWSER, *phone, *(VoicePlace(str(server), server, name) for server, name in on_discord)]

    gate = make_gate()
    core.lease.register(gate)
    return api_routes(
        ApiParts(
            gate,
            core.file_transcriber,
            chats,
            core.engines.speech_server,
            core.voices,
            introductions,
            places,
            ConversationArchive(core.database, core.long_term.conversations, CallRecordings(core.settings.data_dir)),
            core.learned_corrections,
            core.calls.manner,
            BROWSER,
            core.monitor,
            setup_parts(core),
        )
    )


def setup_parts(core: Core) -> SetupParts:
    """The parts that test settings and write them to ``.env``, which a container can't reach."""
    on_loopback = only_this_machine_can_connect(core.settings.web.bind) and not in_container()
    return SetupParts(SetupService(), examine, on_loopback, time.monotonic, _log.warning)
