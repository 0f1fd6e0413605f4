"""A feed is refused if its XML is so damaged that feedparser itself fails."""

from __future__ import annotations

import pytest

from bot.features.figurine_notifier.parser import NotAFeedError, read_feed


def test_a_feed_on_which_feedparser_fails_is_refused() -> None:
    tail = b"link>https\n\n://p; two</title><link>https\n\n://a/</lmnk></item><///a/</link><+item></channel></rss>"
    item = b"<item><guid>a</guid><title>One &amp; two</title><link>https\n\n://a/</lmnk></item><///a/</link></item>"
    with pytest.raises(NotAFeedError) as refused:
        read_feed(b'<?xml version="1.0"?><rss version="2.0"><channel>' + item + b"</channel></rss>" + tail)
    assert isinstance(refused.value.__cause__, KeyError)
