"""A schema of the lines of ``--events``, version 2. It shares no code with the program that writes the lines."""

from __future__ import annotations

import json
from typing import Any

TEXT, NUMBER, FLAG, OBJECT = (str,), (int, float), (bool,), (dict,)
TEXT_OR_NONE = (str, type(None))
OF_CALL = ("call",)
OF_TURN = ("call", "turn")
OF_REPLY = ("call", "reply")
SAID = "conversation.item.input_audio_transcription.completed"
SO_FAR = "conversation.item.input_audio_transcription.interim"
FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "ready": {},
    "web.ready": {"url": TEXT},
    "engines.ready": {},
    "call.started": {"transport": TEXT, "place": TEXT, "encrypted": FLAG},
    "input_audio_buffer.speech_started": {"person": TEXT},
    "input_audio_buffer.speech_stopped": {"person": TEXT},
    SO_FAR: {"person": TEXT, "name": TEXT, "transcript": TEXT, "settled": TEXT, "final": FLAG},
    SAID: {"person": TEXT, "name": TEXT, "transcript": TEXT, "addressed": FLAG, "language": TEXT_OR_NONE},
    "response.created": {"name": TEXT, "prompt": TEXT},
    "response.output_audio_transcript.delta": {"delta": TEXT},
    "response.done": {"status": TEXT, "heard": TEXT, "stages": OBJECT},
    "notice": {"text": TEXT},
    "call.ended": {"cause": TEXT},
}
IDS: dict[str, tuple[str, ...]] = {
    "call.started": OF_CALL,
    "input_audio_buffer.speech_started": OF_TURN,
    "input_audio_buffer.speech_stopped": OF_TURN,
    SO_FAR: OF_TURN,
    SAID: OF_TURN,
    "response.created": OF_REPLY,
    "response.output_audio_transcript.delta": OF_REPLY,
    "response.done": OF_REPLY,
    "notice": OF_CALL,
}
"""The ids that each type always has. An answer also has a ``turn`` if its prompt was spoken."""
MAY_HAVE_A_TURN = {"response.created", "response.output_audio_transcript.delta", "response.done"}
STAGES = {
    "microphone",
    "end_of_turn",
    "words",
    "first_token",
    "first_clause",
    "first_sound",
    "first_packet",
    "last_packet",
    "audio_ms",
    "underruns",
}


def checked(text: str | bytes) -> dict[str, Any]:
    """Parse a line and check it against the schema."""
    line: dict[str, Any] = json.loads(text)
    kind = line["type"]
    fields, ids = FIELDS[kind], IDS.get(kind, ())
    assert list(line)[:2] == ["type", "t"], line
    assert isinstance(line["t"], float), line
    may = {"details", *(("turn",) if kind in MAY_HAVE_A_TURN else ()), *(OF_CALL if kind == "call.ended" else ())}
    assert {"type", "t", *fields, *ids} <= set(line) <= {"type", "t", *fields, *ids, *may}, line
    assert all(isinstance(line[name], types) for name, types in fields.items()), line
    assert all(isinstance(line[name], str) and line[name] for name in ("call", "turn", "reply") if name in line), line
    if kind == "response.done":
        assert line["status"] in {"completed", "cancelled", "failed"}
        stages = line["stages"]
        assert set(stages) == STAGES
        assert all(value is None or (isinstance(value, NUMBER) and value is not True) for value in stages.values())
        assert None not in (stages["audio_ms"], stages["underruns"])
    return line
