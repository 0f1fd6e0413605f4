"""The guarded fetcher: gets one file over HTTP from an address that nobody vouches for."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_address

import aiohttp
from yarl import URL

from bot.fetching.addresses import IPAddress, is_public
from bot.fetching.connecting import BoundedResponse, FixedResolver, held_after_fault, small_socket
from bot.fetching.errors import AddressRefusedError, FetchError, HostRefusedError
from bot.fetching.unpacking import ACCEPT_ENCODING, Unpacker, too_large
from bot.identity import USER_AGENT
from bot.network_errors import network_error_text

MAX_ADDRESS = 2_000
"""Maximum number of characters of an address."""
MAX_REDIRECTS = 5
_MAX_RESOLVED = 20
"""Maximum number of network addresses of a name."""
PRIVILEGED = 1024
"""Ports below this one belong to the services of a machine. Of these, only the web's are used."""
WEB_PORTS = frozenset({80, 443})
_REDIRECTS = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)
_CHUNK = 64 * 1024
_READ_BUFFER = 8 * 1024
"""While this many bytes of a body wait to be taken, no more are read."""
_SLICE = 0.003
_REST = 2.0
"""When unpacking a body has taken :data:`_SLICE` seconds of processor time, the fetcher rests for this many times as
long."""

Resolve = Callable[[str], Awaitable[Sequence[IPAddress]]]
"""Returns all network addresses of a host name. Raises :class:`OSError` if the name is not known."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Limits for fetching one file.

    Attributes:
        size: largest number of bytes, both of the body as it is sent and of the unpacked body.
        seconds: seconds for everything, redirects included.
        idle_seconds: seconds in which at least one byte must come.
        redirects: largest number of redirects, at most :data:`MAX_REDIRECTS`.
    """

    size: int
    seconds: float = 20.0
    idle_seconds: float = 10.0
    redirects: int = MAX_REDIRECTS


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """A file to fetch.

    Attributes:
        url: the address.
        by_operator: whether the operator wrote the host of this address in the settings. Such a host may be in a
            private network, and the address may have a password. Neither holds for other hosts to which it redirects.
        types: the media types that are wanted, in lower case, such as ``text/html``; empty if all are.
        headers: further headers. They are not sent to other hosts after a redirect.
        hosts: the only hosts that are asked, also after a redirect; see :func:`host_of`. ``None`` allows all hosts.
    """

    url: str
    limits: FetchLimits
    by_operator: bool = False
    types: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    hosts: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A fetched file.

    Attributes:
        url: the address from which it came in the end.
        media_type: its media type in lower case, without parameters; "" if the server named none.
        charset: the charset that the server named; "" if it named none.
        headers: all headers of the answer, found by names in any case.
        body: the file; empty if it was not modified.
        not_modified: whether the server answered that the file has not changed. Servers answer so only to a request
            with a header such as ``If-None-Match``.
    """

    url: str
    media_type: str
    charset: str
    headers: Mapping[str, str]
    body: bytes
    not_modified: bool = False


async def resolve_by_system(host: str) -> list[IPAddress]:
    """Resolve a name with the system's resolver. Raises :class:`OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ip_address(address[0]) for *_, address in found]


