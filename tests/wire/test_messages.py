"""Messages survive writing and reading, and no input crashes the parser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.fields import ERROR_CODES, MAX_MESSAGE_BYTES, Fields, WireError
from wire.messages import (
    ENGINE_CHANGES,
    Cancel,
    Cancelled,
    ClientMessage,
    EngineChanged,
    Failure,
    Flushed,
    Loading,
    SegmentEnd,
    SegmentStart,
    ServerMessage,
    Speak,
    Warned,
    parse_client,
    parse_server,
)
from wire.parameters import SpeechParameters

_ids = st.none() | st.text(max_size=20)
_numbers = st.integers(0, 10**9)
_parameters = st.builds(
    SpeechParameters,
    voice=st.none() | st.text(min_size=1, max_size=200),
    pitch_shift=st.floats(-12, 12),
    speed=st.none() | st.floats(0.5, 2.0),
    top_k=st.none() | st.integers(1, 100),
    gpt_cond_len=st.none() | st.integers(6, 30),
    preprocess_text=st.booleans(),
)
_client_messages = st.builds(Speak, st.text(), st.booleans(), _ids, _parameters) | st.builds(Cancel, _ids)
_server_messages: dict[type[ServerMessage], st.SearchStrategy[ServerMessage]] = {
    SegmentStart: st.builds(SegmentStart, _numbers, st.text(), _ids, st.booleans()),
    SegmentEnd: st.builds(SegmentEnd, _numbers, _numbers, _ids, st.booleans()),
    Flushed: st.builds(Flushed, st.none() | st.floats(0, 1e9), st.floats(0, 1e9), _ids),
    Cancelled: st.builds(Cancelled, _ids),
    Failure: st.builds(Failure, st.text(), st.sampled_from(ERROR_CODES), _ids),
    Loading: st.builds(Loading, st.text(), st.floats(0, 1)),
    EngineChanged: st.builds(EngineChanged, st.text(), st.sampled_from(ENGINE_CHANGES), st.text()),
    Warned: st.builds(Warned, st.text()),
}


@given(_client_messages)
def test_client_messages_survive_encoding(message: ClientMessage) -> None:
    written = message.to_json()
    assert parse_client(written) == message
    assert written.isascii()


@given(st.one_of(*_server_messages.values()))
def test_server_messages_survive_encoding(message: ServerMessage) -> None:
    written = message.to_json()
    assert parse_server(written) == message
    assert written.isascii()


def test_these_tests_cover_every_message_of_a_server() -> None:
    assert {Failure, *ServerMessage.by_event.values()} == _server_messages.keys()


def test_a_new_message_needs_only_one_class() -> None:
    @dataclass(frozen=True, slots=True)
    class Breath(ServerMessage):
        event = "breath"
        seconds: float
        reply: str | None = None

        @classmethod
        def _read(cls, fields: Fields) -> Self:
            return cls(float(fields["seconds"]), fields.reply)

    try:
        assert parse_server(Breath(0.4, "r1").to_json()) == Breath(0.4, "r1")
        with pytest.raises(WireError):
            parse_server('{"event": "breath"}')
    finally:
        del ServerMessage.by_event["breath"]


def test_messages_are_encoded_as_the_protocol_says() -> None:
    spoken = Speak("Hello", flush=True, reply="r7", parameters=SpeechParameters(voice="ada", pitch_shift=-2.0))
    assert spoken.to_json() == '{"token": "Hello", "flush": true, "voice": "ada", "pitch_shift": -2.0, "reply": "r7"}'
    assert Speak().to_json() == '{"flush": false}'
    assert Cancel().to_json() == '{"cancel": true}'
    assert SegmentStart(0, "Hello there,", "r7").to_json() == (
        '{"event": "start", "segment": 0, "text": "Hello there,", "reply": "r7"}'
    )
    assert Flushed(None, 0.0).to_json() == '{"event": "flushed", "first_chunk_ms": null, "audio_ms": 0.0}'
    assert Failure("why", "too_long").to_json() == '{"error": "why", "code": "too_long"}'


@pytest.mark.parametrize("field", ["token", "reply", "cancel", "flush", "voice", "top_k", "preprocess_text"])
@pytest.mark.parametrize("brackets", [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_no_depth_of_nesting_breaks_the_parser(field: str, brackets: tuple[str, str]) -> None:
    opened, closed = brackets
    # Python's JSON parser stops at a depth of about a thousand. Just below it, the type is refused, not the depth.
    for depth in range(900, 1_010):
        with pytest.raises(WireError):
            parse_client(f'{{"flush": false, "{field}": {opened * depth}1{closed * depth}}}')


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        # Nearly the largest depths and the longest number that fit into a message (MAX_MESSAGE_BYTES).
        ("[" * 60_000, "bad_message"),
        ("{" + '"a":{' * 12_000, "bad_message"),
        ("9" * 60_000, "bad_message"),
        # Python reads integers of at most 4,300 digits.
        ('{"token": "a", "top_k": ' + "9" * 5_000 + "}", "bad_message"),
        ('{"token": "' + "a" * MAX_MESSAGE_BYTES + '"}', "bad_message"),
        ('{"token": "a", "speed": NaN}', "bad_parameter"),
        ('{"token": "a", "speed": Infinity}', "bad_parameter"),
        ('{"token": "a", "speed": true}', "bad_parameter"),
        ('{"token": "a", "voice": ""}', "bad_parameter"),
        ('{"token": "a", "reply": 7}', "bad_parameter"),
        ('{"token": ["a"]}', "bad_parameter"),
        ('{"cancel": "yes"}', "bad_parameter"),
        ("{}", "bad_message"),
    ],
)
def test_mistakes_have_a_code_and_a_text(raw: str, code: str) -> None:
    with pytest.raises(WireError) as raised:
        parse_client(raw)
    assert raised.value.code == code
    assert str(raised.value)


def test_unknown_fields_are_ignored() -> None:
    assert parse_client('{"token": "a", "colour": "red"}') == Speak("a")
    assert parse_client('{"flush": false}') == Speak()


@pytest.mark.parametrize(
    ("raw", "code", "words", "reply"),
    [
        ("[]", "bad_message", "a message must be a JSON object", None),
        ("nope", "bad_message", "not JSON: Expecting value: line 1 column 1 (char 0)", None),
        (
            '{"token": "' + "a" * 65_536 + '"}',
            "bad_message",
            "a message may have at most 65536 bytes, this one has 65549",
            None,
        ),
        ('{"reply": "r"}', "bad_message", 'a message must have "token", "flush" or "cancel"', "r"),
        ('{"token": "a", "reply": 7}', "bad_parameter", '"reply" must be a string, not 7', None),
        ('{"flush": 1, "token": 2, "reply": "r"}', "bad_parameter", '"flush" must be true or false, not 1', "r"),
        ('{"token": ["a"], "speed": 9}', "bad_parameter", "\"token\" must be a string, not ['a']", None),
        ('{"token": "a", "voice": ""}', "bad_parameter", '"voice" must be a string of 1 to 200 characters', None),
        ('{"token": "a", "speed": NaN}', "bad_parameter", '"speed" must be a number from 0.5 to 2, not nan', None),
        (
            '{"token": "a", "pitch_shift": 13}',
            "bad_parameter",
            '"pitch_shift" must be a number from -12 to 12, not 13',
            None,
        ),
        (
            '{"token": "a", "preprocess_text": null}',
            "bad_parameter",
            '"preprocess_text" must be true or false, not None',
            None,
        ),
    ],
)
def test_mistakes_of_a_client_are_explained_in_these_words(raw: str, code: str, words: str, reply: str | None) -> None:
    with pytest.raises(WireError) as raised:
        parse_client(raw)
    assert (raised.value.code, str(raised.value), raised.value.reply) == (code, words, reply)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ('{"event": "start", "reply": 7}', '"reply" must be a string, not 7'),
        ('{"event": ["start"]}', "unknown event ['start']"),
        ('{"event": "start", "text": "a"}', "malformed event: KeyError('segment')"),
    ],
)
def test_nonsensical_messages_of_a_server_are_refused(raw: str, words: str) -> None:
    with pytest.raises(WireError, match=re.escape(words)) as raised:
        parse_server(raw)
    assert raised.value.code == "bad_message"


@pytest.mark.parametrize("number", ["NaN", '"nan"', "Infinity", '"-inf"', "1e999", "1" + "0" * 400])
@pytest.mark.parametrize(
    "message",
    [
        '{"event": "loading", "engine": "XTTS v2", "progress": %s}',
        '{"event": "flushed", "audio_ms": %s}',
        '{"event": "flushed", "first_chunk_ms": %s, "audio_ms": 1}',
    ],
)
def test_numbers_that_are_not_finite_are_refused(message: str, number: str) -> None:
    with pytest.raises(WireError, match="malformed event"):
        parse_server(message % number)
