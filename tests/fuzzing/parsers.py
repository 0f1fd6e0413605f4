"""All parsers of bytes from outside, with valid messages to damage and the errors that each may raise.

Each parser is what the program calls, not a copy. To add one, write its kind and put it into :data:`KINDS`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from discord.gateway import ReconnectWebSocket
from mcp_types import CallToolResult
from PIL import Image
from pydantic import ValidationError

from audio.decode import COMMON_FORMATS, NotSoundError, TooLongSoundError
from audio.decode import decoded as decoded_sound
from bot.character_cards.card import CardError, parse_card
from bot.features.figurine_notifier.parser import NotAFeedError, read_feed
from bot.http.realtime.session import RealtimeError
from bot.http.twilio.messages import StreamError
from bot.llm.deltas import BrokenDeltaError, ServerSaidError, error_text, parse_delta
from bot.llm.filters.tool_calls import ToolCallFilter
from bot.llm.sse import SseOverflowError, SseParser
from bot.llm.tool_calls import ToolCallAssembler
from bot.pictures import DECODE_ERRORS, BrokenPictureError, picture_frames, to_jpeg
from bot.speech_server.frame_reader import FrameReader
from bot.speech_server.plain_reply import Pace, PlainLimits, PlainReply
from bot.speech_server.plain_sound import read_frame
from bot.speech_server.plain_stream import _error_of
from bot.speech_server.refusals import reason_and_code
from bot.speech_server.voices import ServerVoice, VoiceCatalogue
from bot.tools.results import result_text
from bot.tools.servers.lines import LineSplitter
from bot.tools.servers.link import _text
from bot.tools.servers.schemas import clean_schema
from bot.tools.tool import ToolResult
from bot.voice.browser.client_messages import MAX_ERROR, MessageError, checked_sound
from bot.voice.browser.client_messages import parse_client as parse_chat
from bot.voice.discord.audio_input import DiscordPacketSource
from bot.voice.phone.sip.messages import BadMessageError
from bot.voice.transcribe.openai_responses import AnswerError, read_answer
from tests.features.recordings import recording
from tests.fuzzing.gateway_parser import AT_ONCE as GATEWAY_AT_ONCE
from tests.fuzzing.gateway_parser import gateway, gateway_messages
from tests.fuzzing.mutation import damaged, damaged_json, text_of
from tests.fuzzing.phone_parsers import phone_packets, phone_sound, sip, sip_messages, twilio
from tests.fuzzing.realtime_parser import realtime, realtime_events
from tests.fuzzing.seeds import (
    ATOM,
    CARD,
    CHAT,
    ENV,
    FEED,
    READY,
    RESULTS,
    RSS,
    STREAM,
    TRANSCRIPTS,
    TWILIO,
    VOICE_OPS,
    WIRE,
    encoded,
)
from tests.fuzzing.settings_parser import AT_ONCE as SETTINGS_AT_ONCE
from tests.fuzzing.settings_parser import settings
from tests.voice.discord.channel import ADA, Channel, Talker, sealed_for
from wire.fields import ERROR_CODES, GarbledError, WireError
from wire.messages import Failure, parse_client, parse_server

Make = Callable[[Sequence[bytes], random.Random], bytes]
Parse = Callable[[bytes, random.Random], None]
Start = Callable[[Path, contextlib.ExitStack], Parse]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of bytes from outside.

    Attributes:
        seeds: makes valid messages.
        start: makes the parser, with a folder of its own. What has to be closed after all cases goes onto the stack.
            State that the program keeps for a connection is kept for all cases.
        errors: the errors that the parser documents.
        make: makes a case from the seeds.
        short: number of cases in ``make test``. Parsers that decode media are slower than others.
    """

    name: str
    seeds: Callable[[], Sequence[bytes]]
    start: Start
    errors: tuple[type[Exception], ...] = ()
    make: Make = damaged_json
    short: int = 300


def _simple(parse: Callable[[bytes], object]) -> Start:
    """The start of a parser without state."""
    return lambda folder, stack: lambda data, rng: _drop(parse(data))


def _drop(result: object) -> None:
    """Read all that the parser returns, if it is an iterator."""
    if isinstance(result, Iterator):
        for _ in result:
            pass


# Discord.


def _voice_packets() -> list[bytes]:
    ada = Talker(ADA, 77)
    rare = ada.packet(sealed_for(ADA, ada.opus()), first=0x90, extension=b"\xbe\xde\x00\x01" + bytes(4))
    return [*(ada.voiced() for _ in range(20)), ada.silent(), rare]


