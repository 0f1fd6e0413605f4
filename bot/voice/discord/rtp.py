"""RTP as Discord's voice server sends it: headers, the two transport encryptions, what lies around the media.

RFC 3550; in Discord's ``rtpsize`` modes the header, its CSRCs and the extension's own header stay in the clear.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt
from nacl.exceptions import CryptoError

AES_GCM = "aead_aes256_gcm_rtpsize"
XCHACHA20 = "aead_xchacha20_poly1305_rtpsize"
SILENCE = b"\xf8\xff\xfe"
"""Opus's frame of silence, which ends transmissions and is never encrypted end to end."""
_FIXED = struct.Struct(">BBHII")
_COUNTER = 4
_TAG = 16
_VERSION, _PAYLOAD_TYPE = 2, 0x78


class NoVoicePacket(Exception):  # noqa: N818
    """A datagram that is no voice packet that we could open."""


@dataclass(frozen=True, slots=True)
class VoicePacket:
    """One packet, its transport encryption taken off; ``frame`` may still be encrypted end to end."""

    ssrc: int
    sequence: int
    timestamp: int
    frame: bytes


class TransportCipher(Protocol):
    """Takes the transport encryption off."""

    def open(self, sealed: bytes, clear: bytes, counter: bytes) -> bytes:
        """Decrypt; raises :class:`NoVoicePacket`."""
        ...


class XChaCha20:
    """``aead_xchacha20_poly1305_rtpsize``: a nonce of 24 bytes, the counter and 20 zeros."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def open(self, sealed: bytes, clear: bytes, counter: bytes) -> bytes:
        """Decrypt; raises :class:`NoVoicePacket`."""
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, clear, counter + bytes(20), self._key)
        except (CryptoError, ValueError) as error:
            raise NoVoicePacket("the transport key does not fit") from error


class AesGcm:
    """``aead_aes256_gcm_rtpsize``: a nonce of 12 bytes, the counter and 8 zeros."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def open(self, sealed: bytes, clear: bytes, counter: bytes) -> bytes:
        """Decrypt; raises :class:`NoVoicePacket`."""
        try:
            return self._cipher.decrypt(counter + bytes(8), sealed, clear)
        except (InvalidTag, ValueError) as error:
            raise NoVoicePacket("the transport key does not fit") from error


def transport_cipher(mode: str, key: bytes) -> TransportCipher:
    """The cipher of a mode; raises ``ValueError`` where there is none."""
    match mode:
        case "aead_xchacha20_poly1305_rtpsize":
            return XChaCha20(key)
        case "aead_aes256_gcm_rtpsize":
            return AesGcm(key)
        case _:
            raise ValueError(f"no transport encryption is called {mode!r}")


def open_packet(datagram: bytes, cipher: TransportCipher) -> VoicePacket:
    """Read one datagram, whatever it is.

    Raises:
        NoVoicePacket: RTCP, a keep-alive, garbage, or sealed with another key.
    """
    if len(datagram) < _FIXED.size + _TAG + _COUNTER:
        raise NoVoicePacket("too short")
    flags, kind, sequence, timestamp, ssrc = _FIXED.unpack_from(datagram)
    # RTCP (types 200 to 206) shares the port; it fails here, as its second byte is no voice payload type.
    if flags >> 6 != _VERSION or kind & 0x7F != _PAYLOAD_TYPE:
        raise NoVoicePacket("not voice")
    size, words = _FIXED.size + 4 * (flags & 0x0F), 0
    if flags & 0x10:
        if len(datagram) < size + 4:
            raise NoVoicePacket("the extension's header is missing")
        words = struct.unpack_from(">H", datagram, size + 2)[0]
        size += 4
    if len(datagram) < size + _TAG + _COUNTER:
        raise NoVoicePacket("too short")
    plain = cipher.open(datagram[size:-_COUNTER], datagram[:size], datagram[-_COUNTER:])
    # The extension's body is encrypted too, in front of the media; padding behind it says its own length.
    begin, end = 4 * words, len(plain)
    if flags & 0x20 and plain:
        end -= plain[-1]
    if begin >= end:
        raise NoVoicePacket("more extension and padding than payload")
    return VoicePacket(ssrc, sequence, timestamp, plain[begin:end])
