"""Random requests to every endpoint of the OpenAPI document: none fails the server, or tells of its inside."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import aiohttp
import psutil
import pytest

from bot.http.api.description import document
from tests.bot.http.api.api_stage import ApiStage
from tests.features.recordings import recording

METHODS = ("get", "post", "put", "patch", "delete")
SHORT, LONG = 400, 10_000
GROWTH = 30 * 1024**2
"""Largest growth of the memory in the second half of the long run, in bytes. Both servers are in this process."""
SECRETS = ("/home", "/work", "/tmp", "Traceback", ".py", "site-packages", "127.0.0.1:")
ALLOWED = {200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 429, 503}
STRINGS = (
    *("", " ", "x", "Hello.", "Привет!", "𝄞", "\u0000", "\ud800", "../../etc/passwd", "<script>", "%s%n", "{}", "null"),
    *("true", "-1", "1e999", "NaN", 300 * "x", 5_000 * "y", "🙂" * 50, "a\r\nX: y", "robin", "tone", "srt", "sse"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 10**30, 0.5, -1e308, [], {}, [[]], {"a": {}}, ["x"], *STRINGS),
    *({"id": "x"}, [None] * 50, {"x": "y" * 100}),
)
"""Kinds of values that a field may have: right ones and wrong ones."""
QUERIES = ("?stream=true", "?limit=-1", "?before=x", "?q=%00[*", "?token=x", "?a[]=%ff", "?" + 500 * "z")
FORM = "multipart/form-data"
KINDS = ("application/json", "text/plain", FORM, f"{FORM}; boundary=b", "", "a/b; c=d")


def endpoints() -> list[tuple[str, str, dict[str, Any]]]:
    """The method, path and body schemas of each operation that is no WebSocket."""
    return [
        (method, path, operation.get("requestBody", {}).get("content", {}))
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
        if method in METHODS and "101" not in operation["responses"]
    ]


def requests(seed: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Random requests without an end: the method, the path, and what aiohttp is given."""
    rng = random.Random(seed)
    files = [recording(0.2), recording(0.1, container="wav", codec="pcm_s16le"), b"", b"nonsense", bytes(5_000)]
    for method, path, content in itertools.cycle(endpoints()):
        address = path.replace("{id}", rng.choice(("x", "1", "tone", "browser", "%00", "..%2F..", "%F0%9F%99%82")))
        address = address.replace("{n}", rng.choice(("0", "1", "x", "%00")))
        if rng.random() < 0.05:
            method = rng.choice(METHODS)
        if rng.random() < 0.1:
            address += rng.choice(
                ("?stream=true", "?limit=-1", "?before=x", "?q=%00[*", "?token=x", "?a[]=%ff", "?" + 500 * "z")
            )
        yield method, address, body(rng, content, files)


def body(rng: random.Random, content: dict[str, Any], files: list[bytes]) -> dict[str, Any]:
    """A body by the schema, with random values; or now and then just anything."""
    if rng.random() < 0.1:
        raw = bytes(rng.randrange(256) for _ in range(rng.randrange(200)))
        return {"data": raw, "headers": {"Content-Type": rng.choice(KINDS)}}
    if "application/json" in content:
        names = [*content["application/json"]["schema"].get("properties", {}), "nonsense"]
        fields = {name: rng.choice(VALUES) for name in names if rng.random() < 0.7}
        return {"json": fields}
    if FORM in content:
        form = aiohttp.FormData()
        for name in rng.sample(("audio", "file", "recording", "x"), rng.choice((1, 1, 1, 0, 2))):
            form.add_field(name, rng.choice(files), filename="a.ogg")
        for name in content[FORM]["schema"].get("properties", {}):
            if rng.random() < 0.4 and name not in ("audio", "file"):
                form.add_field(name, rng.choice(STRINGS).encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
        return {"data": form}
    return {}


async def fuzz(stage: ApiStage, count: int, seed: int) -> set[int]:
    """Send so many requests. Returns the statuses."""
    statuses = set()
    for method, path, options in itertools.islice(requests(seed), count):
        answer = await stage.web.ask(path, method.upper(), **options)
        shown = (method, path, str(options)[:300], answer.status, answer.text[:300])
        assert answer.status in ALLOWED, shown
        if answer.status >= 400:
            assert set(answer.json["error"]) == {"code", "message"}, shown
            assert not any(secret in answer.json["error"]["message"] for secret in SECRETS), shown
        statuses.add(answer.status)
    return statuses


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
async def test_random_requests_are_answered_or_refused_in_words(stage: ApiStage) -> None:
    statuses = await fuzz(stage, SHORT, seed=16)
    assert {200, 400, 415} <= statuses
    assert (stage.gate.held, stage.mind.streams) == (False, 0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
async def test_ten_thousand_random_requests_are_answered_or_refused_in_words(stage: ApiStage) -> None:
    await fuzz(stage, LONG // 2, seed=17)
    memory = psutil.Process().memory_info().rss
    await fuzz(stage, LONG // 2, seed=18)
    assert stage.mind.streams == 0
    assert psutil.Process().memory_info().rss - memory < GROWTH
