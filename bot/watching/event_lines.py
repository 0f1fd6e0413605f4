"""Encodes and decodes call events as JSON lines for other programs: ``--events``, version 2 (docs/api.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from bot.text import join_surrogates
from bot.voice.events import (
    CallBegan,
    CallEnded,
    CallEvent,
    EnginesReady,
    NoticePosted,
    PromptTaken,
    Ready,
    ReplyEnded,
    SpeechStarted,
    SpeechStopped,
    UtteranceHeard,
    WebReady,
    WordsSoFar,
    WordsSpoken,
)
from bot.voice.metrics import EVENT_STAGES, ReplyTrace
from bot.voice.turn import Outcome, TurnId

READY = "ready"
WEB_READY = "web.ready"
ENGINES_READY = "engines.ready"
CALL_STARTED = "call.started"
SPEECH_STARTED = "input_audio_buffer.speech_started"
SPEECH_STOPPED = "input_audio_buffer.speech_stopped"
TRANSCRIPTION_INTERIM = "conversation.item.input_audio_transcription.interim"
TRANSCRIPTION_COMPLETED = "conversation.item.input_audio_transcription.completed"
RESPONSE_CREATED = "response.created"
TRANSCRIPT_DELTA = "response.output_audio_transcript.delta"
RESPONSE_DONE = "response.done"
NOTICE = "notice"
CALL_ENDED = "call.ended"

STATUSES: Mapping[Outcome, str] = MappingProxyType(
    {
        Outcome.SPOKEN: "completed",
        Outcome.WRITTEN: "completed",
        Outcome.SILENT: "completed",
        Outcome.INTERRUPTED: "cancelled",
        Outcome.FAILED: "failed",
        Outcome.DISCARDED: "cancelled",
        Outcome.REFUSED: "cancelled",
    }
)
"""The ``status`` of ``response.done`` for each outcome."""
STAGES: Mapping[str, str] = MappingProxyType({**EVENT_STAGES, "audio_ms": "audio", "underruns": "underruns"})
"""The ``stages`` of ``response.done``, with the corresponding fields of a trace."""
_OTHER_LINE_ENDS = "\u0085\u2028\u2029"
"""Characters that JSON allows in a string but some programs treat as the end of a line."""


def encode_event(event: CallEvent) -> str:
    """Encode an event as one line of JSON, without a line end."""
    kind, fields = _written(event)
    turn = getattr(event, "turn", None)
    reply = event.trace.reply if isinstance(event, ReplyEnded) else getattr(event, "reply", None)
    ids = {"call": event.call or None, "turn": None if turn is None else str(turn), "reply": reply}
    known = {name: value for name, value in ids.items() if value is not None}
    line = json.dumps({"type": kind, "t": event.at, **known, **fields}, ensure_ascii=False)
    for end in _OTHER_LINE_ENDS:
        line = line.replace(end, f"\\u{ord(end):04x}")
    # A single surrogate, which a transcriber may return, can't be encoded in UTF-8.
    return join_surrogates(line)


def _written(event: CallEvent) -> tuple[str, dict[str, object]]:
    """The type and fields of an event. Ids of people are strings, because JavaScript's numbers are not exact enough."""
    match event:
        case Ready():
            return READY, {}
        case WebReady(url):
            return WEB_READY, {"url": url}
        case EnginesReady():
            return ENGINES_READY, {}
        case CallBegan(transport, place, encrypted):
            return CALL_STARTED, {"transport": transport, "place": place, "encrypted": encrypted}
        case SpeechStarted(turn):
            return SPEECH_STARTED, {"person": str(turn.person)}
        case SpeechStopped(turn):
            return SPEECH_STOPPED, {"person": str(turn.person)}
        case WordsSoFar(turn, name, text, settled):
            said = {"person": str(turn.person), "name": name, "transcript": text}
            return TRANSCRIPTION_INTERIM, {**said, "settled": settled, "final": False}
        case UtteranceHeard(person, name, text, addressed, language):
            said = {"person": str(person), "name": name, "transcript": text}
            return TRANSCRIPTION_COMPLETED, {**said, "addressed": addressed, "language": language}
        case PromptTaken(_, name, text, recited, late=late):
            details = _details(recited=recited or None, late=late or None)
            return RESPONSE_CREATED, {"name": name, "prompt": text, **details}
        case WordsSpoken(_, text):
            return TRANSCRIPT_DELTA, {"delta": text}
        case ReplyEnded(trace, heard):
            stages = {stage: getattr(trace, field) for stage, field in STAGES.items()}
            details = _details(
                outcome=trace.outcome.value,
                waited=trace.waited,
                microphone=trace.microphone,
                prompt_tokens=trace.prompt_tokens,
                cached_tokens=trace.cached_tokens,
                answer_tokens=trace.answer_tokens,
                tokens_per_second=trace.tokens_per_second,
            )
            return RESPONSE_DONE, {"status": STATUSES[trace.outcome], "heard": heard, "stages": stages, **details}
        case NoticePosted(text):
            return NOTICE, {"text": text}
        case CallEnded(place, cause):
            return CALL_ENDED, {"cause": cause, **_details(place=place or None)}


