"""Charges sound that speech servers have made, to the accounts of those who asked for it."""

from __future__ import annotations

from bot.metering import Account, Meter
from bot.speech_server.address import ServerAddress
from bot.speech_server.servers import SpeechServers


class SpeechCharges:
    """Charges sound.

    Args:
        meter: counts the sound.
        servers: the speech servers. They know whether the sound of a server costs money.
    """

    def __init__(self, meter: Meter, servers: SpeechServers) -> None:
        self._meter = meter
        self._servers = servers

    def add(self, server: ServerAddress, account: Account, seconds: float, *, paid: bool = False) -> None:
        """Charge sound that a server has made. ``paid`` is whether the server itself says that it costs money."""
        paid = paid or self._servers.costs_money(server)
        self._meter.spoken(account, server.known_as, seconds, paid=paid)

    def add_paid(self, server: ServerAddress, account: Account, seconds: float) -> None:
        """Charge sound that costs money, as the server itself says."""
        self._meter.spoken(account, server.known_as, seconds, paid=True)

    def add_better(self, server: ServerAddress, account: Account, seconds: float, *, paid: bool = False) -> None:
        """Charge sound of a server's better engine; see :meth:`add`."""
        paid = paid or (server.paid_better if server.own else self._servers.costs_money(server))
        self._meter.spoken(account, server.known_as, seconds, paid=paid)
