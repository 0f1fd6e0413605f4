"""Downloads from the hub: complete over bad connections, and refused if the contents are wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from huggingface_hub import constants

from bot.models.catalogue import Catalogue
from bot.models.hub import MAX_PAUSE, PAUSES, Hub, HubError
from bot.models.model_store import partial_path
from tests.bot.models.local_hub import FILES, LocalHub, catalogue_fields, serving

MODEL = Catalogue.model_validate(catalogue_fields()).models["tiny"]
FILE = MODEL.files[1]
CONTENT = FILES[FILE.path]


class Fetching:
    """A hub and its client, with the pauses that the client would have made and the progress that it reported."""

    def __init__(self, server: LocalHub, http: aiohttp.ClientSession, folder: Path) -> None:
        self.server = server
        self.target = folder / "model.bin"
        self.pauses: list[float] = []
        self.told = 0
        self._hub = Hub(http, "hf_secret", self._pause)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def _advance(self, step: int) -> None:
        self.told += step

    async def fetch(self) -> None:
        await self._hub.fetch(MODEL, FILE, self.target, self._advance)


@pytest.fixture
async def fetching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fetching]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(LocalHub()))
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Fetching(server, http, tmp_path)


async def test_after_every_break_only_the_rest_is_downloaded(fetching: Fetching) -> None:
    fetching.server.breaks_after = [700_000, 1_000_000, 100_000]
    await fetching.fetch()
    assert fetching.target.read_bytes() == CONTENT
    first, *later = (asked for _, asked, _ in fetching.server.requests)
    assert first is None
    # Bytes that were on their way are lost when the connection is cut, so each place is known only afterwards.
    goes_on_at = [int((asked or "").removeprefix("bytes=").removesuffix("-")) for asked in later]
    assert len(goes_on_at) == 3
    assert 0 < goes_on_at[0] <= goes_on_at[1] <= goes_on_at[2]
    assert fetching.told == len(CONTENT)
    assert fetching.pauses == []


async def test_a_hub_without_ranges_sends_the_whole_file_again(fetching: Fetching) -> None:
    fetching.server.knows_ranges = False
    fetching.server.breaks_after = [2_000_000]
    await fetching.fetch()
    assert fetching.target.read_bytes() == CONTENT
    assert fetching.told == len(CONTENT)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_hub_is_asked_again_after_pauses(fetching: Fetching, status: int) -> None:
    fetching.server.statuses = [(status, {}), (status, {})]
    await fetching.fetch()
    assert fetching.target.read_bytes() == CONTENT
    assert fetching.pauses == list(PAUSES[:2])


async def test_the_hub_decides_how_long_to_wait_up_to_a_limit(fetching: Fetching) -> None:
    fetching.server.statuses = [(429, {"Retry-After": "7"}), (429, {"Retry-After": "86400"})]
    await fetching.fetch()
    assert fetching.pauses == [7.0, MAX_PAUSE]


async def test_a_hub_that_stays_busy_is_given_up_and_the_partial_file_is_kept(fetching: Fetching) -> None:
    fetching.server.breaks_after = [1_000_000]
    fetching.server.statuses = []
    began = asyncio.create_task(fetching.fetch())
    while not partial_path(fetching.target).exists():
        await asyncio.sleep(0.001)
    fetching.server.statuses = [(503, {})] * 20
    with pytest.raises(HubError, match="the same command downloads the rest"):
        await began
    assert fetching.pauses == list(PAUSES)
    kept = partial_path(fetching.target).read_bytes()
    assert 0 < len(kept) < len(CONTENT)
    assert CONTENT.startswith(kept)


@pytest.mark.parametrize(("status", "words"), [(401, "HF_TOKEN"), (403, "HF_TOKEN"), (404, "too old"), (418, "418")])
async def test_a_refusal_is_final_and_says_what_to_do(fetching: Fetching, status: int, words: str) -> None:
    fetching.server.statuses = [(status, {})]
    with pytest.raises(HubError, match=words):
        await fetching.fetch()
    assert fetching.pauses == []


async def test_a_file_longer_than_expected_is_refused_without_filling_the_disk(fetching: Fetching) -> None:
    fetching.server.files[FILE.path] = CONTENT + bytes(5_000_000)
    with pytest.raises(HubError, match="has more at Hugging Face"):
        await fetching.fetch()
    assert not fetching.target.exists()
    assert partial_path(fetching.target).stat().st_size <= FILE.size


async def test_a_partial_file_with_other_contents_is_deleted_or_replaced_by_the_right_file(fetching: Fetching) -> None:
    partial_path(fetching.target).write_bytes(b"?" * 1000)
    with pytest.raises(HubError, match="wrong contents"):
        await fetching.fetch()
    assert not partial_path(fetching.target).exists()
    partial_path(fetching.target).write_bytes(bytes(len(CONTENT) + 1))
    await fetching.fetch()
    assert fetching.target.read_bytes() == CONTENT


async def test_the_token_is_sent_to_the_hub_but_not_to_a_redirection(fetching: Fetching) -> None:
    async with serving(LocalHub()) as elsewhere:
        fetching.server.redirects_to = elsewhere.url
        await fetching.fetch()
    assert fetching.server.requests[0][2] == "Bearer hf_secret"
    assert elsewhere.requests == [(FILE.path, None, None)]