def _details(**known: object) -> dict[str, object]:
    """Further fields, for the project's own console and benchmarks."""
    details = {name: value for name, value in known.items() if value is not None}
    return {"details": details} if details else {}


def decode_event(line: str | bytes) -> CallEvent:
    """Decode a line of :func:`encode_event`.

    The line has neither the id of a prompt's author nor the people who are in a call as it begins, so both are lost.

    Raises:
        ValueError: the line is not a call event.
    """
    written = json.loads(line)
    try:
        ids = {"call": written.get("call", ""), "at": written["t"]}
        return _READ[written["type"]](written, written.get("details", {}), ids)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a call event: {line!r}") from error


JsonLine = Mapping[str, Any]
_READ: Mapping[str, Callable[[JsonLine, JsonLine, JsonLine], CallEvent]] = MappingProxyType(
    {
        READY: lambda line, more, ids: Ready(**ids),
        WEB_READY: lambda line, more, ids: WebReady(line["url"], **ids),
        ENGINES_READY: lambda line, more, ids: EnginesReady(**ids),
        CALL_STARTED: lambda line, more, ids: CallBegan(line["transport"], line["place"], line["encrypted"], **ids),
        SPEECH_STARTED: lambda line, more, ids: SpeechStarted(TurnId.parse(line["turn"]), **ids),
        SPEECH_STOPPED: lambda line, more, ids: SpeechStopped(TurnId.parse(line["turn"]), **ids),
        TRANSCRIPTION_INTERIM: lambda line, more, ids: WordsSoFar(
            TurnId.parse(line["turn"]), line["name"], line["transcript"], line["settled"], **ids
        ),
        TRANSCRIPTION_COMPLETED: lambda line, more, ids: UtteranceHeard(
            int(line["person"]),
            line["name"],
            line["transcript"],
            line["addressed"],
            line["language"],
            _turn(line),
            **ids,
        ),
        RESPONSE_CREATED: lambda line, more, ids: PromptTaken(
            line["reply"],
            line["name"],
            line["prompt"],
            more.get("recited", False),
            turn=_turn(line),
            late=more.get("late", False),
            **ids,
        ),
        TRANSCRIPT_DELTA: lambda line, more, ids: WordsSpoken(line["reply"], line["delta"], _turn(line), **ids),
        RESPONSE_DONE: lambda line, more, ids: ReplyEnded(_trace(line, more), line["heard"], _turn(line), **ids),
        NOTICE: lambda line, more, ids: NoticePosted(line["text"], **ids),
        CALL_ENDED: lambda line, more, ids: CallEnded(more.get("place", ""), line["cause"], **ids),
    }
)
"""The decoder of each type. It gets the line, its ``details``, and the fields that all events have."""


def _turn(line: JsonLine) -> TurnId | None:
    return TurnId.parse(line["turn"]) if "turn" in line else None


def _trace(line: JsonLine, more: JsonLine) -> ReplyTrace:
    stages = {field: line["stages"][stage] for stage, field in STAGES.items()}
    return ReplyTrace(
        line["reply"],
        Outcome(more["outcome"]),
        more["waited"],
        more.get("microphone"),
        prompt_tokens=more.get("prompt_tokens"),
        cached_tokens=more.get("cached_tokens"),
        answer_tokens=more.get("answer_tokens"),
        tokens_per_second=more.get("tokens_per_second"),
        **stages,
    )
