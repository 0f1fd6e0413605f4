"""``/api/setup``: the doctor's findings, tests of settings, and writing them into ``.env`` after a one-time code.

Settings are tested and written only for the bot's own page in a browser of this machine, without a proxy between
them: a test makes the bot ask any address, and what is written decides whom the bot trusts.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address
from typing import Any, Protocol

from aiohttp import hdrs, web

from bot.check_result import CheckResult
from bot.http.access import is_same_origin
from bot.http.api.admission import BUSY_SECONDS, Admission
from bot.http.api.fields import required_text
from bot.http.bodies import read_object
from bot.http.clients import client_of
from bot.http.connection import cancelled_with_client
from bot.http.errors import HttpError
from bot.setup.code import LENGTH, OneTimeCode
from bot.setup.service import (
    KEY_OF_ENGINE,
    MAX_VALUE,
    NAMES,
    SECRET_NAMES,
    SetupTopic,
    Tested,
    how_to_restart,
)
from config.env_writing import Changes, EnvWriteError, Written
from config.errors import SettingsError
from web_access.hosts import host_name, is_loopback
from web_access.rate_limit import ClientRateLimit

TESTS_PER_MINUTE, CODES_PER_MINUTE, WRITES_PER_MINUTE, EXAMINATIONS_PER_MINUTE = 20, 3, 10, 4
_PROXY_HEADERS = (hdrs.FORWARDED, hdrs.X_FORWARDED_FOR, hdrs.X_FORWARDED_HOST, hdrs.X_FORWARDED_PROTO, hdrs.VIA)
_WITH_ENGINES = frozenset({SetupTopic.MIND, SetupTopic.EARS, SetupTopic.VOICE})
_FOLDER = re.compile(r"(?<![\w./:…-])/(?:[^\s/'\"`,;]+(?: [^\s/'\"`,;]+)?/)+")
"""An absolute path up to its last part. A blank in a folder's name is taken with it."""
_QUERY = re.compile(r"(\w://[^\s?'\"`]*\?)[^\s'\"`]*")
"""An address with a query, which may have a key in it."""
_HIDDEN = "…"
ELSEWHERE = (
    "Settings are tested and written only on the page at 127.0.0.1, on the machine on which I run, without a proxy. "
    "Elsewhere, copy the lines into .env, or type `python -m bot setup` there."
)
NO_CODE = "That is not the code. The code is on my console. It is good for five minutes, five tries and one use."
BUSY = "Something is being tested already. Try again in a moment."

_log = logging.getLogger(__name__)


class Setup(Protocol):
    """What the endpoints need of :class:`~bot.setup.service.SetupService`."""

    def current(self) -> dict[str, str]:
        """The values in ``.env``. Blocks on the disk."""
        ...

    async def test(self, part: SetupTopic, changes: Changes) -> Tested:
        """Test one part of the bot as it would be with these changes."""
        ...

    async def write(self, changes: Changes) -> Written:
        """Write the changes."""
        ...

    async def notes(self, changes: Changes) -> list[str]:
        """What stands in the way of the next start."""
        ...


@dataclass(frozen=True, slots=True)
class SetupParts:
    """The parts behind the endpoints.

    Attributes:
        examine: returns the doctor's findings.
        on_loopback: whether the server listens on loopback only, and can write ``.env``, which it can't in a container.
        clock: returns monotonic seconds.
        show_code: shows a text on the bot's console.
    """

    service: Setup
    examine: Callable[[], Awaitable[Sequence[CheckResult]]]
    on_loopback: bool
    clock: Callable[[], float]
    show_code: Callable[[str], None]


