"""Dialects of model servers: finds out which request fields a server refuses, and leaves them out from then on."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_log = logging.getLogger(__name__)

FieldPath = tuple[str, ...]
"""Keys that lead to a field of the request, from the outermost object inward."""

LIMIT_FIELDS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "n_predict")
"""Names of the field that limits the answer's length, in tokens. Each server knows one of these names."""
PROTECTED_FIELDS = frozenset({"messages", "model", "prompt", "stream"})
"""Fields that are never left out, since there is no request without them."""

_THINKING_FIELDS = ("reasoning_effort", "think", "thinking", "reasoning", "chat_template_kwargs", "enable_thinking")
_STOP_NAMES = ("stop_sequences", "stop sequences", "stop sequence", "stop_words", "stop words", "stop tokens")
_WRAPPERS = frozenset({"body", "query", "generation_config", "generationConfig", "generatecontentrequest"})
_PLACE_KEYS = (
    *("loc", "param", "field", "path", "property", "propertyPath", "pointer", "instancePath", "parameter", "argument"),
    "additionalProperty",
)
_LISTS_OF_FIELDS = ("keys", "params", "parameters", "invalid_params", "unknown_fields", "unsupported_params")
_BY_FIELD = ("errors", "fields")
"""Keys in an error body. The object under such a key has refused fields as keys: ``{"errors": {"stop": "…"}}``."""
_MAX_DEPTH = 8

_REFUSING = re.compile(
    r"unsupported|support|unknown|unrecogni[sz]ed|not recogni[sz]ed|unexpected|not permitted|not allowed|forbidden"
    r"|invalid|deprecated|removed|no longer|cannot be|can't be|may not|may only|must be|must have|should be"
    r"|too (?:large|big|high|many|long)|cannot find|not found|not available|not a? ?valid|not accepted|not one of"
    r"|maximum|cannot both|out of range|at most|at least|less than|greater than|range:"
    r"|extra (?:inputs|fields)|additional propert|not implemented|not accept|renamed|replaced|ignored|unavailable",
    re.IGNORECASE,
)
_SPENT = re.compile(r"\breached\b|could not finish|used up|higher \w+_", re.IGNORECASE)
"""Matches errors that name a limit field because the answer reached the limit, not because the field is refused."""
_PYTHON_PLACE = re.compile(r"""['"]loc['"]:\s*[(\[]([^)\]]*)[)\]]""")
_QUOTED = re.compile(r"""['"]([^'"]+)['"]""")
_RENAMED = re.compile(
    r"(?:\buse|\btry|\bset|\bwants|\bexpect(?:s|ed)|replaced (?:by|with)|renamed to|in favou?r of|did you mean"
    r"|\binstead,? use)\s*:?\s*(?:the\s+)?"
    r"(?:parameter\s+|field\s+|argument\s+)?(?P<quote>['\"`]?)(?P<name>[A-Za-z][A-Za-z0-9_]{1,40})(?P=quote)(?![\w='\"`])",
    re.IGNORECASE,
)
_SYSTEM_ROLE = re.compile(
    r"(?:system|developer)['\"`]?\s+(?:role|message|prompt|instruction)s?\b.{0,40}?"
    r"(?:not|n't|un)\s*(?:be\s+)?(?:support|enabl|allow|permit|accept)"
    r"|does not support ['\"`]?(?:system|developer)\b|roles must alternate|unsupported role:? ['\"`]?system",
    re.IGNORECASE | re.DOTALL,
)
_TOOLS = r"(?:\btools?\b|\btool[ _-]?(?:use|call(?:ing|s)?|choice|parser)\b|\bfunction[ _-]?call(?:ing|s)?\b)"
_TOOLS_REFUSED = re.compile(
    rf"(?:\bnot|n't|\bno\b|\bun|\bonly|\bcannot|\bwithout)[^.\n]{{0,60}}?{_TOOLS}"
    rf"|{_TOOLS}[^.\n]{{0,40}}?(?:\bnot\b|n't|\bunsupported|\bunavailable|\brequires?\b|\bdisabled|\bmust\b)",
    re.IGNORECASE,
)
_CALLS_REFUSED = re.compile(
    r"thought_?signature|reasoning_content|roles must alternate"
    r"|\brole\b[^.\n]{0,40}['\"`]tool['\"`]|['\"`]tool['\"`][^.\n]{0,40}\brole\b",
    re.IGNORECASE,
)
"""Matches errors about messages with tool calls or results: they lack something that only this server gives (DeepSeek's
reasoning, Gemini's signature), or the model's template has no place for them."""
TOOLS = "tools"
"""The field that describes the tools to a model."""


