"""Deltas: parses one event of a model server's stream, in the format of any of the three supported APIs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.llm.tool_calls import CallPiece, call_pieces
from bot.llm.usage import TokenUsage, token_usage
from bot.text import join_surrogates

END_OF_STREAM = "[DONE]"
LENGTH_REASONS = frozenset({"length", "max_tokens", "limit", "max_output_tokens"})
"""Finish reasons that mean that the token limit was reached."""
FILTER_REASONS = frozenset(
    {"content_filter", "content-filter", "safety", "blocklist", "prohibited_content", "sensitive"}
)
"""Finish reasons that mean that the server's content filter stopped the reply."""

_MAX_ERROR_CHARS = 200
_NOT_AN_END = frozenset({"", "null", "none", "undefined", "finish_reason_unspecified"})
_NO_ERROR_CODES = (None, 0, 200, "0", "200", "")
_REASONING = ("reasoning_content", "reasoning", "reasoning_text", "thinking", "thought")
_MESSAGE_FIELDS = ("error", "message", "detail", "msg", "error_msg", "errors")
_SIGNS_OF_ERROR = ("error", "exception", "fail", "exceed", "invalid", "timed out", "unavailable")
_ERROR_IN_BRACKETS = re.compile(r"\[(?:error|exception)\]\s*:?\s*(?=\S)", re.IGNORECASE)
_THOUGHT_TAG = re.compile(r"</?thought>")
_PROVIDER_FAILED = "Provider returned error"


class BrokenDeltaError(ValueError):
    """The event has a format that none of the APIs sends."""


class ServerSaidError(Exception):
    """The server reported an error inside the stream. The message is the server's own, shortened to one line."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One piece of a reply.

    Attributes:
        text: text of the answer.
        reasoning: text of the model's thoughts, which is never spoken or shown.
        finished: whether this is the regular end of the reply.
        reason: the server's finish reason in lower case; "" if it gave none.
        whole: whether this is a complete message. If other pieces came before, their text is in it once more.
        calls: pieces of tool calls. They come after ``text``.
        usage: the token counts of the prompt and the answer, if the server reports them with this piece.
    """

    text: str = ""
    reasoning: str = ""
    finished: bool = False
    reason: str = ""
    whole: bool = False
    calls: tuple[CallPiece, ...] = ()
    usage: TokenUsage | None = None

    @property
    def says(self) -> bool:
        """Whether the piece has text of the answer or a piece of a tool call."""
        return bool(self.text or self.calls)


def parse_delta(data: str) -> Delta:
    """Parse the data of one event, or the complete answer of a server that does not stream.

    Events that are not part of a reply, such as ``null`` or a keep-alive, become an empty delta.

    Raises:
        BrokenDeltaError: the data is incomplete JSON, a web page, or JSON in an unknown format.
        ServerSaidError: the data is an error object, or an error message in plain text.
    """
    # Some proxies put "data:" before an event that has it already.
    data = data.strip().removeprefix("data:").strip()
    if data.strip('"').upper() == END_OF_STREAM:
        return Delta(finished=True)
    fields = _json_object(data)
    if (said := _reported_error(fields)) is not None:
        raise ServerSaidError(said)
    delta, usage = _from_fields(fields), token_usage(fields)
    return delta if usage is None else replace(delta, usage=usage)


def _from_fields(fields: Mapping[str, Any]) -> Delta:
    if fields.get("choices"):
        return _from_choices(fields["choices"])
    if "content" in fields:
        return Delta(_text(fields["content"]), finished=bool(fields.get("stop")), reason=_llama_cpp_reason(fields))
    return Delta()


def error_text(body: str) -> str:
    """The error message in a response body, on one line; "" if there is none.

    Understands the formats of OpenAI, llama.cpp, Ollama, vLLM and FastAPI, and short plain text.
    """
    try:
        words: object = json.loads(body)
    except (ValueError, RecursionError):
        # This is not JSON. Plain text is an error message, but a proxy's web page is not.
        words = "" if "<" in body else body
    line = " ".join(join_surrogates(_message(words)).split())
    return line if len(line) <= _MAX_ERROR_CHARS else line[: _MAX_ERROR_CHARS - 1] + "…"


def _message(words: object) -> str:
    while not isinstance(words, str):
        if isinstance(words, list) and words:
            words = words[0]
        elif isinstance(words, dict):
            said = (words[key] for key in _MESSAGE_FIELDS if words.get(key))
            words = _raw_words_of_provider(words) or next(said, "")
        else:
            return ""
    return words


def _raw_words_of_provider(error: Mapping[str, object]) -> str:
    """The error message of the model's provider, which OpenRouter passes on; "" if there is none.

    It says more than OpenRouter's own message.
    """
    metadata = error.get("metadata")
    if error.get("message") != _PROVIDER_FAILED or not isinstance(metadata, dict):
        return ""
    raw = metadata.get("raw")
    return error_text(raw) if isinstance(raw, str) else ""


