"""The web addresses that were said, written or found in a conversation: the only ones that the model may read there."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

from yarl import URL

from bot.fetching.fetcher import MAX_ADDRESS
from bot.tools.tool import Asker, Conversation

MAX_LINKS = 60
"""Maximum number of addresses of a conversation. The oldest are forgotten."""
MAX_CONVERSATIONS = 200
KEPT_SECONDS = 3_600.0
"""Seconds after which an address is forgotten."""
_READ_AT_MOST = 20_000
"""Addresses are looked for in this many characters at the beginning of a text."""
_WITH_SCHEME = re.compile(r"https?://[^\s<>\"'`]{1,2000}", re.IGNORECASE)
_WITHOUT_SCHEME = re.compile(
    r"(?<![\w@./:-])(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}(?![\w@-])(?:/[^\s<>\"'`]{0,2000})?", re.I
)
_AT_THE_END = ".,;:!?)]}»”’*_|"


class Links:
    """Remembers, for each conversation, the addresses that may be read. Not thread-safe.

    Without this rule, a web page could have the model read an address that contains what people said, and so send
    their words elsewhere.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[Conversation, OrderedDict[str, float]] = OrderedDict()

    def heard(self, asker: Asker) -> None:
        """Remember the addresses in the words of a person. Call this for each turn."""
        for address in addresses_in(asker.words):
            self.note(asker, address)

    def note(self, asker: Asker, address: str) -> None:
        """Remember an address for the conversation in which ``asker`` speaks."""
        plain = _plain(address)
        if plain is None:
            return
        conversation = asker.conversation
        known = self._known.setdefault(conversation, OrderedDict())
        self._known.move_to_end(conversation)
        known[plain] = self._clock() + KEPT_SECONDS
        known.move_to_end(plain)
        while len(known) > MAX_LINKS:
            known.popitem(last=False)
        while len(self._known) > MAX_CONVERSATIONS:
            self._known.popitem(last=False)

    def include(self, asker: Asker, address: str) -> bool:
        """Whether this address may be read in the conversation in which ``asker`` speaks."""
        plain = _plain(address)
        known = self._known.get(asker.conversation)
        return plain is not None and known is not None and known.get(plain, 0.0) > self._clock()


def addresses_in(text: str) -> Iterator[str]:
    """The web addresses in a text, with and without ``https://``."""
    text = text[:_READ_AT_MOST]
    for pattern in (_WITH_SCHEME, _WITHOUT_SCHEME):
        for found in pattern.finditer(text):
            # A bracket at the end belongs to the address if it was opened in it, as in addresses of Wikipedia.
            address = found[0].rstrip(_AT_THE_END)
            if "(" in address and found[0].startswith(f"{address})"):
                address += ")"
            yield address


def full_address(address: str) -> str:
    """The address with a scheme, as it is fetched."""
    address = address.strip()
    return address if re.match(r"[a-z][a-z0-9+.-]*:", address, re.IGNORECASE) else f"https://{address}"


def _plain(address: str) -> str | None:
    """An address in a form for comparisons: without scheme, ``www.``, fragment and slash at the end."""
    if len(address) > MAX_ADDRESS:
        return None
    try:
        url = URL(full_address(address))
        host, port = url.host, url.explicit_port
    except (ValueError, TypeError):
        return None
    if url.scheme not in ("http", "https") or not host:
        return None
    return f"{host.removeprefix('www.')}:{port or ''}{url.raw_path_qs.rstrip('/')}"
