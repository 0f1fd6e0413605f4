"""SIP messages from the network, checked, and the responses to them (RFC 3261).

The library aiosipua parses and writes the messages. This module makes up for what aiosipua 0.7.1 lacks:

- Its parser raises many kinds of errors, and accepts messages of any size and numbers of any form. It reads headers
  lazily, so that a bad one raises much later.
- Its responses lack ``Record-Route``, and go to the host that the sender names in ``received``. So anybody could have
  them sent to somebody else.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from aiosipua import (
    Address,
    SipMessage,
    SipRequest,
    SipResponse,
    Via,
    parse_address,
    parse_via,
    stringify_via,
)

Endpoint: TypeAlias = tuple[str, int]
"""An IP address and a port."""
MAX_DATAGRAM = 8192
"""Maximum size of a SIP message in bytes. A phone's INVITE has 1,000 to 2,000."""
METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE")
"""The methods that are understood."""
SIP_PORT = 5060
"""Port of SIP if none is given."""
_MAX_HEADERS = 100
_MAX_VALUE, _MAX_ID = 1024, 256
"""Maximum length of a header's value, and of ids and tags."""
_METHOD = re.compile(r"[A-Z]{2,20}\Z")
_SEQUENCE = re.compile(r"([0-9]{1,10}) +([A-Z]{2,20})\Z")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Bytes that may not be in the headers."""
_TELEPHONE = re.compile(r"(?:<|\A)\s*tel:(\+?[0-9*#().-]{1,40})")
_KEY = re.compile(r"(?:Signal\s*=\s*)?([0-9*#A-D])\s*(?:[\r\n]|\Z)", re.IGNORECASE)
_SEPARATORS = r"[-.() ]"
_ONCE = ("from", "to", "call-id", "cseq")
"""Headers that every message has exactly once."""
_REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    405: "Method Not Allowed",
    415: "Unsupported Media Type",
    420: "Bad Extension",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    503: "Service Unavailable",
}


class BadMessageError(Exception):
    """A datagram is no SIP message that can be answered."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        message: the whole message.
        sequence: number of ``CSeq``.
        from_tag: tag of the sender.
        to_tag: tag of the receiver; empty outside of a dialog.
        branch: id of the transaction.
        via: the topmost ``Via``.
        source: where the datagram came from.
    """

    message: SipRequest
    method: str
    call_id: str
    sequence: int
    from_tag: str
    to_tag: str
    branch: str
    via: Via
    source: Endpoint

    @property
    def transaction(self) -> tuple[str, str, str]:
        """Key of the transaction. An ACK and a CANCEL name the transaction of their INVITE by the same branch."""
        return self.source[0], self.branch, self.method

    @property
    def answer_to(self) -> Endpoint:
        """Where responses go (RFC 3581). The host is always the one that the request came from."""
        if "rport" in self.via.params:
            return self.source
        return self.source[0], self.via.port or SIP_PORT


@dataclass(frozen=True, slots=True)
class Response:
    """A response to a request of this endpoint."""

    message: SipResponse
    status: int
    method: str
    branch: str
    source: Endpoint


def read(data: bytes, source: Endpoint) -> Request | Response:
    """Read a datagram.

    Raises:
        BadMessageError: it is no SIP message, or one that is too large, lacks a header, or has a bad one.
    """
    if len(data) > MAX_DATAGRAM:
        raise BadMessageError("too large")
    head = data.partition(b"\r\n\r\n")[0]
    if _CONTROL.search(head) or b"\r" in head.replace(b"\r\n", b""):
        raise BadMessageError("has control characters")
    try:
        message = SipMessage.parse(data)
    except (ValueError, IndexError) as error:
        raise BadMessageError("not readable") from error
    _check_headers(message)
    vias = message.headers.get("via")
    if not vias:
        raise BadMessageError("has no Via")
    via = parse_via(vias[0])
    branch, matched = via.branch, _SEQUENCE.match(message.headers.get("cseq")[0])
    if not branch or len(branch) > _MAX_ID or via.transport != "UDP" or matched is None:
        raise BadMessageError("has a bad Via or CSeq")
    if via.port is not None and not 0 < via.port < 1 << 16:
        raise BadMessageError("has a bad port in Via")
    if isinstance(message, SipResponse):
        if not 100 <= message.status_code < 700:
            raise BadMessageError("has a bad status")
        return Response(message, message.status_code, matched[2], branch, source)
    sequence = int(matched[1])
    if not _METHOD.match(message.method) or matched[2] != message.method or sequence >= 1 << 31:
        raise BadMessageError("has a bad method or CSeq")
    from_tag = _tag(message.headers.get("from")[0])
    if not from_tag:
        raise BadMessageError("has no tag in From")
    to_tag = _tag(message.headers.get("to")[0])
    call_id = message.headers.get("call-id")[0]
    return Request(message, message.method, call_id, sequence, from_tag, to_tag, branch, via, source)


def _check_headers(message: SipMessage) -> None:
    """Refuse missing headers, doubled ones, and long ones."""
    values = [value for _, each in message.headers.items() for value in each]
    if len(values) > _MAX_HEADERS or any(len(value) > _MAX_VALUE for value in values):
        raise BadMessageError("has too many or too long headers")
    for name in _ONCE:
        value = message.headers.get(name)
        if len(value) != 1 or not value[0] or (name == "call-id" and len(value[0]) > _MAX_ID):
            raise BadMessageError(f"must have {name} once")


def _tag(value: str) -> str:
    tag = parse_address(value).tag or ""
    if len(tag) > _MAX_ID:
        raise BadMessageError("has a long tag")
    return tag


def new_tag() -> str:
    """A tag that nobody can guess. Whoever sends it in a request must have received a response with it."""
    return secrets.token_hex(8)


def respond(
    request: Request,
    status: int,
    tag: str = "",
    headers: Mapping[str, str] | None = None,
    body: str = "",
) -> bytes:
    """Write a response.

    Args:
        tag: this endpoint's tag. It is not used if the request names that tag already.
        headers: further headers.
        body: a session description; empty for none.
    """
    reason = _REASONS[status]
    message = SipResponse(status_code=status, reason_phrase=reason)
    asked = request.message.headers
    for via in (_stamped(request), *asked.get("via")[1:]):
        message.headers.append("Via", via)
    if request.method == "INVITE" and 100 < status < 300:
        for route in asked.get("record-route"):
            message.headers.append("Record-Route", route)
    for name in ("From", "To", "Call-ID", "CSeq"):
        message.headers.set_single(name, asked.get(name)[0])
    if tag and not request.to_tag and status > 100:
        message.headers.set_single("To", f"{asked.get('to')[0]};tag={tag}")
    for name, value in (headers or {}).items():
        message.headers.set_single(name, value)
    if body:
        message.headers.set_single("Content-Type", "application/sdp")
        message.text = body
    return bytes(message)


def _stamped(request: Request) -> str:
    """The topmost ``Via`` with the address that the request came from."""
    via, (host, port) = request.via, request.source
    params = dict(via.params)
    params["received"] = host
    if "rport" in params:
        params["rport"] = str(port)
    return stringify_via(Via(via.protocol, via.transport, via.host, via.port, params))


def caller_of(request: Request, *, trusted: bool) -> str:
    """The caller's number or address; empty if it is withheld.

    Args:
        trusted: whether the request comes from the PBX at which the bot is registered. If so, what the PBX asserts
            counts for more than what the caller's phone says.
    """
    headers = request.message.headers
    values = [*(headers.get("p-asserted-identity") if trusted else ()), headers.get("from")[0]]
    if any("id" in value.lower() for value in headers.get("privacy")):
        return ""
    if telephone := _TELEPHONE.search(values[0]):
        return re.sub(_SEPARATORS, "", telephone[1])
    address = parse_address(values[0])
    if _is_anonymous(address):
        return ""
    user, host = (address.uri.user or "").partition(":")[0], address.uri.host
    number = re.sub(_SEPARATORS, "", user)
    if re.fullmatch(r"\+?[0-9*#]{1,32}", number):
        return number
    named = f"{user}@{host}" if user else host
    return named if named.isascii() and named.isprintable() and len(named) <= _MAX_ID else ""


def _is_anonymous(address: Address) -> bool:
    return (address.uri.user or "").lower() in ("", "anonymous", "unknown", "restricted") or (
        address.uri.host.lower() == "anonymous.invalid"
    )


def pressed_key(request: Request) -> str:
    """The key that an INFO request reports; empty if it reports none."""
    kind = (request.message.content_type or "").lower()
    found = _KEY.match(request.message.text.strip()) if kind.startswith("application/dtmf") else None
    return found[1].upper() if found else ""
