"""Splits a long answer into several messages at natural pauses. A code block continues in the next message."""

from __future__ import annotations

import re

from bot.text import MESSAGE_LIMIT

_FENCE = "```"
_OPENING = re.compile(r"```(?:[\w+#.-]{0,30}\n)?")
_CLOSING = "\n" + _FENCE
_SEPARATORS = ("\n\n", "\n", ". ", "! ", "? ", "。", "！", "？", " ")


def split_answer(text: str, limit: int = MESSAGE_LIMIT) -> list[str]:
    """Split ``text`` into messages of at most ``limit`` characters (200 or more). An empty text gives no message.

    A code block that is cut is closed, and opened again with the same language in the next message. When the text
    grows, all messages but the last stay the same.
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
    """The index at which to cut off a first message of at most ``room`` characters.

    The cut is at a pause outside of code in the second half of this room. If there is none, it is between two lines of
    code there, or at the end of the room.
    """
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
    """The cut, or the start of a code fence if the cut would split the fence or leave an empty code block."""
    inside = False
    for fence in _OPENING.finditer(text):
        end = fence.start() + len(_FENCE) if inside else fence.end()
        if 0 < fence.start() < cut < end or (not inside and 0 < fence.start() < cut == end):
            return fence.start()
        inside = not inside
    return cut


def _open_fence(text: str) -> str:
    """The opening line of the code block that does not end in ``text``; "" if all code blocks end."""
    fences = list(_OPENING.finditer(text))
    if len(fences) % 2 == 0:
        return ""
    return fences[-1].group().rstrip("\n") + "\n"


def _closed(text: str) -> str:
    return text.rstrip() + (_CLOSING if _open_fence(text) else "")
