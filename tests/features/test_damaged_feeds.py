"""Tests of feeds whose XML is damaged so that feedparser itself fails."""

from __future__ import annotations

import pytest

from bot.features.figurine_notifier.parser import NotAFeedError, read_feed


def test_an_error_of_the_library_is_a_feed_that_can_not_be_read() -> None:
    tail = b"link>https\n\n://p; two</title><link>https\n\n://a/</lmnk></item><///a/</link><+item></channel></rss>"
    item = b"<item><guid>a</guid><title>One &amp; two</title><link>https\n\n://a/</lmnk></item><///a/</link></item>"
    with pytest.raises(NotAFeedError) as refused:
        read_feed(b'<?xml version="1.0"?><rss version="2.0"><channel>' + item + b"</channel></rss>" + tail)
    assert isinstance(refused.value.__cause__, KeyError)