class Fetcher:
    """Fetches files. It keeps nothing from one file to the next: no connection, no cookie, no resolved name.

    A name is resolved once for each request, and the connection is made to the very addresses that were checked, so a
    name that resolves differently a moment later changes nothing. If one of the addresses is not public, none is used.

    Args:
        resolve: resolves a host name.
        may_reach: tells whether an address may be connected to.
    """

    def __init__(
        self, resolve: Resolve = resolve_by_system, *, may_reach: Callable[[IPAddress], bool] = is_public
    ) -> None:
        self._resolve = resolve
        self._may_reach = may_reach

    async def fetch(self, request: FetchRequest) -> FetchedFile:
        """Fetch a file.

        Raises:
            HostRefusedError: its host, or one to which it redirects, is not one of the request's ``hosts``.
            AddressRefusedError: the address, or one to which it redirects, may not be fetched.
            TooLargeError: the file is too large.
            FetchError: it can't be fetched for another reason.
        """
        with _failures(request.limits):
            async with asyncio.timeout(request.limits.seconds), self._answer(request) as response:
                return await _file(response, request)

    @asynccontextmanager
    async def open(self, request: FetchRequest) -> AsyncIterator[OpenFile]:
        """Ask for a file whose body is read piece by piece, without a limit of its length.

        The body has to begin within ``limits.seconds``. The connection is closed when the context ends.

        Raises:
            The errors of :meth:`fetch`.
        """
        async with AsyncExitStack() as stack:
            with _failures(request.limits):
                async with asyncio.timeout(request.limits.seconds):
                    response = await stack.enter_async_context(self._answer(request))
                    _require_wanted(response, request)
            yield OpenFile(response, request)

    @asynccontextmanager
    async def _answer(self, request: FetchRequest) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer of the server to which the address leads in the end."""
        url = first = _checked(request.url, credentials=request.by_operator)
        for _ in range(1 + min(request.limits.redirects, MAX_REDIRECTS)):
            same_host = url.host == first.host
            trusted = request.by_operator and same_host
            if url.origin() == first.origin():
                url = url.with_user(first.user).with_password(first.password)
            headers = request.headers if same_host else {}
            async with self._get(url, request, trusted=trusted, headers=headers) as response:
                if response.status not in _REDIRECTS:
                    yield response
                    return
                url = _redirect(response)
        raise FetchError("it leads from one address to the next without an end")

    @asynccontextmanager
    async def _get(
        self, url: URL, request: FetchRequest, *, trusted: bool, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask one server."""
        if request.hosts is not None and host_of(url) not in request.hosts:
            raise HostRefusedError(host_of(url))
        if not trusted and url.port is not None and url.port < PRIVILEGED and url.port not in WEB_PORTS:
            raise AddressRefusedError(f"port {url.port} is not one of the web")
        connector = aiohttp.TCPConnector(
            resolver=FixedResolver(await self._addresses(url, trusted=trusted)),
            use_dns_cache=False,
            force_close=True,
            socket_factory=small_socket,
        )
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=request.limits.idle_seconds, sock_read=request.limits.idle_seconds
        )
        sent = {"User-Agent": USER_AGENT, "Accept-Encoding": ACCEPT_ENCODING, **headers}
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=timeout,
                auto_decompress=False,
                read_bufsize=_READ_BUFFER,
                response_class=BoundedResponse,
            ) as session,
            session.get(url, headers=sent, allow_redirects=False) as response,
        ):
            yield response

    async def _addresses(self, url: URL, *, trusted: bool) -> list[IPAddress]:
        """The network addresses of the host, all of them checked."""
        host = url.host or ""
        try:
            found: Sequence[IPAddress] = [ip_address(host)]
        except ValueError:
            try:
                found = await self._resolve(host)
            except (OSError, UnicodeError) as error:
                raise FetchError(f"the name {host} is not known") from error
        if not found:
            raise FetchError(f"the name {host} is not known")
        if not trusted and not all(self._may_reach(address) for address in found):
            raise AddressRefusedError(f"{host} is not on the public internet")
        return list(dict.fromkeys(found))[:_MAX_RESOLVED]


def host_of(url: URL) -> str:
    """The host of an address: in lower case, in letters that DNS knows, and without a dot at its end."""
    return (url.raw_host or "").lower().removesuffix(".")


def checked_url(address: str) -> URL:
    """The URL of an address that a person gave. Raises :class:`~bot.fetching.errors.AddressRefusedError`."""
    return _checked(address)


