"""A long answer as several messages, cut where a reader would pause; a code block goes on in the next message."""

from __future__ import annotations

import re

from bot.text import MESSAGE_LIMIT

_FENCE = "```"
_OPENING = re.compile(r"```(?:[\w+#.-]{0,30}\n)?")
_CLOSING = "\n" + _FENCE
_SEPARATORS = ("\n\n", "\n", ". ", "! ", "? ", "。", "！", "？", " ")


def split_answer(text: str, limit: int = MESSAGE_LIMIT) -> list[str]:
    """``text`` as messages of at most ``limit`` characters, which must be two hundred or more; none for no text.

    Each is whole for itself: a code block that does not end in it is closed, and opened again in the next one with the
    same language. While a text grows, its first messages stay what they are.
    """
    room = limit - len(_CLOSING)
    messages = []
    rest = text.strip()
    while len(rest) > room:
        cut = _best_cut(rest, room)
        opening = _open_fence(rest[:cut])
        messages.append(_closed(rest[:cut]))
        rest = opening + rest[cut:].removeprefix("\n") if opening else rest[cut:].lstrip()
    return [*messages, _closed(rest)] if rest else messages


def _best_cut(text: str, room: int) -> int:
    """The best place in the second half: outside of code at a pause, else in the code between two of its lines."""
    for separator in _SEPARATORS:
        at = text.rfind(separator, room // 2, room)
        while at >= 0:
            cut = at + len(separator)
            if not _open_fence(text[:cut]):
                return cut
            at = text.rfind(separator, room // 2, at)
    line_end = text.rfind("\n", room // 2, room)
    return _beside_fence(text, line_end if line_end >= 0 else room)


def _beside_fence(text: str, cut: int) -> int:
    """Not in the middle of a fence, and not right behind one that opens: there would be nothing in the block."""
    inside = False
    for fence in _OPENING.finditer(text):
        end = fence.start() + len(_FENCE) if inside else fence.end()
        if 0 < fence.start() < cut < end or (not inside and 0 < fence.start() < cut == end):
            return fence.start()
        inside = not inside
    return cut


def _open_fence(text: str) -> str:
    """The opening line of the code block that does not end in ``text``, or "" where every one does."""
    fences = list(_OPENING.finditer(text))
    if len(fences) % 2 == 0:
        return ""
    return fences[-1].group().rstrip("\n") + "\n"


def _closed(text: str) -> str:
    return text.rstrip() + (_CLOSING if _open_fence(text) else "")
