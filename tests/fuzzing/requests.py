"""Hostile HTTP requests to the operations of an OpenAPI document, as the bytes that go over the connection."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.fuzzing.documents import METHODS, Operation
from tests.fuzzing.files import damaged, hostile_files
from tests.fuzzing.values import TEXTS, json_of, value_of

JSON, FORM = "application/json", "multipart/form-data"
BOUNDARY = "xX0boundary0Xx"
KINDS = (
    JSON,
    "text/plain",
    FORM,
    f"{FORM}; boundary=b",
    f'{FORM}; boundary="a b"',
    "",
    "a/b; c=d",
    "application/x-www-form-urlencoded",
)
IDS = (
    "1",
    "2",
    "3",
    "x",
    "0",
    "-1",
    "٣",
    "1_0",
    "9" * 400,
    "%00",
    "..%2F..%2F.env",
    "%2e%2e",
    "%F0%9F%99%82",
    "%ff",
    "browser",
)
NAMES = ("en", "tone", "piper:x", "..%2f..%2f..%2fetc%2fpasswd", "a%5c..%5cb", "%0d%0aX:%20y", "robin", 3_000 * "a")
QUERIES = (
    "limit=-1",
    "before=x",
    "q=%00[*",
    "token=x",
    "a[]=%ff",
    500 * "z",
    "q=" + 300 * "%F0%9F%99%82",
    "format=markdown",
    "after=1",
)
EXTRA_HEADERS: Sequence[tuple[str, str]] = (
    ("Origin", "https://evil.example"),
    ("Origin", "null"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Host", "evil.example"),
    ("Range", "bytes=0-99999999999999999999"),
    ("Range", "bytes=-1"),
    ("Range", "bytes=" + ",".join("0-1" for _ in range(200))),
    ("Accept", "text/markdown"),
    ("Accept", "multipart/mixed"),
    ("Accept", "x" * 4_000),
    ("Content-Encoding", "gzip"),
    ("X-Forwarded-For", "::1, 10.0.0.1"),
    ("X-Forwarded-Proto", "https"),
    ("Cookie", "seiyuu=" + "1" * 400),
    ("Authorization", "Basic eDp4"),
    ("If-None-Match", "*"),
    ("Expect", "100-continue"),
    ("Expect", "x"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("X-Long", "y" * 7_000),
)
BAD_CHUNKS = (b"zz\r\nhello\r\n", b"-1\r\n\r\n", b"5\r\nhello0\r\n\r\n", b"1" * 5_000 + b"\r\n\r\n")
UNFINISHED = (b"5\r\nhel", b"ffffffffffffffff\r\nx\r\n0\r\n\r\n", b"0\r\n")
"""Chunks that do not end. The server waits for the rest; a client that stays gets 408 in the end."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        path: the template of its address in the document.
        data: what is sent.
        patient: whether the client waits for the answer.
    """

    method: str
    path: str
    data: bytes
    patient: bool = True

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.data[:400]!r}"


def hostile_requests(found: Sequence[Operation], seed: int, headers: Mapping[str, str]) -> Iterator[Request]:
    """Requests without an end, to one operation after the other.

    Args:
        headers: what every client sends, such as its token.
    """
    maker = _Maker(random.Random(seed), hostile_files(), dict(headers))
    while True:
        for operation in found:
            yield maker.request(operation)


class _Maker:
    def __init__(self, rng: random.Random, files: Sequence[bytes], headers: dict[str, str]) -> None:
        self._rng = rng
        self._files = files
        self._headers = headers

    def request(self, operation: Operation) -> Request:
        rng = self._rng
        method = rng.choice(METHODS).upper() if rng.random() < 0.04 else operation.method
        headers = [(name, value) for name, value in {"Host": "127.0.0.1", **self._headers}.items()]
        if rng.random() < 0.04:
            headers = headers[:1]
        kind, body = self._body(operation)
        if kind:
            headers.append(("Content-Type", kind))
        headers += [rng.choice(EXTRA_HEADERS) for _ in range(2) if rng.random() < 0.06]
        patient = rng.random() > 0.02
        if rng.random() < 0.02:
            headers.append(("Transfer-Encoding", "chunked"))
            unfinished = rng.random() < 0.3
            patient = not unfinished
            body = rng.choice(UNFINISHED if unfinished else BAD_CHUNKS)
        elif rng.random() < 0.05:
            headers.append(("Transfer-Encoding", "chunked"))
            body = b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n" if body else b"0\r\n\r\n"
        elif body or operation.bodies:
            headers.append(("Content-Length", str(len(body))))
        headers.append(("Connection", "close"))
        lines = [f"{method} {self._target(operation)} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        data = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body
        if rng.random() < 0.01:
            return Request(method, operation.path, data[: rng.randrange(len(data))], patient=False)
        return Request(method, operation.path, data, patient)

    def _target(self, operation: Operation) -> str:
        rng = self._rng
        target = operation.path
        for name, schema in operation.path_schemas.items():
            numbers = schema.get("type") == "integer"
            target = target.replace(f"{{{name}}}", rng.choice(IDS if numbers else (*IDS, *NAMES)))
        asked = [
            f"{name}={quote(str(value_of(schema, rng)).encode('utf-8', 'surrogatepass'))}"
            for name, schema in operation.query_schemas.items()
            if rng.random() < 0.4
        ]
        if rng.random() < 0.08:
            asked.append(rng.choice(QUERIES))
        return f"{target}?{'&'.join(asked)}" if asked else target

    def _body(self, operation: Operation) -> tuple[str, bytes]:
        rng = self._rng
        if rng.random() < 0.05:
            return rng.choice(KINDS), rng.randbytes(rng.randrange(200))
        if JSON in operation.bodies:
            kind = JSON if rng.random() < 0.97 else rng.choice(KINDS)
            return kind, json_of(operation.bodies[JSON], rng)
        if FORM in operation.bodies:
            files = sorted(operation.bodies.keys() - {FORM})
            if files and rng.random() < 0.2:
                kind = rng.choice(files) + rng.choice(
                    ("", ";rate=8000", ";rate=16000", "; rate", ";;", ";rate=8000;rate=1")
                )
                return kind, rng.choice(self._files)
            return f"{FORM}; boundary={BOUNDARY}", self._form(operation.bodies[FORM])
        return "", b""

    def _form(self, schema: Mapping[str, Any]) -> bytes:
        rng = self._rng
        parts = []
        for name in rng.sample(("audio", "file", "recording", "x"), rng.choice((1, 1, 1, 0, 2))):
            file = rng.choice(self._files)
            parts.append((name, damaged(file, rng) if rng.random() < 0.2 else file, '; filename="../a.ogg"'))
        for name, each in schema.get("properties", {}).items():
            if name not in ("audio", "file", "recording") and rng.random() < (0.9 if name == "name" else 0.4):
                text = str(value_of(each, rng))
                parts.append((name, text.encode("utf-8", "surrogatepass"), ""))
        if rng.random() < 0.03:
            parts += [("x", b"y", "")] * 100
        if rng.random() < 0.03:
            parts.append((rng.choice(TEXTS)[:100], b"y", ""))
        rng.shuffle(parts)
        body = bytearray()
        for name, data, more in parts:
            head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
            body += head.encode("utf-8", "surrogatepass") + data + b"\r\n"
        body += f"--{BOUNDARY}--\r\n".encode()
        return bytes(body if rng.random() > 0.04 else body[: rng.randrange(len(body))])
