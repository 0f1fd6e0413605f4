"""Builds the service of phone calls from the core's parts, and opens its gateways: Twilio and SIP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial

from bot.api.spoken_answer import spoken_text
from bot.core import Core
from bot.llm.spoken_lines import LineChooser
from bot.metering import Account
from bot.phone_calls import PhoneCalls, stored_key
from bot.tools.registry import only_for_everyone
from bot.tools.tool import Asker
from bot.voice.events import CallEvent, EnginesReady, Ready
from bot.voice.phone.answering import PhoneAnswering, PhoneWay
from bot.voice.phone.calls_log import FILE, CallsLog
from bot.voice.phone.kept_sentences import KeptSentences
from bot.voice.phone.line import PhoneLine
from bot.voice.phone.people import PHONE_PLACE, PhonePeople
from bot.voice.phone.sentences import Sentences
from bot.voice.phone.transport import PhoneCall, PhoneTransport
from bot.web import BARGE_IN_NOBODY
from config.settings import Settings
from config.speech_settings import engine_variables
from wire.parameters import SpeechParameters

SENTENCES = "phone_sentences"
"""The folder in ``DATA_DIR`` for the sound of sentences. It is kept there only if the voice costs money."""
_VOICE_VARIABLES = frozenset({"AZURE_SPEECH_REGION", "OPENAI_BASE_URL"})

Gateway = Callable[[PhoneAnswering], AbstractAsyncContextManager[object]]
"""Takes phone calls and passes them to the service while the block runs. Leaving the block ends all its lines."""


def gateways(settings: Settings) -> list[Gateway]:
    """The gateways that the settings ask for; none if the telephone is off."""
    wanted: list[Gateway] = []
    if settings.sip.on:
        # The libraries of SIP and RTP are loaded only where they are used.
        from bot.voice.phone.sip.gateway import sip_endpoint

        wanted.append(partial(sip_endpoint, settings.sip))
    if settings.takes_twilio:
        # The same is true of Twilio's library.
        from bot.http.twilio.server import twilio_server

        wanted.append(partial(twilio_server, settings.phone, settings.twilio, folder=settings.data_dir))
    return wanted


@asynccontextmanager
async def phone_parts(core: Core, *, warms_up: bool) -> AsyncIterator[PhoneCalls | None]:
    """Take phone calls while the block runs, if the settings want any. Yields the service.

    Callers are refused until the bot is ready. When the bot stops, :meth:`PhoneCalls.close` must be called before the
    current call is ended.

    Args:
        warms_up: whether the engines are loaded at the start. If so, the bot is ready only when they are loaded.
    """
    wanted = gateways(core.settings)
    if not wanted:
        yield None
        return
    async with phone_service(core, warms_up=warms_up) as calls, AsyncExitStack() as stack:
        for gateway in wanted:
            way = await stack.enter_async_context(gateway(calls))
            if isinstance(way, PhoneWay):
                calls.ways.append(way)
        yield calls


@asynccontextmanager
async def phone_service(core: Core, *, warms_up: bool) -> AsyncIterator[PhoneCalls]:
    """The service of phone calls without its gateways. It is closed when the block ends."""
    log = CallsLog(core.settings.data_dir / FILE, time.monotonic)
    language, lines = core.settings.stt.language, core.calls.word_lists.lines

    def manner() -> SpeechParameters:
        return replace(core.calls.manner(PHONE_PLACE), conversation_language=language)

    sentences = Sentences(
        lambda text: spoken_text(
            partial(core.engines.speech_server.metered_stream, Account(PHONE_PLACE)), text, manner()
        ),
        lambda sentence: lines.sentence(sentence, language),
        manner,
        KeptSentences(core.settings.data_dir / SENTENCES, await asyncio.to_thread(_voice_of, core.settings)),
        core.engines.speech_server.costs_money,
    )
    calls = phone_calls(core, sentences, log, await stored_key(core.store))

    def follow(event: CallEvent) -> None:
        if isinstance(event, EnginesReady) or (isinstance(event, Ready) and not warms_up):
            calls.ready = True
            calls.prepare()

    async with AsyncExitStack() as stack:
        stack.enter_context(_limited_rights(core))
        stack.callback(core.watch.subscribe(follow))
        stack.callback(core.call_ends.subscribe(calls.ended))
        stack.push_async_callback(log.flush)
        stack.push_async_callback(calls.finish)
        yield calls


def _voice_of(settings: Settings) -> str:
    """What the bot's voice depends on, as far as the settings tell. The text contains no secrets. Reads files."""
    found = engine_variables()
    chosen = {name: value for name, value in found.items() if name.startswith("TTS_") or name in _VOICE_VARIABLES}
    chosen.pop("TTS_TOKEN", None)
    return repr((settings.voice_engine, settings.tts.listed, sorted(chosen.items())))


def phone_calls(core: Core, sentences: Sentences, log: CallsLog, key: bytes) -> PhoneCalls:
    """The service of phone calls. The caller must tell it when calls have ended (:meth:`PhoneCalls.ended`)."""
    lines = LineChooser(core.calls.word_lists.lines)

    def make_transport(line: PhoneLine, person: int) -> PhoneTransport:
        people = PhonePeople(
            person,
            admits=lambda each: not core.ignored.include(PHONE_PLACE, each),
            interrupts=core.settings.call.barge_in != BARGE_IN_NOBODY,
        )
        return PhoneTransport(line, people)

    def make_call(transport: PhoneTransport) -> PhoneCall:
        return core.calls.make(PhoneCall, transport, PHONE_PLACE, 1.0, lambda _: None)

    def greeting() -> str:
        return lines.first_words(core.settings.stt.language, core.characters.at(PHONE_PLACE).persona.name)

    return PhoneCalls(
        core.manager,
        make_call,
        make_transport,
        core.consent,
        core.volumes,
        core.settings.phone,
        sentences,
        greeting,
        log,
        key,
        enabled=core.settings.call.enabled,
    )


@contextmanager
def _limited_rights(core: Core) -> Iterator[None]:
    """Let callers use only tools that are for everyone. The page and people on Discord keep their rights.

    At the end of the block, the rights are as they were before.
    """
    before, may_before = core.tools.users, core.controls.may

    def permits(asker: Asker, permit: str) -> bool:
        allowed = only_for_everyone if asker.server == PHONE_PLACE else before.permits
        return allowed(asker, permit)

    core.tools.users = replace(before, permits=permits)
    # A caller may use all controls, because what a caller changes, such as the volume, applies only to phone calls.
    core.controls.may = lambda asker, command: asker.server == PHONE_PLACE or may_before(asker, command)
    try:
        yield
    finally:
        core.tools.users, core.controls.may = before, may_before
