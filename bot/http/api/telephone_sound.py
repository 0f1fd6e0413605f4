"""Recognises recordings that are raw G.711: mono, 8,000 Hz, as telephones have them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from audio.g711 import Law
from audio.telephony import TELEPHONE_RATE
from bot.http.api.uploads import Form
from bot.http.errors import HttpError

FIELD = "input_format"
"""The field that names the format, as ``output_format`` does where sound goes out."""
FORMATS: Mapping[str, Law] = MappingProxyType(
    {"alaw": "alaw", "ulaw": "ulaw", "g711_alaw": "alaw", "g711_ulaw": "ulaw"}
)
KINDS: Mapping[str, Law] = MappingProxyType({"audio/basic": "ulaw", "audio/pcmu": "ulaw", "audio/pcma": "alaw"})
"""Content types, by RFC 2046 and RFC 3551."""
_FILES = (b"RIFF", b".snd")
"""The first bytes of files that state their format themselves: WAV and AU. Clients call such files audio/basic too."""


def law_of(form: Form) -> Law | None:
    """The law, A or µ, of a recording that is raw G.711; ``None`` for a file that states its format itself.

    Raises:
        HttpError: the form names an unknown format, or G.711 at another rate.
    """
    named = form.fields.get(FIELD, "").strip().lower()
    if named and named not in FORMATS:
        raise HttpError(400, "bad_parameter", f"{FIELD} must be one of {', '.join(FORMATS)}.")
    kind, *parameters = (part.strip() for part in form.kind.lower().split(";"))
    law = FORMATS.get(named) or KINDS.get(kind)
    if law is None or form.file.startswith(_FILES):
        return None
    if kind in KINDS and any(_differs(parameter) for parameter in parameters):
        raise HttpError(415, "unsupported_media_type", f"G.711 must have one channel and {TELEPHONE_RATE} Hz.")
    return law


def _differs(parameter: str) -> bool:
    """Whether a parameter of a content type asks for another rate, or for several channels."""
    name, _, value = (part.strip(' "') for part in parameter.partition("="))
    wanted = {"rate": str(TELEPHONE_RATE), "channels": "1"}.get(name)
    return wanted is not None and value != wanted
