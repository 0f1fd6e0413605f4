"""What one event of a model server's stream says, whichever of the three APIs wrote it."""

from __future__ import annotations

import json
from dataclasses import dataclass

END_OF_STREAM = "[DONE]"

_MAX_ERROR_CHARS = 200


class BrokenDeltaError(ValueError):
    """The event is not what any of the APIs sends."""


class ServerSaidError(Exception):
    """The server reports an error of its own; the text is the server's, on one line and cut to a sensible length."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One step of a reply. ``reasoning`` is thought, never spoken; ``finished`` marks the reply's regular end."""

    text: str = ""
    reasoning: str = ""
    finished: bool = False


def parse_delta(data: str) -> Delta:
    """Read the data of one event, or a whole answer of a server that does not stream.

    Raises:
        BrokenDeltaError: not JSON, or JSON of another shape.
        ServerSaidError: an error object.
    """
    if data.strip() == END_OF_STREAM:
        return Delta(finished=True)
    fields = _json_object(data)
    if fields.get("error"):
        raise ServerSaidError(error_text(data))
    if "choices" in fields:
        return _from_choices(fields["choices"])
    if "content" in fields:
        return Delta(_text(fields["content"]), finished=bool(fields.get("stop")))
    return Delta()


def error_text(body: str) -> str:
    """The message in an error body as OpenAI, llama.cpp, Ollama, vLLM or FastAPI write it: one line, or nothing."""
    try:
        words: object = json.loads(body)
    except (ValueError, RecursionError):
        # Not JSON: a proxy's page is no message, a short plain text is one.
        words = "" if "<" in body else body
    while isinstance(words, dict):
        words = words.get("error") or words.get("message") or words.get("detail")
    line = " ".join(words.split()) if isinstance(words, str) else ""
    return line if len(line) <= _MAX_ERROR_CHARS else line[: _MAX_ERROR_CHARS - 1] + "…"


def _from_choices(choices: object) -> Delta:
    if not isinstance(choices, list):
        raise BrokenDeltaError("choices is not a list")
    if not choices:
        return Delta()
    choice = choices[0]
    if not isinstance(choice, dict):
        raise BrokenDeltaError("a choice is not an object")
    finished = choice.get("finish_reason") is not None
    said = choice.get("delta") or choice.get("message")
    if said is None or said == {}:
        return Delta(_text(choice.get("text")), finished=finished)
    if not isinstance(said, dict):
        raise BrokenDeltaError("a delta is not an object")
    reasoning = _text(said.get("reasoning_content")) or _text(said.get("reasoning"))
    return Delta(_text(said.get("content")), reasoning, finished)


def _text(value: object) -> str:
    """A text, a list of typed parts of which the text parts count (Mistral), or nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(
            _text(part.get("text")) for part in value if isinstance(part, dict) and part.get("type") == "text"
        )
    raise BrokenDeltaError("a text is not a text")


def _json_object(data: str) -> dict[str, object]:
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BrokenDeltaError("not JSON") from error
    if not isinstance(fields, dict):
        raise BrokenDeltaError("not a JSON object")
    return fields
