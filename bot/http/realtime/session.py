"""The settings of a session of OpenAI's Realtime protocol, as far as clients can choose them, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from bot.text import join_surrogates
from bot.voice.wishes import NO_WISHES, Wishes
from wire.parameters import NUMBERS, OPENAI_VOICES

PCM, U_LAW, A_LAW = "audio/pcm", "audio/pcmu", "audio/pcma"
"""The formats of sound: 16-bit little-endian mono at 24,000 Hz, and G.711 at 8,000 Hz by the u-law and the A-law."""
RATES: Mapping[str, int] = MappingProxyType({PCM: 24_000, U_LAW: 8_000, A_LAW: 8_000})
"""The sample rate of each format, in Hz."""
MODALITIES = ("audio", "text")
DETECTIONS = ("server_vad", "semantic_vad")
MAX_INSTRUCTIONS = 8_000
"""Largest number of characters of ``instructions``. A persona's description has the same limit."""
MAX_VOICE = 200
"""Largest number of characters of a voice's name."""
BETA_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "modalities": "output_modalities",
        "voice": "audio.output.voice",
        "speed": "audio.output.speed",
        "input_audio_format": "audio.input.format",
        "output_audio_format": "audio.output.format",
        "turn_detection": "audio.input.turn_detection",
        "input_audio_transcription": "audio.input.transcription",
        "input_audio_noise_reduction": "audio.input.noise_reduction",
        "max_response_output_tokens": "max_output_tokens",
    }
)
"""Fields of the protocol's beta version, and their present names."""
NO_TOOLS = "can't be used: I call no tools of clients. Leave it out, or send []"
_SLOWEST, _FASTEST = NUMBERS["speed"]


class RealtimeError(Exception):
    """A client's event can't be carried out.

    Attributes:
        code: the reason, for programs.
        param: the field that is wrong, such as ``session.audio.input.format``.
    """

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param


@dataclass(frozen=True, slots=True)
class Session:
    """The settings.

    Attributes:
        modality: ``audio``, or ``text`` if the client wants the words of the answers alone.
        detection: how the end of a turn is found; ``None`` if the client commits its sound itself.
        heard: the format of the client's sound.
        spoken: the format of the answers' sound.
        voice: the voice as the client has named it; ``None`` if it has named none.
        wishes: instructions, voice and speed for the answers.
    """

    modality: str = "audio"
    detection: str | None = "server_vad"
    heard: str = PCM
    spoken: str = PCM
    voice: str | None = None
    wishes: Wishes = NO_WISHES

    def updated(self, fields: object) -> Session:
        """The settings after a ``session.update``; raises :class:`RealtimeError`, and then nothing has changed.

        Unknown fields are ignored. What would change the answers and can't be done here is an error.
        """
        where = "session"
        session = _object(fields, where)
        if session.get("type", "realtime") != "realtime":
            raise _wrong("session.type", 'must be "realtime"')
        updated = self._answering(session, where)
        audio = _object(session.get("audio") or {}, f"{where}.audio")
        given = _object(audio.get("input") or {}, f"{where}.audio.input")
        if (form := given.get("format")) is not None:
            updated = replace(updated, heard=_format(form, f"{where}.audio.input.format"))
        if "turn_detection" in given:
            updated = replace(updated, detection=_detection(given["turn_detection"]))
        return updated

    def for_response(self, fields: object) -> Session:
        """The settings for one answer, after a ``response.create``; raises :class:`RealtimeError`."""
        where = "response"
        response = _object({} if fields is None else fields, where)
        if response.get("conversation") not in (None, "auto"):
            raise _wrong(f"{where}.conversation", 'must be "auto": there is one conversation, and it is the call')
        for name in ("input", "prompt"):
            if response.get(name) is not None:
                raise _wrong(f"{where}.{name}", "can't be used: the answer is to what was said and typed")
        return self._answering(response, where)

    def _answering(self, fields: Mapping[str, Any], where: str) -> Session:
        """Read what a session and a response have in common."""
        for name, present in BETA_NAMES.items():
            if name in fields:
                raise _wrong(f"{where}.{name}", f"is a name of the beta version: it is {where}.{present} now")
        if fields.get("tools") not in (None, []):
            raise _wrong(f"{where}.tools", NO_TOOLS)
        if fields.get("tool_choice") not in (None, "auto", "none"):
            raise _wrong(f"{where}.tool_choice", 'must be "auto" or "none": I call no tools of clients')
        updated = self
        if (modalities := fields.get("output_modalities")) is not None:
            if not isinstance(modalities, list) or len(modalities) != 1 or modalities[0] not in MODALITIES:
                raise _wrong(f"{where}.output_modalities", 'must be ["audio"] or ["text"]')
            updated = replace(updated, modality=str(modalities[0]))
        wishes = self.wishes
        if (instructions := fields.get("instructions")) is not None:
            wishes = replace(wishes, instructions=_text(instructions, f"{where}.instructions", MAX_INSTRUCTIONS))
        audio = _object(fields.get("audio") or {}, f"{where}.audio")
        sent = _object(audio.get("output") or {}, f"{where}.audio.output")
        if (form := sent.get("format")) is not None:
            updated = replace(updated, spoken=_format(form, f"{where}.audio.output.format"))
        if (voice := sent.get("voice")) is not None:
            name = _voice(voice, f"{where}.audio.output.voice")
            updated, wishes = replace(updated, voice=name), replace(wishes, voice=_chosen(name))
        if (speed := sent.get("speed")) is not None:
            wishes = replace(wishes, speed=_speed(speed, f"{where}.audio.output.speed"))
        return replace(updated, wishes=wishes)

    def fields(self, id: str) -> dict[str, Any]:  # noqa: A002  # It is the field's name.
        """The session for the client."""
        detection = None if self.detection is None else {"type": self.detection}
        sent = {"format": _format_fields(self.spoken), "speed": self.wishes.speed or 1.0}
        return {
            "id": id,
            "object": "realtime.session",
            "type": "realtime",
            "model": "seiyuu",
            "instructions": self.wishes.instructions,
            "output_modalities": [self.modality],
            "tools": [],
            "tool_choice": "none",
            "audio": {
                "input": {"format": _format_fields(self.heard), "turn_detection": detection},
                "output": sent if self.voice is None else {**sent, "voice": self.voice},
            },
        }


