"""``GET /health``: how the bot is doing, for monitoring. It needs no token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from aiohttp import web

from bot.health import READY, UNKNOWN

PATH = "/health"
UNAVAILABLE = "unavailable"


class HealthApi:
    """The health of the bot. It does not tell strangers what is wrong, because that may name other machines' addresses.

    Args:
        state: returns the fields of ``python -m bot health``.
    """

    def __init__(self, state: Callable[[], Mapping[str, str]]) -> None:
        self._state = state

    @property
    def routes(self) -> Sequence[web.RouteDef]:
        """The route of the health."""
        return [web.get(PATH, self._tell)]

    async def _tell(self, _: web.Request) -> web.Response:
        state = self._state()
        parts = {"llm": state["model"], "whisper": state["ears"], "tts": state["voice"]}
        models = {name: part if part in (READY, UNKNOWN) else UNAVAILABLE for name, part in parts.items()}
        return web.json_response({"status": state["status"], "models": models, "discord": state["discord"]})
