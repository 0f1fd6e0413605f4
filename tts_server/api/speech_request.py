"""Parses the JSON body of ``POST /v1/audio/speech``.

Source: OpenAI's API reference, "Create speech". ``instructions`` and unknown fields are ignored.
In addition there are the parameters of the WebSocket and ``sample_rate``; OpenAI's clients send them as ``extra_body``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from audio.encoders import Encoder, FfmpegEncoder, PcmEncoder, WavEncoder
from audio.telephony import TELEPHONE_RATE, G711Encoder, TelephonePcmEncoder
from tts_server.api.errors import ApiError
from web_access import bodies
from wire.parameters import NUMBERS, SpeechParameters

MAX_INPUT_CHARACTERS = 4096
"""Longest text, in characters, as in OpenAI's API."""
MAX_BODY_BYTES = 128 * 1024
"""Largest body, in bytes. It has room for the longest text with every character escaped, and for the other fields."""
MAX_BODY_SECONDS = 30.0
"""If a whole body does not arrive within this many seconds, the request is refused."""
SLOWEST, FASTEST = 0.25, 4.0
"""Bounds of ``speed``, as in OpenAI's API."""
DEFAULT_RATE = 24_000
"""Default sample rate in Hz, except for telephone formats. It is the rate of OpenAI's ``pcm``."""
_RATES = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)
_OPUS_RATES = (8_000, 16_000, 24_000, 48_000)


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A checked request.

    Attributes:
        model: selects the engine pool; ``None`` if the field is missing or not a string.
        rate: sample rate of the response, in Hz.
        events: whether the client wants server-sent events instead of a file.
        tempo: factor by which the server speeds up the engine's sound. It differs from 1 only if ``speed`` is beyond
            the engines' range.
    """

    text: str
    model: str | None
    format: AudioFormat
    rate: int
    events: bool
    tempo: float
    parameters: SpeechParameters


async def read_body(request: web.Request) -> bytes:
    """Read the body of a request.

    Raises:
        ApiError: the body is too large, too slow or broken.
    """
    try:
        async with asyncio.timeout(MAX_BODY_SECONDS):
            return await bodies.read_body(request.content, MAX_BODY_BYTES)
    except bodies.BodyTooLargeError:
        raise ApiError(413, f"the body has more than {MAX_BODY_BYTES} bytes", code="too_large") from None
    except TimeoutError:
        raise ApiError(408, f"the request did not arrive within {MAX_BODY_SECONDS:g} s", code="timeout") from None
    except web.RequestPayloadError as error:
        raise ApiError(400, f"the body can't be read: {error}") from None


def parse(raw: bytes) -> SpeechRequest:
    """Parse and check a body.

    Raises:
        ApiError: the body is not JSON, or a field is not valid.
    """
    return read_fields(parse_object(raw))


def parse_object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        ApiError: the bytes are no JSON object.
    """
    try:
        body = json.loads(raw.decode())
    except UnicodeDecodeError:
        raise ApiError(400, "the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ApiError(400, f"the body is not JSON: see line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError):
        raise ApiError(400, "the body is not JSON that can be read") from None
    if not isinstance(body, dict):
        raise ApiError(400, "the body is not a JSON object")
    return body


def read_fields(body: Mapping[str, Any]) -> SpeechRequest:
    """Check the fields of a request.

    Raises:
        ApiError: a field is not valid.
    """
    model = body.get("model")
    speed = _number(body, "speed", (SLOWEST, FASTEST))
    slowest, fastest = NUMBERS["speed"]
    engine_speed = None if speed is None else min(max(speed, slowest), fastest)
    format_name = _choice(body, "response_format", FORMATS.keys(), "mp3")
    return SpeechRequest(
        text=_text(body),
        model=model if isinstance(model, str) else None,
        format=FORMATS[format_name],
        rate=_rate(body, format_name),
        events=_choice(body, "stream_format", ("audio", "sse"), "audio") == "sse",
        tempo=1.0 if speed is None or engine_speed is None else speed / engine_speed,
        parameters=_parameters(body, engine_speed),
    )


def _text(body: Mapping[str, Any]) -> str:
    text = _string(body, "input")
    if "input" not in body:
        raise ApiError(400, "the field input is missing: it is the text to speak", "input")
    if text is None or not text.strip():
        raise ApiError(400, "there is nothing to speak", "input")
    if len(text) > MAX_INPUT_CHARACTERS:
        raise ApiError(
            400, f"input has more than {MAX_INPUT_CHARACTERS} characters", "input", "string_above_max_length"
        )
    return text