def _detection(given: object) -> str | None:
    if given is None:
        return None
    where = "session.audio.input.turn_detection"
    fields = _object(given, where)
    kind = fields.get("type", DETECTIONS[0])
    if kind not in DETECTIONS:
        raise _wrong(f"{where}.type", f"must be one of {', '.join(DETECTIONS)}")
    for name in ("create_response", "interrupt_response"):
        if fields.get(name) is False:
            raise _wrong(f"{where}.{name}", "can't be false here; use turn_detection null instead")
    return str(kind)


def _format(given: object, where: str) -> str:
    fields = _object(given, where)
    kind = fields.get("type", PCM)
    rate = RATES.get(kind) if isinstance(kind, str) else None
    if rate is None or fields.get("rate", rate) != rate:
        raise _wrong(where, f"must be {PCM} at 24000 Hz, or {U_LAW} or {A_LAW} at 8000 Hz")
    return str(kind)


def _format_fields(kind: str) -> dict[str, Any]:
    return {"type": kind, "rate": RATES[kind]} if kind == PCM else {"type": kind}


def _voice(given: object, where: str) -> str:
    """The name of a voice, which may be given as ``{"id": …}`` too."""
    name = _text(given.get("id") if isinstance(given, dict) else given, where, MAX_VOICE).strip()
    if not name or not name.isprintable():
        raise _wrong(where, "must be the name of a voice")
    return name


def _chosen(voice: str) -> str | None:
    return None if voice in OPENAI_VOICES else voice


def _speed(given: object, where: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not _SLOWEST <= given <= _FASTEST:
        raise _wrong(where, f"must be a number from {_SLOWEST} to {_FASTEST}")
    return float(given)


def _text(given: object, where: str, most: int) -> str:
    if not isinstance(given, str) or len(given) > most:
        raise _wrong(where, f"must be a text of at most {most:,} characters")
    return join_surrogates(given)


def _object(given: object, where: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise _wrong(where, "must be an object")
    return given


def _wrong(where: str, what: str) -> RealtimeError:
    return RealtimeError("invalid_value", f"{where} {what}.", where)
