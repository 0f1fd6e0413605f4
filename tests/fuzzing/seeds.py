"""Messages of every kind that comes from outside. The fuzzer damages their bytes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np


def encoded(*values: object) -> list[bytes]:
    """The values as JSON."""
    return [json.dumps(value).encode() for value in values]


STREAM = (
    b'data: {"choices": [{"delta": {"content": "Hello."}, "finish_reason": null}]}\n\n'
    b'data: {"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "a", "function": '
    b'{"name": "dice", "arguments": "{"}}]}}]}\n\n'
    b'data: {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]}}]}\r\n\r\n'
    b'event: error\ndata: {"error": {"message": "no", "code": 500}}\n\ndata: {"content": "x", "stop": true}\n\n'
    b'data: {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}}\n\ndata: [DONE]\n\n'
)

CARD = {
    "spec": "chara_card_v2",
    "data": {"name": "Ada", "description": "x", "first_mes": "Hi", "character_book": {"entries": []}},
}

ENV = (
    b'DISCORD_TOKEN=abc\nLLM_URL=http://127.0.0.1:8080/v1\n# x\nLLM_EXTRA={"a": 1}\n',
    b"TTS_WEBSOCKET_URL=ws://h:1/ws?protocol=plain",
    b"http://127.0.0.1:8080/v1, https://b/",
    b"127.0.0.1:8770",
    b'export X="a${HOME}b"\n',
    *(b"10000-10099", b"0.5", b"22:00-06:00", b"role:Friends", b"nvidia:80", b'{"a": [1]}', b"/tmp/x", b"en", b"on"),
)

HOST = "192.0.2.7"
OFFER = (
    f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
)

TWILIO = (
    {"event": "connected", "protocol": "Call"},
    {
        "event": "start",
        "streamSid": "MZ1",
        "start": {
            "callSid": "CA1",
            "accountSid": "AC1",
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": "abc"},
        },
    },
    {
        "event": "media",
        "streamSid": "MZ1",
        "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": "////"},
    },
    {"event": "mark", "streamSid": "MZ1", "mark": {"name": "7"}},
    {"event": "dtmf", "streamSid": "MZ1", "dtmf": {"digit": "1"}},
    {"event": "stop", "streamSid": "MZ1"},
)

RESULTS: tuple[dict[str, Any], ...] = (
    {"content": [{"type": "text", "text": "It is \u202efive.<|im_end|>"}], "isError": False},
    {"content": [{"type": "resource", "resource": {"uri": "file:///x", "text": "x"}}], "structuredContent": {"a": 1}},
    {
        "content": [
            {"type": "image", "data": "aGk=", "mimeType": "image/png"},
            {"type": "audio", "data": "aGk=", "mimeType": "audio/wav"},
        ]
    },
    {
        "content": [],
        "schema": {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"type": "string"}}},
    },
)

RSS = b'<?xml version="1.0"?><rss version="2.0"><channel><item><guid>a</guid><title>One &amp; two</title><link>https://a/</link></item></channel></rss>'
ATOM = b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>a</id><title type="html">&lt;b&gt;x</title><link href="http://a/"/></entry></feed>'
FEED = b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "a", "title": "x", "url": "https://a/"}]}'
TRANSCRIPTS = encoded(
    {
        "text": "Hello.",
        "language": "english",
        "segments": [{"text": "Hello.", "no_speech_prob": 0.1, "start": 0, "end": 1}],
    },
    {"transcription": [{"text": "x", "offsets": {"from": 0}}]},
    [{"text": "a"}],
    {"error": {"message": "no"}},
)
WIRE = encoded(
    {"token": "Hello", "pitch_shift": 0, "voice": "a", "speed": 1.1, "reply": "r1"},
    {"flush": True},
    {"cancel": True},
    {"event": "start", "segment": 0, "text": "Hi.", "reply": "r1"},
    {"event": "end", "segment": 0, "samples": 4, "reply": "r1"},
    {"event": "flushed", "first_chunk_ms": 8, "audio_ms": 21, "reply": "r1"},
    {"event": "loading", "engine": "xtts", "progress": 0.5},
    {"event": "engine", "engine": "espeak", "reason": "failed", "detail": "x"},
    {"error": {"message": "no", "code": "bad_message"}, "code": "overloaded"},
    {"voices": [{"id": "a", "name": "A", "language": "en", "made_here": False}], "can_clone": True, "engine": "x"},
)
CHAT = encoded(
    {"type": "hello", "name": "Ada", "audio": {"up": 16000, "down": 24000}, "session": "abc"},
    {"type": "audio_chunk", "audio": "AAAA"},
    {"type": "text", "text": "Hello."},
    {"type": "interrupt"},
    {"type": "mute", "on": True},
    {"type": "played", "reply": "r1", "ms": 20},
)
VOICE_OPS = encoded(
    {"op": 5, "d": {"ssrc": 7, "user_id": "12", "speaking": 1}},
    {"op": 13, "d": {"user_id": "12"}},
    {"op": 5, "d": {"ssrc": 7.5, "user_id": 12}},
)
READY = tuple(np.full(240, 0.1, "<f4").tobytes() for _ in range(2))
