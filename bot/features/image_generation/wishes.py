"""Whether somebody who talks to the bot wants a picture."""

from __future__ import annotations

import re

_WISH = re.compile(
    r"(?:\w[\w ]{0,31}[,:!]\s+)?"
    r"(?:(?:please|hey|ok|okay|now|can you|could you|would you|will you),?\s+)*"
    r"(?:draw|paint|sketch)\s+(?:(?:me|us)\s+)?(?:(?:a|the)\s+(?:picture|image|drawing|painting|sketch)\s+of\s+)?"
    r"(?P<what>\S.*?)(?:[,\s]+please)?[\s.!?]*",
    re.IGNORECASE | re.DOTALL,
)
_IDIOM = re.compile(
    r"(?:(?:a|any|the|your|some|that)\s+)?"
    r"(?:conclusions?|lines?\s+(?:at|between|here|somewhere)\b|line$|attention|breath|blank|near|back|lots?$"
    r"|comparisons?|parallels?|inspiration|blood|out|in|on|up)\b.*",
    re.IGNORECASE | re.DOTALL,
)


def wants_drawing(text: str) -> str | None:
    """What to draw, when ``text``, said to the bot, asks for a drawing ("draw a cat"); else None."""
    wish = _WISH.fullmatch(text.strip())
    if wish is None or _IDIOM.fullmatch(wish["what"]):
        return None
    return wish["what"]
