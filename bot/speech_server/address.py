"""The address of the speech server."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr
from yarl import URL

from bot.metering import OWN
from config.addresses import PLAIN, PROTOCOL


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """The address of the speech server, and its token if it needs one.

    ``websocket`` is the address of its WebSocket (``ws://…/ws/stream``). Its HTTP API has the same host and port.
    ``?protocol=plain`` in this address tells the bot that the server sends bare sound without events.

    Attributes:
        own: whether the bot itself runs the server.
        paid: whether what it speaks costs money.
        paid_stand_in: whether an engine that stands in on the bot's own server costs money, unlike the preferred one.
        paid_better: whether the better engine of the bot's own server (``TTS_BETTER_ENGINE``) costs money.
    """

    websocket: str
    token: SecretStr | None = None
    own: bool = False
    paid: bool = False
    paid_stand_in: bool = False
    paid_better: bool = False

    @property
    def plain(self) -> bool:
        """Whether the server sends bare sound without events. Such a server has no HTTP API that the bot knows."""
        return URL(self.websocket).query.get(PROTOCOL) == PLAIN

    @property
    def stream_url(self) -> str:
        """The address to which a call connects, without ``protocol=plain``, which is meant for the bot alone."""
        url = URL(self.websocket)
        return str(url.without_query_params(PROTOCOL) if self.plain else url.update_query(notices="true"))

    @property
    def headers(self) -> dict[str, str]:
        """The HTTP headers of every request."""
        return {"Authorization": f"Bearer {self.token.get_secret_value()}"} if self.token else {}

    @property
    def place(self) -> str:
        """Host and port, for people."""
        url = self.http("/")
        return f"{url.host}:{url.port}"

    @property
    def known_as(self) -> str:
        """The server's name where its use is shown, as by the command ``usage``."""
        return OWN if self.own else self.place

    def http(self, path: str) -> URL:
        """The HTTP address of a path on the server."""
        url = URL(self.websocket)
        return url.with_scheme("https" if url.scheme == "wss" else "http").with_path(path).with_query(None)
