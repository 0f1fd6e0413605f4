"""Compressed bodies, whole or broken, are refused with an explanation, and never reach the log."""

from __future__ import annotations

from itertools import product

import pytest

from tests.bot.http.web_stage import SECRET, WebStage, bearer
from tests.raw_http import COMPRESSED_BODIES, post_raw

LONGEST_EXPLANATION = 200
"""Characters: one or two sentences, without a copy of the body."""


@pytest.mark.parametrize(("compression", "body"), COMPRESSED_BODIES)
async def test_a_compressed_body_is_refused_with_an_explanation(
    local: WebStage, compression: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for path, late in product(("/thing", "/login", "/nothing", "/health"), (False, True)):
        answer = await post_raw(local.port, path, body, f"Content-Encoding: {compression}", late=late)
        assert (answer.status, answer.json["error"]["code"]) == (415, "unsupported_media_type"), (path, late)
        assert "without Content-Encoding" in answer.json["error"]["message"]
        assert len(answer.json["error"]["message"]) < LONGEST_EXPLANATION
        assert answer.headers["accept-encoding"] == "identity"
        assert (await local.ask("/thing", "POST", json={})).status == 200
    assert caplog.messages == [], "strangers can't fill the log"


async def test_a_compression_in_the_second_of_two_headers_is_refused_too(local: WebStage) -> None:
    answer = await post_raw(local.port, "/thing", b"hello", "Content-Encoding: identity", "Content-Encoding: gzip")
    assert answer.status == 415


@pytest.mark.parametrize("compression", ["identity", "Identity", ""])
async def test_a_header_that_names_no_compression_is_accepted(local: WebStage, compression: str) -> None:
    answer = await post_raw(local.port, "/thing", b'{"a": 1}', f"Content-Encoding: {compression}")
    assert (answer.status, answer.json) == (200, {"fields": ["a"]})


async def test_without_the_token_nothing_is_reported_about_bodies(locked: WebStage) -> None:
    refused = await post_raw(locked.port, "/thing", b"hello", "Content-Encoding: gzip")
    assert (refused.status, refused.json["error"]["code"]) == (401, "bad_token")
    (authorization,) = (f"{name}: {value}" for name, value in bearer(SECRET).items())
    refused = await post_raw(locked.port, "/thing", b"hello", "Content-Encoding: gzip", authorization)
    assert refused.status == 415
