"""The messages survive the trip, and no message breaks the parser."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_server.wire import (
    ENGINE_CHANGES,
    ERROR_CODES,
    MAX_MESSAGE_BYTES,
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
    SpeechParameters,
    Warned,
    WireError,
    encode_client,
    encode_server,
    parse_client,
    parse_server,
)

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
_server_messages = (
    st.builds(SegmentStart, _numbers, st.text(), _ids)
    | st.builds(SegmentEnd, _numbers, _numbers, _ids)
    | st.builds(Flushed, st.none() | st.floats(0, 1e9), st.floats(0, 1e9), _ids)
    | st.builds(Cancelled, _ids)
    | st.builds(Failure, st.text(), st.sampled_from(ERROR_CODES), _ids)
    | st.builds(Loading, st.text(), st.floats(0, 1))
    | st.builds(EngineChanged, st.text(), st.sampled_from(ENGINE_CHANGES), st.text())
    | st.builds(Warned, st.text())
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
_names = st.sampled_from(["token", "flush", "cancel", "reply", "event", "error", "code", *SpeechParameters.__slots__])


@given(_client_messages)
def test_client_messages_survive(message: ClientMessage) -> None:
    written = encode_client(message)
    assert parse_client(written) == message
    assert written.isascii()


@given(_server_messages)
def test_server_messages_survive(message: ServerMessage) -> None:
    assert parse_server(encode_server(message)) == message


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_bytes_break_the_parsers(raw: str | bytes) -> None:
    for parse in (parse_client, parse_server):
        try:
            parse(raw)
        except WireError as error:
            assert error.code in ERROR_CODES


@given(st.dictionaries(_names, _json, max_size=6))
def test_no_object_breaks_the_parsers(fields: dict[str, object]) -> None:
    for parse in (parse_client, parse_server):
        try:
            parse(json.dumps(fields))
        except WireError as error:
            # What the other side is told must be writable.
            encode_server(Failure(str(error), error.code, error.reply)).encode()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("[" * 60_000, "bad_message"),
        ("{" + '"a":{' * 20_000, "bad_message"),
        ("9" * 60_000, "bad_message"),
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
def test_what_is_wrong_is_said(raw: str, code: str) -> None:
    with pytest.raises(WireError) as raised:
        parse_client(raw)
    assert raised.value.code == code
    assert str(raised.value)


def test_unknown_fields_are_ignored() -> None:
    assert parse_client('{"token": "a", "colour": "red"}') == Speak("a")
    assert parse_client('{"flush": false}') == Speak()