@dataclass(frozen=True, slots=True)
class RefusedField:
    """A request field that the server refuses.

    Attributes:
        renamed: the name that the server wants instead; ``None`` if it names none.
    """

    path: FieldPath
    renamed: str | None = None

    @property
    def name(self) -> str:
        """The field's name with dots, such as ``chat_template_kwargs.enable_thinking``."""
        return ".".join(self.path)


def refused_fields(answer: str, sent: Mapping[str, Any]) -> tuple[RefusedField, ...]:
    """Find the fields that a server refuses, in the body of its error response.

    If the body lists fields, all of these are returned. If it only has a sentence, the first field named in it is
    returned. Fields that must not be left out are skipped, so the result may be empty.

    Args:
        answer: the body of the error response.
        sent: the body of the request.
    """
    document = _parsed(answer)
    text = " ".join(_sentences(document)) if document is not None else answer
    places = (*_places(document, sent), *_python_places(text, sent))
    paths = tuple(dict.fromkeys(place for place in places if place is not None)) or _named_in(text, sent)
    if len(paths) == 1:
        return (RefusedField(paths[0], _new_name(text, paths[0], sent)),)
    return tuple(RefusedField(path) for path in paths)


def refuses_tools(answer: str) -> bool:
    """Whether an error response says that the model, or the server, can't call tools.

    Ollama, vLLM, OpenRouter and others say so in sentences that don't name the field.
    """
    return _TOOLS_REFUSED.search(answer) is not None


def refuses_calls(answer: str) -> bool:
    """Whether an error response says that messages with tool calls or results can't be sent back in this way."""
    return _CALLS_REFUSED.search(answer) is not None


def refuses_system_role(answer: str) -> bool:
    """Whether an error response says that the model does not support messages of the role ``system``."""
    return _SYSTEM_ROLE.search(answer) is not None


# Fields in the structure of an error body.


def _parsed(text: str) -> object | None:
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict | list) else None