def _receiver(folder: Path, stack: contextlib.ExitStack) -> Parse:
    channel, ada, turns = Channel(), Talker(ADA, 77), iter(range(10**9))
    channel.receiver.speaking(77, ADA)

    def parse(data: bytes, rng: random.Random) -> None:
        # A stranger damages the packet; a person in the call damages what is in it.
        forged = (
            ada.packet(data[:200], first=rng.choice((0x80, 0x90, 0xA0, 0xB0, 0x8F))) if rng.random() < 0.5 else data
        )
        channel.take(forged)
        channel.heard.clear()
        channel.group.opened.clear()
        if next(turns) % 100 == 0:
            channel.receiver.person_left(ADA, channel.now)
            channel.receiver.speaking(77, ADA)

    return parse


class _Nobody:
    """Takes what the voice gateway says."""

    def datagram(self, data: bytes, at: float) -> None:
        """Drop it."""

    def speaking(self, ssrc: int, person: int) -> None:
        """Drop it."""

    def person_left(self, person: int) -> None:
        """Drop it."""


def _voice_gateway(folder: Path, stack: contextlib.ExitStack) -> Parse:
    source = DiscordPacketSource()
    source.listen(_Nobody())

    def parse(data: bytes, rng: random.Random) -> None:
        with contextlib.suppress(ValueError, RecursionError):
            message = json.loads(data)
            if isinstance(message, dict):
                op = message.get("op", -1)
                _checked(source.on_voice_op, op if isinstance(op, int) else 5, message.get("d"))

    return parse


class ParserFailed(Exception):  # noqa: N818
    """A parser has raised an error inside a block that expects the errors of the library that reads JSON."""


def _checked(call: Callable[..., object], *arguments: object) -> None:
    try:
        call(*arguments)
    except Exception as error:
        raise ParserFailed(repr(error)) from error


# Model servers, speech servers, transcribers.


def _model_stream(folder: Path, stack: contextlib.ExitStack) -> Parse:
    def parse(data: bytes, rng: random.Random) -> None:
        stream, calls, filtered = SseParser(), ToolCallAssembler(), ToolCallFilter(takes_calls=True)
        error_text(text_of(data))
        cut = rng.randrange(len(data) + 1)
        for piece in (data[:cut], data[cut:]):
            for event in stream.feed(piece):
                with contextlib.suppress(BrokenDeltaError, ServerSaidError):
                    delta = parse_delta(event.data)
                    calls.take(delta.calls)
                    _drop(iter(filtered.feed(delta.text)))
        for call in calls.end(whole=True):
            call.values()
        _drop(iter(filtered.finish()))

    return parse


