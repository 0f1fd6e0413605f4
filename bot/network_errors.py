"""Texts for network errors, for people."""

from __future__ import annotations

import errno
import socket
from types import MappingProxyType

import aiohttp
from aiohttp.http import HttpProcessingError

_OF_ERRNO = MappingProxyType(
    {
        errno.ECONNREFUSED: "nothing listens there",
        errno.ECONNRESET: "it hung up",
        errno.EPIPE: "it hung up",
        errno.EHOSTUNREACH: "there is no way to that machine",
        errno.ENETUNREACH: "this machine is offline",
        errno.ETIMEDOUT: "it does not answer",
    }
)


def network_error_text(error: Exception) -> str:
    """Why a request to a server has failed, in a few words for people."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"the name {error.host} is not known"
        case aiohttp.ClientConnectorCertificateError():
            return f"the certificate of {error.host} is not trusted"
        case aiohttp.ClientConnectorSSLError() | aiohttp.ClientSSLError():
            return f"{error.host}:{error.port} does not speak TLS (https)"
        case aiohttp.ClientConnectorError():
            return f"{error.host}:{error.port}: {_system(error.os_error)}"
        case TimeoutError():
            return "it does not answer"
        case aiohttp.ContentTypeError():
            return "what it answers is not JSON"
        case aiohttp.ClientResponseError() if isinstance(error.__cause__, HttpProcessingError):
            # aiohttp has made this status up: no server has sent it.
            return "what it answers is not HTTP"
        case aiohttp.ClientResponseError():
            return f"it answers with status {error.status}"
        case aiohttp.InvalidURL():
            return "its address can't be used"
        case aiohttp.ClientConnectionError() if not isinstance(error, OSError):
            return "it hung up"
        case aiohttp.ClientPayloadError():
            return "its answer breaks off"
        case OSError():
            return _system(error)
        case ValueError() | KeyError() | TypeError():
            return "what it answers is not what was asked for"
        case _:
            return "something went wrong on the way"


def _system(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    return _OF_ERRNO.get(error.errno or 0) or error.strerror or "the connection failed"
