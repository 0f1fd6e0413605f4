"""Values of fields: valid ones by their schema, and invalid ones of all kinds."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

TEXTS = (
    *(
        "",
        " ",
        "x",
        "Hello.",
        "Привет!",
        "𝄞",
        "\u0000",
        "\ud800",
        "\udfff\ud800",
        "../../etc/passwd",
        "<script>",
        "%s%n",
    ),
    *(
        "{}",
        "null",
        "true",
        "-1",
        "1e999",
        "NaN",
        300 * "x",
        5_000 * "y",
        "🙂" * 50,
        "a\r\nX: y",
        "robin",
        "tone",
        "sse",
    ),
    *(
        "A=1\nDISCORD_TOKEN=x",
        "$(id)",
        "`id`",
        "'; DROP TABLE turns; --",
        "a\u2028b",
        "\x1b[2J",
        "/etc/passwd",
        "file:///x",
    ),
    *("http://127.0.0.1:1/", "http://[::1", "ws://x:99999/", "en", "espeak:de", "alloy", 200 * "é", "\u202e", "ß" * 8),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 10**30, 0.5, -1e308, [], {}, [[]], {"a": {}}, ["x"], *TEXTS),
    *({"id": "x"}, [None] * 50, {"x": "y" * 100}, {"LLM_URL": "http://127.0.0.1:1/v1"}, {"id": {"id": []}}),
)
"""Values that a field may get, valid or not."""
BAD_JSON = (
    *(
        b"",
        b"[]",
        b"{",
        b"null",
        b"NaN",
        b'{"text": NaN}',
        b'{"text": Infinity}',
        b'{"text": 1e999}',
        b"\xff\xfe{\x00}",
    ),
    *(b'{"a":' * 20_000, b"[" * 60_000, b"9" * 4_000, b'{"input": ' + b"9" * 50_000 + b"}", b"\xef\xbb\xbf{}", b"{}{}"),
    *(b'{"text": "\\ud800"}', b'{"text": "\xff"}', b'{"text": "a", "text": ["b"]}', b'{"text": "a",}', b"/**/{}"),
    b'{"message": "' + b"x" * 70_000 + b'"}',
)
"""Bodies that are no JSON objects, or hard to read."""
_GOOD = 0.55
"""How often a field has a value that its schema allows."""


def value_of(schema: Mapping[str, Any], rng: random.Random) -> Any:
    """A value for a schema; often a valid one."""
    if rng.random() > _GOOD:
        return deepcopy(rng.choice(VALUES))
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    for options in (schema.get("anyOf"), schema.get("oneOf")):
        if options:
            return value_of(rng.choice(options), rng)
    kind = schema.get("type", "string")
    return _of_kind(rng.choice(kind) if isinstance(kind, list) else kind, schema, rng)


def object_of(schema: Mapping[str, Any], rng: random.Random) -> dict[str, Any]:
    """An object whose fields the schema describes; some are left out, and some are unknown."""
    properties = schema.get("properties", {})
    needed = schema.get("required", ())
    fields = {
        name: value_of(each, rng)
        for name, each in properties.items()
        if rng.random() < (0.95 if name in needed else 0.4)
    }
    if rng.random() < 0.1:
        fields[rng.choice(TEXTS)] = deepcopy(rng.choice(VALUES))
    return fields


def json_of(schema: Mapping[str, Any], rng: random.Random) -> bytes:
    """A body of JSON, or one that only looks like JSON."""
    if rng.random() < 0.1:
        return rng.choice(BAD_JSON)
    return json.dumps(object_of(schema, rng), ensure_ascii=rng.random() < 0.9).encode("utf-8", "surrogatepass")


def _of_kind(kind: str, schema: Mapping[str, Any], rng: random.Random) -> Any:
    low, high = schema.get("minimum", 0), schema.get("maximum", 5)
    match kind:
        case "integer":
            return rng.choice((low, high, low - 1, high + 1, rng.randint(int(low), int(max(low, high)))))
        case "number":
            return rng.choice((low, high, rng.uniform(low, high)))
        case "boolean":
            return rng.random() < 0.5
        case "null":
            return None
        case "array":
            return [value_of(schema.get("items", {}), rng) for _ in range(rng.randrange(4))]
        case "object" if "additionalProperties" in schema:
            # The settings of the guided setup are the only such objects.
            names = ("LLM_URL", "LLM_MODEL", "TTS_ENGINE", "PROMPT_CHANNEL", "LLM_API_KEY", "PATH", "x")
            return {rng.choice(names): value_of({"type": ["string", "null"]}, rng) for _ in range(rng.randrange(3))}
        case "object":
            return object_of(schema, rng)
    return rng.choice(("Hello.", "How are you?", "x", "en", "browser"))