def _json_stream(seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """Events with damaged JSON, or a damaged stream."""
    if rng.random() < 0.4:
        return damaged(seeds, rng)
    lines = [line.partition(b": ")[2] for line in STREAM.split(b"\n") if line.startswith(b"data: {")]
    return b"".join(b"data: " + damaged_json(lines, rng) + b"\n\n" for _ in range(3))


def _read_wire(read: Callable[[str | bytes], object], message: str | bytes) -> None:
    try:
        read(message)
    except WireError as error:
        assert error.code in ERROR_CODES
        # The other side is sent this error, so its encoding must not fail.
        Failure(str(error), error.code, error.reply).to_json().encode()
        raise


def _wire(folder: Path, stack: contextlib.ExitStack) -> Parse:
    frames, pace = FrameReader(), Pace()

    def parse(data: bytes, rng: random.Random) -> None:
        text = text_of(data)
        with contextlib.suppress(GarbledError):
            frames.read(text)
        frames.read(data)
        _error_of(text)
        reason_and_code(data)
        if (samples := read_frame(data)) is not None:
            assert not len(samples) or float(np.max(np.abs(samples))) <= 1.0
            reply = PlainReply("r1", pace, PlainLimits())
            _drop(reply.add(text[:200], flush=True))
            if not reply.over:
                _drop(reply.sound(samples, rng.random()))
        for read_model in (VoiceCatalogue, ServerVoice):
            with contextlib.suppress(ValidationError):
                read_model.model_validate_json(data)
        with contextlib.suppress(WireError):
            _read_wire(parse_server, text)
        _read_wire(parse_client, data)

    return parse


# Uploads.


def _sound(data: bytes) -> None:
    bounds = dataclasses.replace(COMMON_FORMATS, max_seconds=5.0, max_stated_seconds=60.0, max_broken_packets=10)
    for _ in decoded_sound(io.BytesIO(data), 16_000, bounds):
        pass


def _sounds() -> list[bytes]:
    wav = recording(0.1, container="wav", codec="pcm_s16le")
    return [recording(0.1), wav, recording(0.1, container="flac", codec="flac")]


def _pictures() -> list[bytes]:
    found = []
    for form in ("PNG", "JPEG", "GIF", "WEBP"):
        file = io.BytesIO()
        Image.linear_gradient("L").resize((24, 16)).convert("RGB").save(file, form)
        found.append(file.getvalue())
    return found


def _picture(data: bytes) -> None:
    for number, image in enumerate(picture_frames(data)):
        if image.width * image.height <= 1 << 16:
            to_jpeg(image)
        if number == 2:
            break


def _uploads(folder: Path, stack: contextlib.ExitStack) -> Parse:
    def parse(data: bytes, rng: random.Random) -> None:
        with contextlib.suppress(CardError):
            parse_card(data)
        if data[:1] in (b"O", b"R", b"f", b"\x1a"):
            _sound(data)
        else:
            _picture(data)

    return parse


# The bot's own server.


def _chat(data: bytes) -> None:
    with contextlib.suppress(MessageError):
        checked_sound(data)
    try:
        parse_chat(text_of(data))
    except MessageError as error:
        assert 0 < len(str(error)) <= MAX_ERROR
        raise


# Tools.


def _tool_results(folder: Path, stack: contextlib.ExitStack) -> Parse:
    lines = LineSplitter()

    def parse(data: bytes, rng: random.Random) -> None:
        text = text_of(data)
        result_text("dice", ToolResult(text, trusted=rng.random() < 0.5))
        _drop(lines.feed(data))
        with contextlib.suppress(ValueError, RecursionError):
            fields = json.loads(data)
            if isinstance(fields, dict):
                with contextlib.suppress(ValidationError):
                    result = CallToolResult.model_validate(fields)
                    _checked(lambda: result_text("dice", ToolResult(_text(result), trusted=False)))
                schema = fields.get("schema")
                clean_schema(schema if isinstance(schema, dict) else fields)

    return parse


@cache
def _cards() -> tuple[bytes, ...]:
    return (*encoded(CARD), *_sounds(), *_pictures())


def _either(seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """A case of JSON or of bytes, by its seed."""
    seed = rng.choice(seeds)
    return (damaged_json if seed[:1] in b"{[" else damaged)([seed], rng)


KINDS = (
    Kind("Discord: voice packets (RTP)", _voice_packets, _receiver, make=damaged),
    Kind(
        "Discord: gateway", gateway_messages, gateway, (ReconnectWebSocket, ConnectionError), short=2 * GATEWAY_AT_ONCE
    ),
    Kind("Discord: voice gateway", lambda: VOICE_OPS, _voice_gateway),
    Kind("model servers: SSE, tool calls", lambda: (STREAM,), _model_stream, (SseOverflowError,), _json_stream, 150),
    Kind("speech servers (wire)", lambda: (*WIRE, *READY), _wire, (WireError,), _either),
    Kind("transcription servers", lambda: TRANSCRIPTS, _simple(read_answer), (AnswerError,)),
    Kind(
        "uploads: sound, pictures, cards",
        _cards,
        _uploads,
        (NotSoundError, TooLongSoundError, BrokenPictureError, *DECODE_ERRORS),
        _either,
        60,
    ),
    Kind("feeds", lambda: (RSS, ATOM, FEED), _simple(read_feed), (NotAFeedError,), _either, 60),
    Kind("settings", lambda: ENV, settings, make=damaged, short=8 * SETTINGS_AT_ONCE),
    Kind("/ws/chat", lambda: CHAT, _simple(_chat), (MessageError,)),
    Kind("Realtime", realtime_events, realtime, (RealtimeError,)),
    Kind("phones: SIP and SDP", sip_messages, _simple(sip), (BadMessageError,), damaged),
    Kind("phones: RTP, RTCP, RFC 4733", phone_packets, phone_sound, make=damaged),
    Kind("phones: Twilio", lambda: encoded(*TWILIO), _simple(twilio), (StreamError,)),
    Kind("results of tools", lambda: encoded(*RESULTS), _tool_results),
)
"""All kinds. The project parses no STUN or other discovery: discord.py finds out the address of voice packets."""