def _inner(value: object, depth: int) -> Iterator[tuple[str, object]]:
    """All keys with their values, at any depth. JSON inside strings is read too: OpenRouter and LiteLLM send it."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str) and value[:1] in ("{", "["):
        value = _parsed(value)
    if isinstance(value, list):
        for each in value:
            yield from _inner(each, depth + 1)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key in ("input", "ctx"):
                # These contain the request itself, not words of the server.
                continue
            yield str(key), each
            yield from _inner(each, depth + 1)


def _sentences(document: object) -> Iterator[str]:
    for _, value in _inner(document, 0):
        if isinstance(value, str):
            # A single word is an error code ("invalid_request_error"), which does not name a field.
            if " " in value:
                yield value
        elif isinstance(value, list):
            yield from (each for each in value if isinstance(each, str) and " " in each)


def _places(document: object, sent: Mapping[str, Any]) -> Iterator[FieldPath | None]:
    for key, value in _inner(document, 0):
        if key in _BY_FIELD and isinstance(value, dict):
            yield from (_resolved([str(name)], sent) for name in value)
        if key in _LISTS_OF_FIELDS and isinstance(value, list):
            yield from (_resolved(_parts(name), sent) for name in value if isinstance(name, str))
        if key not in _PLACE_KEYS:
            continue
        if isinstance(value, str):
            yield _resolved(_parts(value), sent)
        elif isinstance(value, list):
            yield _resolved([str(part) for part in value], sent)


def _parts(place: str) -> list[str]:
    """The keys in ``messages[0].role``, ``$.stop`` or ``/generation_config/stop``."""
    return [part for part in re.split(r"[.\[\]/$#]+", place) if part]


def _python_places(text: str, sent: Mapping[str, Any]) -> Iterator[FieldPath | None]:
    """Fields in pydantic errors that were converted to text: ``'loc': ('body', 'cache_prompt')``."""
    for match in _PYTHON_PLACE.finditer(text):
        yield _resolved(_QUOTED.findall(match[1]), sent)


def _resolved(parts: list[str], sent: Mapping[str, Any]) -> FieldPath | None:
    """The path of the field in ``sent`` that the keys ``parts`` lead to.

    The path ends before the first key that is not in ``sent``. Returns ``None`` if the path is empty, or if
    its first key is a protected field.
    """
    while parts and parts[0] in _WRAPPERS:
        parts = parts[1:]
    path: list[str] = []
    fields: object = sent
    for part in parts:
        name = _as_sent(part, fields) if isinstance(fields, Mapping) else None
        if name is None or not isinstance(fields, Mapping):
            break
        path.append(name)
        fields = fields[name]
    return tuple(path) if path and path[0] not in PROTECTED_FIELDS else None


def _as_sent(name: str, fields: Mapping[str, Any]) -> str | None:
    if name in fields:
        return name
    return next((key for key in fields if name in _other_names(key)), None)


# Fields in the sentences of an error body.


def _other_names(field: str) -> tuple[str, ...]:
    first, *rest = field.split("_")
    camel = (first + "".join(word.capitalize() for word in rest),) if rest else ()
    if field == "stop":
        return (*camel, *_STOP_NAMES, "stopSequences")
    if field in LIMIT_FIELDS:
        return (*camel, *(name for name in LIMIT_FIELDS if name != field), "maxOutputTokens")
    return camel


def _named_in(text: str, sent: Mapping[str, Any]) -> tuple[FieldPath, ...]:
    """The field that a sentence names first, if the sentence is a refusal."""
    # A name with an underscore, such as max_tokens, always means the field, in any language. A plain word, such as
    # "stop", counts only if the sentence also has a word of refusal.
    refusing, spent = _REFUSING.search(text) is not None, _SPENT.search(text) is not None
    found = [
        (match.start(), path)
        for path in _paths(sent)
        for name in (path[-1], *_other_names(path[-1]))
        if (refusing or ("_" in name and not spent)) and (match := _mention(name, nested=len(path) > 1).search(text))
    ]
    if found:
        return (min(found)[1],)
    if refusing and re.search(r"\bthinking\b|\breasoning\b", text, re.IGNORECASE):
        return next((((field,),) for field in _THINKING_FIELDS if field in sent), ())
    return ()


def _paths(fields: Mapping[str, Any], before: FieldPath = ()) -> Iterator[FieldPath]:
    for key, value in fields.items():
        path = (*before, key)
        if path[0] not in PROTECTED_FIELDS:
            yield path
            if isinstance(value, Mapping) and len(path) < _MAX_DEPTH:
                yield from _paths(value, path)


def _mention(name: str, *, nested: bool) -> re.Pattern[str]:
    """A pattern that finds a field's name in a sentence.

    A plain English word, such as "stop", matches only if the words around it show that it is a name. The name of a
    nested field, such as "type", must be quoted or follow a dot.
    """
    word = re.escape(name)
    if "_" in name or " " in name or not name.islower() or name == "temperature":
        return re.compile(rf"(?<![\w]){word}(?!\w)")
    if nested:
        return re.compile(rf"(?:\w\.|['\"`]){word}(?:['\"`]|\b(?!\w))")
    return re.compile(
        rf"['\"`.]{word}['\"`]"
        rf"|\b(?:parameters?|params?|arguments?|fields?|propert(?:y|ies)|options?|keys?|name)\b\W{{0,4}}"
        rf"(?:supplied|named|called)?\W{{0,4}}\b{word}\b"
        rf"|(?:^|[\s(]){word}\s+(?:parameter|param|argument|field|option|is|are|value|supports?|must|cannot|should)\b"
        rf"|(?:^|[\s(]){word}\s*[:=]"
        rf"|:\s*{word}\s*(?:$|[.,;)])"
    )


def _new_name(text: str, path: FieldPath, sent: Mapping[str, Any]) -> str | None:
    """The new name that the server suggests for the field; ``None`` if it suggests no name for the same thing."""
    for match in _RENAMED.finditer(text):
        name = match["name"]
        kin = name in LIMIT_FIELDS if path[-1] in LIMIT_FIELDS else set(name.split("_")) & set(path[-1].split("_"))
        if kin and name not in sent and name not in PROTECTED_FIELDS and name != path[-1]:
            return name
    return None


class Dialect:
    """The fields that a server refuses for one model. Requests are sent without them, or with them renamed.

    Args:
        logged: names of the fields that were logged already. All dialects of a server share this set.
    """

    def __init__(self, logged: set[str]) -> None:
        self._logged = logged
        self._refused: dict[FieldPath, str | None] = {}
        self._folds_system = False

    def learn(self, refused: RefusedField) -> None:
        """Remember a refused field, and log it if it is new."""
        self._refused[refused.path] = refused.renamed
        self._log_once(refused.name, f"The model server refuses {refused.name}; left out from now on.")
        if refused.renamed is not None:
            _log.info("The model server takes %s instead.", refused.renamed)

    def learn_no_tools(self) -> None:
        """Remember that the server has no use for descriptions of tools, although it takes them."""
        self._refused[(TOOLS,)] = None

    def refuses(self, name: str) -> bool:
        """Whether the server refuses the field ``name`` of the request."""
        return (name,) in self._refused

    def learn_no_system_role(self) -> None:
        """Remember that the model refuses system messages. Their text is put into the user's first message instead."""
        self._folds_system = True
        self._log_once(
            "system", "The model server refuses the system role; its text opens the first message from now on."
        )

    def _log_once(self, name: str, sentence: str) -> None:
        if name not in self._logged:
            self._logged.add(name)
            _log.warning("%s", sentence)

    def applied(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Copy a request body, changed so that this server accepts it."""
        spoken = dict(body)
        for path, renamed in self._refused.items():
            spoken = _changed(spoken, path, renamed)
        if self._folds_system:
            spoken = _folded(spoken)
        return spoken


def without_field(body: Mapping[str, Any], refused: RefusedField) -> dict[str, Any]:
    """Copy a request body without the refused field, or with its new name."""
    return _changed(dict(body), refused.path, refused.renamed)


def with_system_folded(body: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a request body, with the system messages moved to the beginning of the user's first message."""
    return _folded(dict(body))


def _changed(fields: dict[str, Any], path: FieldPath, renamed: str | None) -> dict[str, Any]:
    name, *deeper = path
    if name not in fields:
        return fields
    rest = {key: value for key, value in fields.items() if key != name}
    if not deeper:
        return rest if renamed is None else {**rest, renamed: fields[name]}
    if not isinstance(fields[name], Mapping):
        return fields
    inner = _changed(dict(fields[name]), tuple(deeper), renamed)
    return {**rest, name: inner} if inner else rest


def _folded(body: dict[str, Any]) -> dict[str, Any]:
    messages = body.get("messages")
    if not isinstance(messages, list):
        return body
    system = [message["content"] for message in messages if message["role"] == "system"]
    rest = [message for message in messages if message["role"] != "system"]
    if not system:
        return body
    if rest and rest[0]["role"] == "user":
        first = {**rest[0], "content": "\n\n".join([*system, rest[0]["content"]])}
        return {**body, "messages": [first, *rest[1:]]}
    return {**body, "messages": [{"role": "user", "content": "\n\n".join(system)}, *rest]}
