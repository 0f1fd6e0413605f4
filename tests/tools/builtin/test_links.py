"""Which addresses may be read in a conversation: only those that came up in it lately."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.tools.builtin.links import KEPT_SECONDS, MAX_LINKS, Links, addresses_in
from tests.tools.builtin.asking import ADA


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Look at https://example.org/a?b=c#d, please.", "https://example.org/a?b=c#d"),
        ("(see http://example.org)", "http://example.org"),
        ("<https://example.org/x>", "https://example.org/x"),
        ("[this](https://example.org/x)", "https://example.org/x"),
        ("https://en.wikipedia.org/wiki/Go_(game).", "https://en.wikipedia.org/wiki/Go_(game)"),
        ("What is on example.org today?", "example.org"),
        ("read www.example.co.uk/news.", "www.example.co.uk/news"),
    ],
)
def test_addresses_are_found_in_what_people_say(text: str, found: str) -> None:
    assert found in addresses_in(text)


def test_addresses_that_were_named_may_be_read_and_no_others() -> None:
    links = Links()
    links.heard(replace(ADA, words="Read example.org/news and https://www.other.org/?q=1 to me"))
    for named in ("example.org/news", "https://EXAMPLE.org/news/", "http://www.example.org/news#top", "other.org/?q=1"):
        assert links.include(ADA, named), named
    for other in (
        *("example.org", "example.org/news/2", "https://example.org/news?what=they+said", "https://other.org/?q=2"),
        *("https://example.org.evil.test/news", "https://example.org@evil.test/news", "file:///news", "", "http://["),
        *("https://example.org:8080/news", "ftp://example.org/news", "x" * 9_000),
    ):
        assert not links.include(ADA, other), other


def test_an_address_that_was_named_in_another_conversation_may_not_be_read() -> None:
    links = Links()
    links.heard(replace(ADA, words="example.org"))
    assert links.include(replace(ADA, person=8), "example.org")
    assert not links.include(replace(ADA, channel=12), "example.org")
    assert not links.include(replace(ADA, server=2), "example.org")


def test_old_addresses_and_the_first_of_too_many_are_forgotten() -> None:
    now = 0.0
    links = Links(lambda: now)
    links.note(ADA, "https://example.org/old")
    now = KEPT_SECONDS
    assert not links.include(ADA, "https://example.org/old")
    for number in range(MAX_LINKS + 1):
        links.note(ADA, f"https://example.org/{number}")
    assert [links.include(ADA, f"example.org/{number}") for number in (0, 1, MAX_LINKS)] == [False, True, True]


@pytest.mark.parametrize("text", ["a." * 50_000, "https://" * 50_000, "http://[" * 9_000, "a" * 100_000, "a/" * 50_000])
def test_hostile_texts_are_harmless(text: str) -> None:
    Links().heard(replace(ADA, words=text))
