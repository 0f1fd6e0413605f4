"""Charges sound that speech servers have made, to the accounts of those who asked for it."""

from __future__ import annotations

from bot.metering import Account, Meter
from bot.speech_server.address import ServerAddress
from bot.speech_server.servers import SpeechServers


class SpeechCharges:
    """Charges sound.

    Args:
        meter: counts the sound.
        servers: say whether what a server speaks costs money.
    """

    def __init__(self, meter: Meter, servers: SpeechServers) -> None:
        self._meter = meter
        self._servers = servers

    def add(self, server: ServerAddress, account: Account, seconds: float) -> None:
        """Charge sound that a server has made."""
        self._meter.spoken(account, server.known_as, seconds, paid=self._servers.costs_money(server))
