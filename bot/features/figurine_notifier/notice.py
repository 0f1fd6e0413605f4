"""The message to subscribers. Titles come from strangers, so markdown and mentions in them are escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.features.figurine_notifier.fetching import Item
from bot.text import MESSAGE_LIMIT, shorten

MAX_LINES = 10
"""Maximum number of items in one message."""
_MARKUP = re.compile(r"([\\*_~`|<>\[\]()#@:\-])")
_ROOM_FOR_MORE = 30
"""Characters reserved for the line that counts the items that are left out."""
LOST = "⚠️ Discord did not take {count} earlier ones, however often I tried."
"""The last line if items were given up."""


def news_message(items: Sequence[Item], readers: Sequence[int], lost: int = 0, *, reserved: int = 0) -> str:
    """A message about ``items`` (one or more) that mentions the users with the ids in ``readers``.

    Args:
        lost: the number of earlier items that could not be sent.
        reserved: number of characters that stand before this message.
    """
    told = [LOST.format(count=lost)] if lost else []
    begin = " ".join(f"<@{reader}>" for reader in readers)
    lines = [f"{begin} 🎎 New:".lstrip()]
    room = MESSAGE_LIMIT - len(lines[0]) - _ROOM_FOR_MORE - reserved - sum(len(line) + 1 for line in told)
    for item in items[:MAX_LINES]:
        line = f"• **{escaped(item.title)}**{f' <{item.link}>' if item.link else ''}"
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    left_out = len(items) - len(lines) + 1
    return "\n".join([*lines, *([f"… and {left_out} more"] if left_out else []), *told])


def escaped(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """Escape text so that Discord shows it literally: no markdown, mentions, links, emoji or times."""
    return _MARKUP.sub(r"\\\1", shorten(text, limit)).replace("\\@", "@\u200b")
