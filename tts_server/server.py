"""The speech server: routes, start and shutdown."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence

from aiohttp import web

from config.tasks import end_tasks
from hardware.poll import CardPoll
from tts_server.api.access import Access, RequestLimit, refuse_compressed
from tts_server.api.errors import json_errors, unavailable
from tts_server.api.openai_api import STEP_TIMEOUT, OpenAiApi, OpenWebUiApi
from tts_server.api.secretary_api import SecretaryApi
from tts_server.api.status_api import OpenApi, StatusApi
from tts_server.api.stream_api import StreamApi
from tts_server.api.voices_api import VoicesApi
from tts_server.metrics import Metrics
from tts_server.speaking.engine_pool import EnginePool, warm_up
from tts_server.speaking.engine_voices import EngineVoices
from tts_server.speaking.reply_worker import READ_TIMEOUT
from tts_server.voices.library import VoiceLibrary
from web_access.origins import AllowedOrigins
from wire.messages import Notice, Warned

_log = logging.getLogger(__name__)

REQUESTS_PER_MINUTE = 600


class SpeechServer:
    """The speech server. A :class:`~tts_server.api.listener.Listener` serves its ``application``.

    Until :meth:`load` is done, requests are answered with status 503.

    Args:
        library: voices made from recordings.
        cards: polls the GPUs' memory.
        token: if set, clients must send it with every request except ``/health``.
        per_minute: the largest number of requests to ``/v1`` per minute from one client address.
        allowed_origins: origins of web pages that may use the server from a browser.
    """

    def __init__(
        self,
        library: VoiceLibrary,
        cards: CardPoll,
        token: str | None = None,
        per_minute: int = REQUESTS_PER_MINUTE,
        clock: Callable[[], float] = time.monotonic,
        allowed_origins: Sequence[str] = (),
    ) -> None:
        self._cards = cards
        self._background_tasks: list[asyncio.Task[None]] = []
        self._pool: EnginePool | None = None
        self._better: EnginePool | None = None
        metrics = Metrics()
        self._streams = StreamApi(self._ready, metrics, clock, self._current_notices)
        openai = OpenAiApi(self._ready, better=lambda: self._better, metrics=metrics, clock=clock)
        self._secretary = SecretaryApi(self._ready, openai, metrics, clock, STEP_TIMEOUT, READ_TIMEOUT)
        origins = AllowedOrigins(allowed_origins)
        self.application = web.Application(
            middlewares=[
                Access(token, origins).middleware,
                RequestLimit(per_minute, clock).middleware,
                refuse_compressed,
                json_errors,
            ]
        )
        self.application.add_routes(
            [
                *self._streams.routes(),
                *openai.routes(),
                *self._secretary.routes(),
                *OpenApi().routes(),
                *OpenWebUiApi(self._ready, openai.model_names).routes(),
                *VoicesApi(library, lambda: EngineVoices(self._ready(), metrics, clock)).routes(),
                *StatusApi(lambda: self._pool, self._ready, metrics, cards).routes(),
            ]
        )
        self.application.on_response_prepare.append(origins.add_cors_headers)
        self.application.on_shutdown.append(self._disconnect_all)
        self.application.on_cleanup.append(self._unload)

    async def load(
        self, create: Callable[[], EnginePool], create_better: Callable[[], EnginePool | None] = lambda: None
    ) -> EnginePool:
        """Create the engine pool in a thread and warm up every engine that is loaded.

        ``create_better`` creates the pool of the better engine, or returns ``None``. Only requests that name its model
        use this pool. It is not warmed up.

        Raises:
            EngineError: an engine can't be created, or no engine can speak.
            UnknownVoiceError: the preferred engine lacks the voice that the settings name.
        """
        pool = await asyncio.to_thread(create)
        try:
            await warm_up(pool)
            self._better = await asyncio.to_thread(create_better)
        except BaseException:
            await pool.close()
            raise
        self._pool = pool
        self._background_tasks = [
            asyncio.create_task(self._cards.run(lambda text: pool.notices.send(Warned(text))), name="graphics cards"),
            asyncio.create_task(_learn_languages(pool), name="languages"),
        ]
        return pool

    def _ready(self) -> EnginePool:
        if self._pool is None:
            raise unavailable("the voice is still loading")
        return self._pool

    def _current_notices(self, pool: EnginePool) -> Iterator[Notice]:
        yield pool.state()
        for warning in self._cards.current_warnings():
            yield Warned(warning)

    async def _disconnect_all(self, _: web.Application) -> None:
        await self._streams.disconnect_all()
        await self._secretary.disconnect_all()

    async def _unload(self, _: web.Application) -> None:
        await end_tasks(*self._background_tasks)
        for pool in (self._pool, self._better):
            if pool is not None:
                await pool.close()


async def _learn_languages(pool: EnginePool) -> None:
    try:
        await asyncio.to_thread(pool.resolver.load)
    except Exception:
        _log.exception("The language recogniser could not be loaded; a text's language is detected by its script alone")
