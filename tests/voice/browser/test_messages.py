"""The messages of ``/ws/chat``: valid ones are read, and any other text is refused with an error."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from bot.voice.browser.client_messages import (
    MAX_ERROR,
    MAX_MESSAGE,
    MAX_SOUND,
    Answer,
    AudioChunk,
    ChoosePersona,
    ClientMessage,
    HangUp,
    Hello,
    Interrupt,
    MessageError,
    Mute,
    Played,
    Talking,
    TextTyped,
    checked_sound,
    parse_client,
)
from bot.voice.browser.server_messages import AudioResponse, ErrorCode, Failure, State
from bot.voice.turn import Microphone

KEY = Microphone.PUSH_TO_TALK


def refused(raw: str) -> MessageError:
    with pytest.raises(MessageError) as caught:
        parse_client(raw)
    assert 0 < len(str(caught.value)) <= MAX_ERROR
    return caught.value


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"type": "hello", "name": "Ada", "audio": {"up": 16000, "down": 48000}}, Hello("Ada", True, 48_000)),
        ({"type": "hello"}, Hello()),
        ({"type": "hello", "name": "", "session": ""}, Hello()),
        ({"type": "hello", "audio": {}}, Hello(audio=True)),
        ({"type": "hello", "audio": {"down": 44100}}, Hello(audio=True, down=24_000)),
        ({"type": "hello", "session": "abc", "microphone": "push-to-talk"}, Hello(session="abc", microphone=KEY)),
        ({"type": "hello", "microphone": "open", "colour": [1, {}]}, Hello(microphone=Microphone.OPEN)),
        ({"type": "text", "text": "Hello"}, TextTyped("Hello")),
        ({"type": "text", "text": "Hello", "id": "7"}, TextTyped("Hello", "7")),
        ({"type": "hello", "questions": True}, Hello(questions=True)),
        ({"type": "answer", "question": "q1", "allow": True}, Answer("q1", True)),
        ({"type": "interrupt"}, Interrupt()),
        ({"type": "hangup", "why": None}, HangUp()),
        ({"type": "persona", "persona": "helper"}, ChoosePersona("helper")),
        ({"type": "mute", "on": True}, Mute(True)),
        ({"type": "talking", "on": False}, Talking(False)),
        ({"type": "played", "reply": "r1", "ms": 120}, Played("r1", 120.0)),
    ],
)
def test_messages_are_read_and_unknown_fields_are_ignored(written: dict[str, Any], message: ClientMessage) -> None:
    assert parse_client(json.dumps(written)) == message


def test_an_audio_chunk_in_base64_is_read_as_sound() -> None:
    message = parse_client(json.dumps({"type": "audio_chunk", "audio": base64.b64encode(b"\1\0" * 4_800).decode()}))
    assert isinstance(message, AudioChunk)
    assert message.sound == b"\1\0" * 4_800


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", ErrorCode.BAD_MESSAGE),
        ("{", ErrorCode.BAD_MESSAGE),
        ("[]", ErrorCode.BAD_MESSAGE),
        ("1" * 5_000, ErrorCode.BAD_MESSAGE),
        ("[" * 200_000, ErrorCode.BAD_MESSAGE),
        ("{}", ErrorCode.UNKNOWN_TYPE),
        ('{"type": 5}', ErrorCode.UNKNOWN_TYPE),
        ('{"type": ["hello"]}', ErrorCode.UNKNOWN_TYPE),
        ('{"type": "' + "x" * 1_000 + '"}', ErrorCode.UNKNOWN_TYPE),
        ('{"type": "hello", "name": 5}', ErrorCode.BAD_PARAMETER),
        ('{"type": "hello", "name": "' + "a" * 201 + '"}', ErrorCode.BAD_PARAMETER),
        ('{"type": "hello", "audio": true}', ErrorCode.BAD_PARAMETER),
        ('{"type": "hello", "audio": {"up": 48000}}', ErrorCode.BAD_PARAMETER),
        ('{"type": "hello", "audio": {"up": NaN}}', ErrorCode.BAD_PARAMETER),
        ('{"type": "hello", "audio": {"down": 1e999}}', ErrorCode.BAD_PARAMETER),
        ('{"type": "hello", "audio": {"down": "24000"}}', ErrorCode.BAD_PARAMETER),
        ('{"type": "hello", "session": "' + "a" * 65 + '"}', ErrorCode.BAD_PARAMETER),
        ('{"type": "hello", "microphone": "loud"}', ErrorCode.BAD_PARAMETER),
        ('{"type": "text"}', ErrorCode.BAD_PARAMETER),
        ('{"type": "persona"}', ErrorCode.BAD_PARAMETER),
        ('{"type": "persona", "persona": ["helper"]}', ErrorCode.BAD_PARAMETER),
        ('{"type": "persona", "persona": "' + "a" * 201 + '"}', ErrorCode.BAD_PARAMETER),
        ('{"type": "text", "text": null}', ErrorCode.BAD_PARAMETER),
        ('{"type": "text", "text": ""}', ErrorCode.EMPTY_TEXT),
        ('{"type": "text", "text": " \\n\\t"}', ErrorCode.EMPTY_TEXT),
        ('{"type": "text", "text": "' + "a" * 4_001 + '"}', ErrorCode.TOO_LONG),
        ('{"type": "text", "text": "' + "a" * 70_000 + '"}', ErrorCode.TOO_LONG),
        ('{"type": "mute"}', ErrorCode.BAD_PARAMETER),
        ('{"type": "mute", "on": 1}', ErrorCode.BAD_PARAMETER),
        ('{"type": "talking", "on": "yes"}', ErrorCode.BAD_PARAMETER),
        ('{"type": "played", "reply": "r1"}', ErrorCode.BAD_PARAMETER),
        ('{"type": "played", "reply": "r1", "ms": NaN}', ErrorCode.BAD_PARAMETER),
        ('{"type": "played", "reply": "r1", "ms": -1}', ErrorCode.BAD_PARAMETER),
        ('{"type": "played", "reply": "r1", "ms": true}', ErrorCode.BAD_PARAMETER),
        ('{"type": "played", "reply": "", "ms": 1}', ErrorCode.BAD_PARAMETER),
        ('{"type": "played", "reply": ' + "[" * 900 + "]" * 900 + ', "ms": 1}', ErrorCode.BAD_PARAMETER),
        ('{"type": "audio_chunk"}', ErrorCode.BAD_PARAMETER),
        ('{"type": "audio_chunk", "audio": 5}', ErrorCode.BAD_PARAMETER),
        ('{"type": "audio_chunk", "audio": "not base64!"}', ErrorCode.BAD_PARAMETER),
        ('{"type": "audio_chunk", "audio": "AAA"}', ErrorCode.BAD_PARAMETER),
        ('{"type": "audio_chunk", "audio": "ÄÖÜ="}', ErrorCode.BAD_PARAMETER),
        ('{"type": "audio_chunk", "audio": "AA=="}', ErrorCode.BAD_PARAMETER),
        (" " * (MAX_MESSAGE + 1), ErrorCode.TOO_LONG),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_message_gets_an_error_with_words_and_a_code(raw: str, code: ErrorCode) -> None:
    assert refused(raw).code is code


def test_errors_are_for_the_person_and_say_whether_their_program_is_wrong() -> None:
    for length in (4_001, 70_000):
        assert str(refused(json.dumps({"type": "text", "text": "a" * length}))) == (
            "❌ That text is too long: 4,000 characters are the most. Send it in several parts."
        )
    said = "❌ The program through which you talk has sent me something that I can't use: "
    assert str(refused('{"type": "mute"}')) == f'{said}"on" must be true or false.'
    assert str(refused("[]")) == f"{said}a message must be a JSON object."
    told = str(refused('{"type": "sing"}'))
    assert told.startswith(f'{said}"type" must be one of hello, ')
    assert told.endswith("; it is 'sing'.")


def test_sound_is_bounded_before_it_is_used() -> None:
    assert checked_sound(bytes(MAX_SOUND)) == bytes(MAX_SOUND)
    for sound, code in ((bytes(MAX_SOUND + 2), ErrorCode.TOO_LONG), (b"\0", ErrorCode.BAD_PARAMETER)):
        with pytest.raises(MessageError) as caught:
            checked_sound(sound)
        assert caught.value.code is code
        assert str(caught.value).startswith("❌ "), "for the person"


def test_messages_of_the_server_are_written_as_json() -> None:
    assert json.loads(State("loading", 0.5).to_json()) == {"type": "state", "state": "loading", "progress": 0.5}
    assert json.loads(State("idle").to_json()) == {"type": "state", "state": "idle"}
    assert json.loads(AudioResponse("r1", 0, "Hello\ud800").to_json()) == {
        "type": "audio_response",
        "reply": "r1",
        "segment": 0,
        "text": "Hello\ud800",
        "quality": "fast",
    }
    assert json.loads(Failure(ErrorCode.BUSY, "❌ No").to_json()) == {
        "type": "error",
        "code": "busy",
        "message": "❌ No",
    }