def _reported_error(fields: Mapping[str, object]) -> str | None:
    """The server's message if the event reports an error; otherwise ``None``."""
    choices = fields.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    delta = choice.get("delta")
    for holder in (fields, choice, delta if isinstance(delta, dict) else {}):
        if holder.get("error"):
            return error_text(json.dumps(holder["error"])) or error_text(json.dumps({**holder, "error": None}))
    if isinstance(reason := choice.get("finish_reason"), str) and reason.lower() == "error":
        return "it broke off"
    if choices is None and "content" not in fields:
        named = "error" in (fields.get("object"), fields.get("type"), fields.get("status"))
        coded = any(fields.get(key) not in _NO_ERROR_CODES for key in ("code", "error_code"))
        if named or coded or fields.get("success") is False or fields.keys() & {"detail", "errors"}:
            return error_text(json.dumps(fields)) or None
    return None


def _from_choices(choices: object) -> Delta:
    if not isinstance(choices, list):
        raise BrokenDeltaError("choices is not a list")
    choice = next((each for each in choices if not isinstance(each, dict) or not each.get("index")), None)
    if choice is None:
        return Delta()
    if not isinstance(choice, dict):
        raise BrokenDeltaError("a choice is not an object")
    reason = _reason(choice.get("finish_reason"))
    piece = choice.get("delta")
    said = piece or choice.get("message") or {}
    if not isinstance(said, dict):
        raise BrokenDeltaError("a delta is not an object")
    text, reasoning = _said(said)
    # Some servers send the same text in the fields of both endpoints, chats and completions. Only one is used.
    text = text or ("" if reasoning else _text(choice.get("text")))
    whole = not piece and bool(choice.get("message"))
    return Delta(text, reasoning, bool(reason), reason, whole, call_pieces(said))


def _reason(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("type")
    word = str(value).lower() if value else ""
    return "" if word in _NOT_AN_END else word


def _llama_cpp_reason(fields: Mapping[str, object]) -> str:
    if not fields.get("stop"):
        return ""
    if fields.get("stopped_limit"):
        return "length"
    return _reason(fields.get("stop_type")) or "stop"


def _said(said: Mapping[str, Any]) -> tuple[str, str]:
    """Text and reasoning of a delta or message object."""
    content = said.get("content")
    reasoning = next((text for key in _REASONING if (text := _text(said.get(key)))), "") + _thinking_parts(content)
    text = _text(content)
    if _is_marked_as_thought(said):
        # The tags stay in the text, because the other tag of the pair may come in content that is not marked.
        return "".join(_THOUGHT_TAG.findall(text)), reasoning + text
    return text + _text(said.get("refusal")), reasoning


def _is_marked_as_thought(said: Mapping[str, Any]) -> bool:
    """Whether Gemini has marked the whole content as a thought."""
    extra = said.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    return isinstance(google, dict) and google.get("thought") is True


def _text(value: object) -> str:
    """The text in a content value: a string, a typed part, or a list of parts. Parts that are not text are skipped."""
    if isinstance(value, str):
        return value
    if not value:
        return ""
    if isinstance(value, dict):
        said = value.get("type", "text") in ("text", "output_text") and value.get("thought") is not True
        return _text(value.get("text")) if said else ""
    if isinstance(value, list):
        return "".join(_text(part) for part in value if isinstance(part, str | dict))
    raise BrokenDeltaError("a text is neither a string nor a list")


def _thinking_parts(content: object) -> str:
    """The thoughts in a list of typed parts. Mistral sends {"type": "thinking", "thinking": [parts]}."""
    if not isinstance(content, list):
        return ""
    thoughts = (part for part in content if isinstance(part, dict) and _is_thought(part))
    return "".join(_text(part.get("thinking") or part.get("text")) for part in thoughts)


def _is_thought(part: Mapping[str, Any]) -> bool:
    return part.get("type") in ("thinking", "reasoning") or part.get("thought") is True


def _json_object(data: str) -> dict[str, Any]:
    """The JSON object in an event; {} for an event that is not part of a reply."""
    if (found := _ERROR_IN_BRACKETS.match(data)) is not None:
        raise ServerSaidError(error_text(data[found.end() :]))
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        if data[:1] in ("{", "["):
            raise BrokenDeltaError("not JSON") from error
        if data.startswith("<"):
            raise BrokenDeltaError("a web page") from error
        if _sounds_like_an_error(data):
            raise ServerSaidError(error_text(data)) from error
        return {}
    if isinstance(fields, list):
        fields = next((each for each in fields if isinstance(each, dict)), {})
    return fields if isinstance(fields, dict) else {}


def _sounds_like_an_error(words: str) -> bool:
    lower = words.lower()
    return any(sign in lower for sign in _SIGNS_OF_ERROR)
