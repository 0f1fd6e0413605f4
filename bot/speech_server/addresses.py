"""The addresses of speech servers that stand in for each other."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from bot.speech_server.address import ServerAddress

_log = logging.getLogger(__name__)


class SpeechAddresses:
    """The servers, the preferred one first, and the one that is used now.

    A call begins with the preferred server that lets it connect, and stays with it until the connection is lost.
    """

    def __init__(self, addresses: Sequence[ServerAddress]) -> None:
        self._addresses = tuple(addresses)
        self._current = self._addresses[0]

    @property
    def current(self) -> ServerAddress:
        """The server that is used now."""
        return self._current

    def preferred_first(self) -> Sequence[ServerAddress]:
        """All servers in the order of preference: for a call that begins."""
        return self._addresses

    def others_first(self) -> Sequence[ServerAddress]:
        """All servers, the current one last: for a call that has lost it."""
        return sorted(self._addresses, key=lambda address: address is self._current)

    def current_first(self) -> Sequence[ServerAddress]:
        """All servers, the current one first: for a check."""
        return sorted(self._addresses, key=lambda address: address is not self._current)

    def use(self, address: ServerAddress) -> None:
        """Use a server from now on."""
        if address is not self._current:
            _log.warning("The speech server at %s is used now, instead of %s", address.place, self._current.place)
        self._current = address
