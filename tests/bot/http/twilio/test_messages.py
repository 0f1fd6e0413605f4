"""Messages of Media Streams: those of Twilio's documentation are read, and invalid ones are an error in words."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from bot.http.twilio.messages import (
    MAX_MESSAGE,
    Digit,
    Marked,
    Media,
    Started,
    Stopped,
    StreamError,
    clear_message,
    mark_message,
    media_message,
    read_message,
)

START = {
    "accountSid": "AC0123456789abcdef0123456789abcdef",
    "streamSid": "MZ18ad3ab5a668481ce02b83e7395059f0",
    "callSid": "CA0123456789abcdef0123456789abcdef",
    "tracks": ["inbound"],
    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    "customParameters": {"token": "abc", "FirstName": "Jane"},
}
MEDIA = {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": base64.b64encode(b"\xff" * 160).decode()}
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("start", {"start": START}),
    ("media", {"media": MEDIA}),
    ("mark", {"mark": {"name": "7"}}),
    ("dtmf", {"dtmf": {"track": "inbound_track", "digit": "1"}}),
    ("stop", {"stop": {"accountSid": "AC0", "callSid": "CA0"}}),
]


def raw(event: str, **fields: Any) -> str:
    return json.dumps({"event": event, "sequenceNumber": "3", "streamSid": "MZ0", **fields})


def test_the_messages_of_the_documentation_are_read() -> None:
    started, media, mark, digit, stopped = (read_message(raw(event, **fields)) for event, fields in KINDS)
    assert isinstance(started, Started)
    assert (started.token, started.start.call_sid, started.stream_sid) == ("abc", START["callSid"], "MZ0")
    assert isinstance(media, Media)
    assert (media.sound(), media.media.chunk, media.media.timestamp) == (b"\xff" * 160, 1, 5)
    assert isinstance(mark, Marked)
    assert mark.mark.name == "7"
    assert isinstance(digit, Digit)
    assert digit.dtmf.digit == "1"
    assert isinstance(stopped, Stopped)


def test_events_that_are_not_known_need_no_answer() -> None:
    assert read_message('{"event": "connected", "protocol": "Call", "version": "1.0.0"}') is None
    assert read_message('{"event": "media2", "media": 1}') is None


def test_what_is_sent_has_the_form_of_the_documentation() -> None:
    assert json.loads(media_message("MZ0", b"\xff\x00")) == {
        "event": "media",
        "streamSid": "MZ0",
        "media": {"payload": "/wA="},
    }
    assert json.loads(mark_message("MZ0", "4")) == {"event": "mark", "streamSid": "MZ0", "mark": {"name": "4"}}
    assert json.loads(clear_message("MZ0")) == {"event": "clear", "streamSid": "MZ0"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"event": 1}',
        '{"event": "media"}',
        '{"event": NaN}',
        "[" * 10_000,
        '{"event": "start", "a": ' + "[" * 5_000,
        "x" * (MAX_MESSAGE + 1),
        raw("media", media={**MEDIA, "payload": "!"}) + "}",
        raw("media", media={**MEDIA, "timestamp": "-1"}),
        raw("media", media={**MEDIA, "timestamp": "9" * 30}),
        raw("media", media={**MEDIA, "payload": "A" * 12_000}),
        raw("media", media={**MEDIA, "track": "sideways"}),
        raw("dtmf", dtmf={"digit": "12"}),
        raw("dtmf", dtmf={"digit": "1\n"}),
        raw("dtmf", dtmf={"digit": "é"}),
        raw("mark", mark={"name": "n" * 65}),
        raw("start", start={**START, "callSid": ""}),
        raw("start", start={**START, "mediaFormat": {"encoding": "audio/x-alaw"}}),
        raw("start", start={**START, "customParameters": {str(number): "" for number in range(30)}}),
        raw("start", start={**START, "customParameters": {"token": 5}}),
    ],
)
def test_a_message_that_is_not_valid_is_an_error_in_words(text: str) -> None:
    with pytest.raises(StreamError, match=r"^the "):
        read_message(text)


def test_sound_that_is_not_base64_is_an_error() -> None:
    for payload in ("!!!!", "A", "QUJ\nD", "ä"):
        message = read_message(raw("media", media={**MEDIA, "payload": payload}))
        assert isinstance(message, Media)
        with pytest.raises(StreamError):
            message.sound()