def _parameters(body: Mapping[str, Any], speed: float | None) -> SpeechParameters:
    preprocess_text = body.get("preprocess_text", True)
    if not isinstance(preprocess_text, bool):
        raise ApiError(400, "preprocess_text must be true or false", "preprocess_text")
    return SpeechParameters(
        voice=_voice(body),
        preset=_name(body, "preset"),
        language=_name(body, "language"),
        conversation_language=_name(body, "conversation_language"),
        pitch_shift=_number(body, "pitch_shift") or 0.0,
        speed=speed,
        temperature=_number(body, "temperature"),
        repetition_penalty=_number(body, "repetition_penalty"),
        top_k=_whole(body, "top_k"),
        top_p=_number(body, "top_p"),
        gpt_cond_len=_whole(body, "gpt_cond_len"),
        gpt_cond_chunk_len=_whole(body, "gpt_cond_chunk_len"),
        preprocess_text=preprocess_text,
    )


def _voice(body: Mapping[str, Any]) -> str | None:
    voice = body.get("voice")
    # OpenAI's custom voices are requested as an object with an id.
    return _name(voice, "id", "voice") if isinstance(voice, dict) else _name(body, "voice")


def _rate(body: Mapping[str, Any], format_name: str) -> int:
    rates = FORMATS[format_name].rates
    rate = body.get("sample_rate")
    if rate is None:
        return rates[0]
    if isinstance(rate, bool) or rate not in rates:
        listed = ", ".join(str(possible) for possible in sorted(rates))
        raise ApiError(400, f"sample_rate must be one of {listed} for {format_name}", "sample_rate")
    return int(rate)


def _choice(body: Mapping[str, Any], name: str, choices: Collection[str], default: str) -> str:
    value = _string(body, name)
    if value is not None and value not in choices:
        raise ApiError(400, f"{name} must be one of {', '.join(choices)}", name)
    return value or default


def _name(body: Mapping[str, Any], name: str, parameter: str | None = None) -> str | None:
    value = _string(body, name, parameter)
    if value is not None and not 0 < len(value) <= 200:
        raise ApiError(400, f"{parameter or name} must be a text of 1 to 200 characters", parameter or name)
    return value


def _string(body: Mapping[str, Any], name: str, parameter: str | None = None) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise ApiError(400, f"{parameter or name} must be a text", parameter or name)
    return value


def _number(body: Mapping[str, Any], name: str, bounds: tuple[float, float] | None = None) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    low, high = bounds or NUMBERS[name]
    # Python's JSON parser accepts NaN, which is not within any bounds.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ApiError(400, f"{name} must be a number from {low:g} to {high:g}", name)
    return value


def _whole(body: Mapping[str, Any], name: str) -> int | None:
    value = _number(body, name)
    return None if value is None else int(value)


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Format of a response.

    Attributes:
        rates: possible sample rates in Hz, the default first.
        encoder: makes an encoder for a sample rate.
    """

    rates: tuple[int, ...]
    encoder: Callable[[int], Encoder]


def _ffmpeg(container: str, codec: str, content_type: str, rates: tuple[int, ...] = _RATES) -> AudioFormat:
    return AudioFormat(_default_first(rates), lambda rate: FfmpegEncoder(rate, container, codec, content_type))


def _default_first(rates: tuple[int, ...]) -> tuple[int, ...]:
    return (DEFAULT_RATE, *(rate for rate in rates if rate != DEFAULT_RATE))


def _pcm(rate: int) -> Encoder:
    return TelephonePcmEncoder() if rate == TELEPHONE_RATE else PcmEncoder()


FORMATS: dict[str, AudioFormat] = {
    "mp3": _ffmpeg("mp3", "libmp3lame", "audio/mpeg"),
    "opus": _ffmpeg("ogg", "libopus", "audio/ogg", _OPUS_RATES),
    "aac": _ffmpeg("adts", "aac", "audio/aac"),
    "flac": _ffmpeg("flac", "flac", "audio/flac"),
    "wav": AudioFormat(_default_first(_RATES), WavEncoder),
    "pcm": AudioFormat(_default_first(_RATES), _pcm),
    "g711_alaw": AudioFormat((TELEPHONE_RATE,), lambda _: G711Encoder("alaw")),
    "g711_ulaw": AudioFormat((TELEPHONE_RATE,), lambda _: G711Encoder("ulaw")),
}
"""Formats by name. The names are OpenAI's; those of G.711 come from its Realtime API."""
