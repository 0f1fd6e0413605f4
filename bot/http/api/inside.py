"""Takes out of texts what only this machine's own people need: where folders lie, and what is asked in an address."""

from __future__ import annotations

import re

_FOLDER = re.compile(r"(?<![\w./:…-])/(?:[^\s/'\"`,;]+(?: [^\s/'\"`,;]+)?/)+")
"""An absolute path up to its last part. A blank in a folder's name is taken with it."""
_QUERY = re.compile(r"(\w://[^\s?'\"`]*\?)[^\s'\"`]*")
"""An address with a query, which may have a key in it."""
HIDDEN = "…"


def for_strangers(text: str) -> str:
    """The text for somebody on another machine: paths keep only their last part, and addresses lose their query."""
    return _QUERY.sub(rf"\1{HIDDEN}", _FOLDER.sub(f"{HIDDEN}/", text))
