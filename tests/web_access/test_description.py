"""The OpenAPI document of a server is read when a client first asks for it."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from web_access.description import Description


async def test_the_document_is_read_once_and_only_if_a_client_asks() -> None:
    reads = 0

    def read() -> dict[str, Any]:
        nonlocal reads
        reads += 1
        return {"openapi": "3.1.0"}

    description = Description(read)
    assert reads == 0
    for _ in range(2):
        answer = await description.show(make_mocked_request("GET", "/openapi.json"))
        assert isinstance(answer, web.Response)
        assert isinstance(answer.body, bytes)
        assert json.loads(answer.body) == {"openapi": "3.1.0"}
    assert reads == 1
