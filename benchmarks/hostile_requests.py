"""Hostile requests to the page: foreign hosts and origins, wrong tokens and cookies, bad bodies and sizes, garbage."""

from __future__ import annotations

from collections.abc import Iterator

HOSTS = (
    "evil.example@127.0.0.1",
    "127.0.0.1/x",
    "[::1",
    "a b",
    "",
    "x" * 300,
    "a。b".encode().decode("latin-1"),
    "[evil]",
)
ORIGINS = (
    "https://evil.example",
    "null",
    "file://",
    "http://127.0.0.1.evil.example",
    "http://localhost:3000",
    "app://127.0.0.1",
    "http://[",
    "*",
    "x" * 2000,
)
TOKENS = ("", "wrong", "Bearer", "Bearer wrong", "Basic {secret}", "bearer {secret}x", "Bearer " + "y" * 4000)
COOKIES = ("seiyuu=", "seiyuu={secret}", "seiyuu=9999999999." + 64 * "a", "seiyuu=" + 2000 * "1", ";;=;seiyuu")
BODIES = (
    b"",
    b"[]",
    b"{",
    b'{"token": NaN}',
    b'{"token": 1e999}',
    b'{"token": null}',
    b"\xff\xfe",
    b'{"a":' * 600,
    b"9" * 4000,
)
GARBAGE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + 200 * b"\x00" + b"\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"BREW /pot HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /" + 20_000 * b"x" + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + 20_000 * b"x" + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + 1_000 * b"X: y\r\n" + b"\r\n",
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
)


def written(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request with these headers, whose names have ``_`` for ``-``."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def upgrade(**headers: str) -> bytes:
    """A request for a WebSocket of the page."""
    key = {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec_WebSocket_Version": "13"}
    return written("GET", "/ws/chat", b"", Connection="Upgrade", Upgrade="websocket", **key, **headers)


def hostile_requests(secret: str) -> Iterator[bytes]:
    """Two hundred requests and more to a bot whose token is ``secret``. Each of them has to be refused."""
    for host in HOSTS:
        for path in ("/", "/ws/chat", "/login", "/health"):
            yield written("GET", path, Host=host)
            yield written("POST", path, Host=host, Content_Length="0")
        yield upgrade(Host=host)
    for origin in ORIGINS:
        for method in ("GET", "POST", "DELETE", "PATCH", "OPTIONS"):
            yield written(method, "/ws/chat", Host="127.0.0.1", Origin=origin, Content_Length="0")
        yield upgrade(Host="127.0.0.1", Origin=origin, Authorization=f"Bearer {secret}")
    for token in (each.format(secret=secret) for each in TOKENS):
        yield written("GET", "/ws/chat", Host="127.0.0.1", Authorization=token)
        yield written("GET", f"/ws/chat?token={secret.replace(' ', '%20')}", Host="127.0.0.1", Authorization=token)
        yield upgrade(Host="127.0.0.1", Authorization=token)
    for cookie in (each.format(secret=secret) for each in COOKIES):
        yield written("POST", "/ws/chat", Host="127.0.0.1", Cookie=cookie, Content_Length="0")
        yield upgrade(Host="127.0.0.1", Cookie=cookie)
    for body in BODIES:
        for kind in ("application/json", "text/plain", "multipart/form-data"):
            size = str(len(body))
            yield written("POST", "/login", body, Host="127.0.0.1", Content_Type=kind, Content_Length=size)
    for size in ("999999999999", "5000", "-1", "1e9", "99999999999999999999999999"):
        kind = "application/json"
        yield written("POST", "/login", b"{", Host="127.0.0.1", Content_Type=kind, Content_Length=size)
    for path in (
        "/../.env",
        "/%2e%2e/.env",
        "//etc/passwd",
        "/%00",
        "/.git/config",
        "/app.js/../../server.py",
        "/" + 4000 * "a",
    ):
        yield written("GET", path, Host="127.0.0.1")
    yield f"GET /ws/chat?token={secret} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    yield from GARBAGE
