"""Unusual feeds are read, malicious and invalid ones do no harm, and no message about their items gets too long."""

from __future__ import annotations

import asyncio

import pytest

from bot.features.figurine_notifier import fetching
from bot.features.figurine_notifier.fetching import FeedError, Item, read_items
from bot.features.figurine_notifier.notice import news_message
from bot.features.figurine_notifier.parser import read_feed


def test_a_message_never_gets_too_long() -> None:
    items = [Item(str(number), "*" * 150, "https://a.example/" + "x" * 380) for number in range(50)]
    text = news_message(items, [10**18] * 40)
    assert len(text) <= 2000
    assert text.endswith("… and 49 more")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b'{"version": "https://jsonfeed.org/version/1", "items": [{"id": 7, "content_text": "Text"}]}', ["Text"]),
        (b'{"version": "https://jsonfeed.org/version/1", "items": [1, {"title": {}}]}', ["(untitled)"]),
        (b"<rss version='2.0'><channel><item><title>a &amp;lt;b> \n c</title></item>", ["a <b> c"]),
        (b"<rss version='2.0'><channel><item><link>https://a.example</link></item></channel></rss>", ["(untitled)"]),
        (b"<rss version='2.0'><channel></channel></rss>", []),
    ],
)
def test_odd_feeds_are_read(data: bytes, found: list[str]) -> None:
    assert [title for _, title, _ in read_feed(data)] == found


BOMB = (
    b"<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY a0 'lolololol'>"
    + b"".join(b"<!ENTITY a%d '%s'>" % (level, b"&a%d;" % (level - 1) * 10) for level in range(1, 12))
    + b"]><rss version='2.0'><channel><item><title>&a11;</title></item></channel></rss>"
)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"{" * 1_000_000,
        b'{"version": "https://jsonfeed.org/version/1", "items": ' + b"[" * 1_000_000,
        b'{"a": 1' + b"0" * 1_000_000 + b"}",
        b"<html><body>404</body></html>",
        b"\x00" * 100_000,
    ],
)
async def test_a_file_that_is_not_a_feed_is_refused(data: bytes) -> None:
    with pytest.raises(FeedError):
        await read_items(data)


async def test_an_entity_bomb_goes_off_without_harm() -> None:
    items = await read_items(BOMB)
    assert all(len(item.title) <= 150 for item in items)


async def test_reading_a_feed_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "READ_LIMIT", 0.5)
    async with asyncio.timeout(60):
        with pytest.raises(FeedError, match="could not be read"):
            await read_items(b"<rss>" + b"<a>" * 1_500_000)