class SetupApi:
    """The endpoints. Stored secrets are never among the answers."""

    def __init__(self, parts: SetupParts, admission: Admission) -> None:
        self._parts = parts
        self._admission = admission
        self._code = OneTimeCode(parts.clock)
        self._tests = ClientRateLimit(TESTS_PER_MINUTE, parts.clock)
        self._codes = ClientRateLimit(CODES_PER_MINUTE, parts.clock)
        self._writes = ClientRateLimit(WRITES_PER_MINUTE, parts.clock)
        self._examinations = ClientRateLimit(EXAMINATIONS_PER_MINUTE, parts.clock)
        self._testing = asyncio.Lock()

    async def show(self, request: web.Request) -> web.Response:
        """``GET /api/setup``: what is set in ``.env``, and whether this page may write there."""
        self._require_own_page(request)
        with _settings_errors():
            values = await asyncio.to_thread(self._parts.service.current)
        here = self._is_here(request)
        told = {name: value for name, value in values.items() if name not in SECRET_NAMES}
        return web.json_response(
            {
                "writable": here,
                "values": told if here else {name: _redacted(value) for name, value in told.items()},
                "secrets": sorted(values.keys() & SECRET_NAMES),
                "keys": dict(KEY_OF_ENGINE),
            }
        )

    async def examine(self, request: web.Request) -> web.Response:
        """``POST /api/setup/doctor``: the findings of ``python -m bot doctor``."""
        self._require_own_page(request)
        self._take(self._examinations, request)
        async with self._alone(request, with_engines=True):
            found = await self._parts.examine()
        good = all(each.good is not False for each in found)
        if not self._is_here(request):
            found = [replace(each, text=_redacted(each.text)) for each in found]
        return web.json_response({"good": good, "findings": [asdict(each) for each in found]})

    async def test(self, request: web.Request) -> web.Response:
        """``POST /api/setup/test {"part", "changes"}``: test one part of the bot as it would be with these changes."""
        self._require_here(request)
        self._take(self._tests, request)
        fields = await read_object(request)
        part, changes = _part(fields), _changes(fields)
        async with self._alone(request, with_engines=part in _WITH_ENGINES):
            tested = await self._parts.service.test(part, changes)
        return web.json_response({**asdict(tested.result), "models": list(tested.models)})

    async def make_code(self, request: web.Request) -> web.Response:
        """``POST /api/setup/code``: show a new one-time code on the bot's console."""
        self._require_here(request)
        self._take(self._codes, request)
        self._parts.show_code(f"Setup code: {self._code.make()} (for the page; somebody there asked for it)")
        return web.Response(status=204)

    async def write(self, request: web.Request) -> web.Response:
        """``POST /api/setup/write {"code", "changes"}``: write the changes into ``.env``."""
        self._require_here(request)
        self._take(self._writes, request)
        fields = await read_object(request)
        code, changes = required_text(fields, "code", 4 * LENGTH), _changes(fields)
        if not changes:
            raise HttpError(400, "bad_parameter", "changes is empty: there is nothing to write.")
        if not self._code.is_right(code):
            raise HttpError(403, "bad_code", NO_CODE)
        with _settings_errors():
            written = await self._parts.service.write(changes)
        self._code.use_up()
        _log.info("The page has written into .env: %s", ", ".join(written.names) or "nothing new")
        return web.json_response(
            {
                "names": list(written.names),
                "backup": written.backup.name if written.backup is not None else None,
                "notes": await self._parts.service.notes(changes),
                "restart": how_to_restart(),
            }
        )

    def _is_here(self, request: web.Request) -> bool:
        """Whether the client is on this machine, without a proxy in between, and asks for ``localhost`` or the like."""
        try:
            local = ip_address((request.remote or "").partition("%")[0]).is_loopback
        except ValueError:
            local = False
        direct = not any(name in request.headers for name in _PROXY_HEADERS)
        own_name = is_loopback(host_name(request.headers.get(hdrs.HOST, "")))
        return self._parts.on_loopback and local and direct and own_name

    def _require_own_page(self, request: web.Request) -> None:
        """Refuse other web pages, even those of ``WEB_ALLOWED_ORIGINS``, which may use everything else."""
        origins = request.headers.getall(hdrs.ORIGIN, [])
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if not all(is_same_origin(request, each) for each in origins) or site not in ("same-origin", "none"):
            raise HttpError(403, "bad_origin", "Only my own page may use the setup.")

    def _require_here(self, request: web.Request) -> None:
        self._require_own_page(request)
        if not self._is_here(request):
            raise HttpError(403, "elsewhere", ELSEWHERE)

    @staticmethod
    def _take(limit: ClientRateLimit, request: web.Request) -> None:
        if seconds := limit.take(client_of(request)):
            message = f"That was too often. Try again in {seconds:.0f} s."
            raise HttpError(429, "too_often", message, retry_after=seconds)

    @asynccontextmanager
    async def _alone(self, request: web.Request, *, with_engines: bool) -> AsyncIterator[None]:
        """Let one block run at a time, and refuse others meanwhile. The block is cancelled if its client disconnects.

        Args:
            with_engines: whether the block uses the engines. If so, it gives way to a call.
        """
        if with_engines:
            self._admission.require_no_call()
        if self._testing.locked():
            raise HttpError(429, "busy", BUSY, retry_after=BUSY_SECONDS)
        async with self._testing:
            with cancelled_with_client(request):
                async with self._admission.engines() if with_engines else nullcontext():
                    yield


@contextmanager
def _settings_errors() -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        raise HttpError(400, "bad_setting", str(error)) from error
    except EnvWriteError as error:
        raise HttpError(503, "not_written", str(error), retry_after=BUSY_SECONDS) from error


def _part(fields: Mapping[str, Any]) -> SetupTopic:
    name = required_text(fields, "part", 20)
    try:
        return SetupTopic(name)
    except ValueError:
        raise HttpError(400, "bad_parameter", f"part must be one of {', '.join(SetupTopic)}.") from None


def _changes(fields: Mapping[str, Any]) -> dict[str, str | None]:
    """The changes in a request. An empty text takes a setting out, as ``null`` does."""
    given = fields.get("changes")
    if not isinstance(given, dict):
        raise HttpError(400, "bad_parameter", "changes must be an object: names of settings, and texts or null.")
    if unknown := given.keys() - NAMES:
        raise HttpError(400, "bad_parameter", f"{min(unknown)[:40]!r} can't be set here.")
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise HttpError(400, "bad_parameter", f"{name} must be a text or null.")
        if value is not None and len(value) > MAX_VALUE:
            raise HttpError(413, "too_long", f"{name} may have at most {MAX_VALUE:,} characters.")
        if value is not None and any("\ud800" <= each <= "\udfff" for each in value):
            raise HttpError(400, "bad_parameter", f"{name} has half a character in it.")
    return {name: value.strip() or None if value is not None else None for name, value in given.items()}


def _redacted(text: str) -> str:
    """The text for a client on another machine: paths keep only their last part, and addresses lose their query."""
    return _QUERY.sub(rf"\1{_HIDDEN}", _FOLDER.sub(f"{_HIDDEN}/", text))