def _checked(address: str, *, credentials: bool = False) -> URL:
    """An address as a URL.

    Args:
        credentials: whether it may have a user name and password.

    Raises:
        AddressRefusedError: it is not an http or https address of a host.
    """
    if len(address) > MAX_ADDRESS:
        raise AddressRefusedError(f"its address has more than {MAX_ADDRESS} characters")
    try:
        url = URL(address)
        port = url.port
    except (ValueError, TypeError) as error:
        raise AddressRefusedError("its address can't be used") from error
    if url.scheme not in ("http", "https"):
        raise AddressRefusedError("it is not an http or https address")
    if not url.host or port is None or (not credentials and (url.user is not None or url.password is not None)):
        raise AddressRefusedError("its address can't be used")
    return url


def _redirect(response: aiohttp.ClientResponse) -> URL:
    location = response.headers.get("Location", "")
    if not location or len(location) > MAX_ADDRESS:
        raise FetchError("its server leads to no address")
    try:
        return _checked(str(response.url.join(URL(location))))
    except ValueError as error:
        raise AddressRefusedError("its server leads to an address that can't be used") from error


class OpenFile:
    """A file whose body is still to be read. It can be read once, as a whole or piece by piece.

    Attributes:
        media_type: its media type in lower case, without parameters; "" if the server named none.
        headers: all headers of the answer, found by names in any case.
    """

    def __init__(self, response: aiohttp.ClientResponse, request: FetchRequest) -> None:
        self.media_type = _media_type(response)
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._request = request

    @property
    def is_endless(self) -> bool:
        """Whether the body may have no end: the server names no length, and does not compress the body."""
        return self._response.content_length is None and "Content-Encoding" not in self.headers

    async def read(self) -> bytes:
        """The whole body, within the limits of the request; raises the errors of :meth:`Fetcher.fetch`."""
        with _failures(self._request.limits):
            async with asyncio.timeout(self._request.limits.seconds):
                return (await _file(self._response, self._request)).body

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body piece by piece, as it comes. Nothing is read ahead.

        Raises:
            FetchError: the server is silent for too long, or the connection breaks. All that came before was yielded.
        """
        content = self._response.content
        with _failures(self._request.limits):
            try:
                async for piece in content.iter_chunked(_CHUNK):
                    yield piece
            except (aiohttp.ClientError, FetchError, OSError, ValueError):
                if held := held_after_fault(content):
                    yield held
                raise


@contextmanager
def _failures(limits: FetchLimits) -> Iterator[None]:
    """Turn errors of the network into a :class:`~bot.fetching.errors.FetchError`."""
    try:
        yield
    except aiohttp.ServerTimeoutError as error:
        raise FetchError(f"its server was silent for {limits.idle_seconds:g} s") from error
    except TimeoutError as error:
        raise FetchError(f"it did not come within {limits.seconds:g} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise FetchError(f"its server can't be used: {network_error_text(error)}") from error


def _media_type(response: aiohttp.ClientResponse) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _require_wanted(response: aiohttp.ClientResponse, request: FetchRequest) -> None:
    """Check that an answer is a file, of a kind that is wanted."""
    media_type = _media_type(response)
    if response.status != HTTPStatus.OK:
        raise FetchError(f"its server answered with status {_named(response.status)}")
    if request.types and media_type not in request.types:
        raise FetchError(f"it is of the kind {media_type[:60] or 'unknown'}, which I can't read")


def _named(status: int) -> str:
    """A status with its meaning: "404 (Not Found)"."""
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


async def _file(response: aiohttp.ClientResponse, request: FetchRequest) -> FetchedFile:
    not_modified = response.status == HTTPStatus.NOT_MODIFIED
    body = b""
    if not not_modified:
        _require_wanted(response, request)
        if (response.content_length or 0) > request.limits.size:
            raise too_large(request.limits.size)
        unpacker = Unpacker(response.headers.get("Content-Encoding", ""), request.limits.size)
        began = time.thread_time()
        async for chunk in response.content.iter_chunked(_CHUNK):
            unpacker.add(chunk)
            if (busy := time.thread_time() - began) > _SLICE:
                await asyncio.sleep(_REST * busy)
                began = time.thread_time()
        body = unpacker.finish()
    return FetchedFile(
        str(response.url),
        _media_type(response),
        response.charset or "",
        response.headers,
        body,
        not_modified,
    )
