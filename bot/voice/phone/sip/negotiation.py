"""What both sides of a phone call agree on: G.711, digits, and where sound goes (SDP, RFC 4566 and RFC 3264).

aiosipua 0.7.1 parses session descriptions, and raises ``ValueError`` for bad numbers. Its negotiation is not used,
because of these faults:

- It infers the codec from a payload type, even if the offer says something else of this type.
- It answers digits with another payload type than the offered one.
- It accepts encrypted media, and media that the offer refuses.
- It overlooks a direction that stands before the media, and passes on a packet length of any size.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from aiosipua.sdp import Codec, MediaDescription, SdpMessage, parse_sdp

from audio.g711 import Law
from bot.voice.phone.sip.messages import Endpoint

MAX_DESCRIPTION = 4096
"""Maximum length of a session description."""
_MAX_MEDIA = 8
_LAWS: dict[str, Law] = {"PCMA": "alaw", "PCMU": "ulaw"}
_STATIC: dict[Law, int] = {"alaw": 8, "ulaw": 0}
"""The static payload types of G.711 (RFC 3551)."""
_DIGITS = 101
"""Payload type of digits in this side's offers."""
_ANSWERS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
"""The answer to each direction."""
_TOKEN = re.compile(r"[A-Za-z0-9/._+-]{1,40}\Z")
_LOWEST_PORT = 1024


class NoAgreementError(Exception):
    """The other side has no G.711, or asks for something that is not supported. SIP: 488."""


@dataclass(frozen=True, slots=True)
class Media:
    """An agreed stream of sound.

    Attributes:
        remote: where the other side wants sound sent.
        payload_type: RTP's payload type of the sound.
        digits: RTP's payload type of the digits; ``None`` if the other side sends none.
        direction: what the other side offered, such as ``sendonly`` while it holds the call.
        place: index among the media of the offer.
        offered: all media of the offer, this stream included: name, protocol and formats of each.
    """

    remote: Endpoint
    law: Law
    payload_type: int
    digits: int | None
    direction: str = "sendrecv"
    place: int = 0
    offered: tuple[tuple[str, str, str], ...] = (("audio", "RTP/AVP", ""),)

    @property
    def wants_sound(self) -> bool:
        """Whether the other side wants to get sound. Old phones put a call on hold with the address 0.0.0.0."""
        return self.direction in ("sendrecv", "recvonly") and not ipaddress.ip_address(self.remote[0]).is_unspecified

    @property
    def sends_sound(self) -> bool:
        """Whether sound of the other side is to be expected."""
        return self.direction in ("sendrecv", "sendonly") and not ipaddress.ip_address(self.remote[0]).is_unspecified


def read_media(text: str) -> Media:
    """Read an offer, or the answer to an offer of this side.

    Raises:
        NoAgreementError: it is unreadable, or offers no stream of sound that this side can use.
    """
    if len(text) > MAX_DESCRIPTION:
        raise NoAgreementError("the session description is too long")
    try:
        described = parse_sdp(text)
    except (ValueError, IndexError) as error:
        raise NoAgreementError("the session description is not readable") from error
    if len(described.media) > _MAX_MEDIA:
        raise NoAgreementError("there are too many media")
    offered = tuple(_named(each) for each in described.media)
    for place, media in enumerate(described.media):
        if media.media == "audio" and media.port and media.proto in ("RTP/AVP", "RTP/AVPF"):
            return _agreed(described, media, place, offered)
    raise NoAgreementError("there is no sound without encryption")


def _agreed(
    described: SdpMessage, media: MediaDescription, place: int, offered: tuple[tuple[str, str, str], ...]
) -> Media:
    sound = next((codec for codec in media.codecs if _law_of(codec)), None)
    law = None if sound is None else _law_of(sound)
    if sound is None or law is None:
        raise NoAgreementError("there is no G.711")
    digits = next((each.payload_type for each in media.codecs if _has_digits(each)), None)
    direction = next((each for each in _ANSWERS if each in media.attributes), None) or next(
        (each for each in _ANSWERS if each in described.attributes), "sendrecv"
    )
    connection = media.connection or described.connection
    if connection is None:
        raise NoAgreementError("there is no address for sound")
    remote = (_host(connection.address), media.port)
    if not _LOWEST_PORT <= media.port < 1 << 16:
        raise NoAgreementError("the port for sound is not one that RTP may use")
    return Media(remote, law, sound.payload_type, digits, direction, place, offered)


def _law_of(codec: Codec) -> Law | None:
    mono = codec.clock_rate == 8000 and codec.channels in (None, 1)
    return _LAWS.get(codec.encoding_name.upper()) if mono and 0 <= codec.payload_type < 128 else None


def _has_digits(codec: Codec) -> bool:
    named = codec.encoding_name.lower() == "telephone-event" and codec.clock_rate == 8000
    return named and 96 <= codec.payload_type < 128


def _host(text: str) -> str:
    """Read an address to which sound may go. A name is not looked up."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise NoAgreementError("the address for sound is no IP address") from error
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    reserved = isinstance(address, ipaddress.IPv4Address) and (
        address.is_reserved or (address.packed[0] == 0 and not address.is_unspecified)
    )
    if address.is_multicast or reserved:
        raise NoAgreementError("the address for sound is not that of one machine")
    return str(address)


def _named(media: MediaDescription) -> tuple[str, str, str]:
    if not all(_TOKEN.match(each) for each in (media.media, media.proto, *media.formats)):
        raise NoAgreementError("the media have strange names")
    return media.media, media.proto, " ".join(media.formats)


def describe(media: Media, local: Endpoint, session: int, version: int) -> str:
    """Write the answer: one stream of sound. All other media are refused.

    Args:
        local: address and port at which sound is awaited.
        session: number of the session, the same for all descriptions of one phone call.
        version: number of the description. It grows by one with each description that differs from the one before.
    """
    lines = _head(local, session, version)
    for place, (name, protocol, formats) in enumerate(media.offered):
        if place != media.place:
            lines.append(f"m={name} 0 {protocol} {formats}".rstrip())
            continue
        sound = f"{media.payload_type} {'PCMA' if media.law == 'alaw' else 'PCMU'}/8000"
        lines += _sound(protocol, local[1], [sound], media.digits)
        lines.append(f"a={_ANSWERS[media.direction]}")
    return "\r\n".join(lines) + "\r\n"


def offer(local: Endpoint, session: int, version: int) -> str:
    """Write an offer, for a caller who leaves the offer to this side."""
    codecs = [f"{_STATIC[law]} {name}/8000" for name, law in _LAWS.items()]
    lines = [*_head(local, session, version), *_sound("RTP/AVP", local[1], codecs, _DIGITS), "a=sendrecv"]
    return "\r\n".join(lines) + "\r\n"


def _head(local: Endpoint, session: int, version: int) -> list[str]:
    kind = "IP6" if ":" in local[0] else "IP4"
    return ["v=0", f"o=- {session} {version} IN {kind} {local[0]}", "s=-", f"c=IN {kind} {local[0]}", "t=0 0"]


def _sound(protocol: str, port: int, codecs: list[str], digits: int | None) -> list[str]:
    formats = [codec.split()[0] for codec in codecs] + ([] if digits is None else [str(digits)])
    lines = [f"m=audio {port} {protocol} {' '.join(formats)}", *(f"a=rtpmap:{codec}" for codec in codecs)]
    if digits is not None:
        lines += [f"a=rtpmap:{digits} telephone-event/8000", f"a=fmtp:{digits} 0-15"]
    return [*lines, "a=ptime:20"]
