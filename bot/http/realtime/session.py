"""The settings of a Realtime session, as far as they can be chosen here, and how the client's are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

PCM: Mapping[str, Any] = {"type": "audio/pcm", "rate": 24_000}
"""The format of all sound: 16-bit little-endian mono at 24,000 Hz."""
MODALITIES = ("audio", "text")
DETECTIONS = ("server_vad", "semantic_vad")


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
    """

    modality: str = "audio"
    detection: str | None = "server_vad"

    def updated(self, fields: object) -> Session:
        """The settings after a ``session.update``; raises :class:`RealtimeError`. Unknown fields are ignored."""
        session = _object(fields, "session")
        if session.get("type", "realtime") != "realtime":
            raise _wrong("session.type", 'must be "realtime"')
        updated = self
        if (modalities := session.get("output_modalities")) is not None:
            if not isinstance(modalities, list) or len(modalities) != 1 or modalities[0] not in MODALITIES:
                raise _wrong("session.output_modalities", 'must be ["audio"] or ["text"]')
            updated = replace(updated, modality=str(modalities[0]))
        audio = _object(session.get("audio") or {}, "session.audio")
        given, sent = (_object(audio.get(side) or {}, f"session.audio.{side}") for side in ("input", "output"))
        for side, options in (("input", given), ("output", sent)):
            _check_format(options.get("format"), f"session.audio.{side}.format")
        if "turn_detection" in given:
            updated = replace(updated, detection=_detection(given["turn_detection"]))
        return updated

    def fields(self, id: str) -> dict[str, Any]:  # noqa: A002  # It is the field's name.
        """The session for the client."""
        detection = None if self.detection is None else {"type": self.detection}
        return {
            "id": id,
            "object": "realtime.session",
            "type": "realtime",
            "model": "seiyuu",
            "output_modalities": [self.modality],
            "audio": {
                "input": {"format": dict(PCM), "turn_detection": detection},
                "output": {"format": dict(PCM)},
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


def _check_format(given: object, where: str) -> None:
    if given is None:
        return
    fields = _object(given, where)
    if fields.get("type", PCM["type"]) != PCM["type"] or fields.get("rate", PCM["rate"]) != PCM["rate"]:
        raise _wrong(where, "must be audio/pcm at 24000 Hz")


def _object(given: object, where: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise _wrong(where, "must be an object")
    return given


def _wrong(where: str, what: str) -> RealtimeError:
    return RealtimeError("invalid_value", f"{where} {what}.", where)
