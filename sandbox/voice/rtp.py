"""Discord's RTP packets and their two transport encryptions (RFC 3550; Discord's ``rtpsize`` modes)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

AES_GCM = "aead_aes256_gcm_rtpsize"
XCHACHA20 = "aead_xchacha20_poly1305_rtpsize"
MODES = (AES_GCM, XCHACHA20)
PAYLOAD_TYPE = 0x78
SILENCE = b"\xf8\xff\xfe"
FRAME_SAMPLES = 960
_COUNTER_BYTES = 4
"""Length of the nonce's counter at the end of each packet."""


class RtpError(ValueError):
    """A datagram is not a voice packet, or can't be decrypted."""


@dataclass(frozen=True, slots=True)
class RtpHeader:
    """An RTP header. ``size`` is the length of the unencrypted part of the packet, in bytes."""

    sequence: int
    timestamp: int
    ssrc: int
    size: int
    extension_words: int
    padded: bool


def parse_header(packet: bytes) -> RtpHeader:
    """Read a voice packet's header.

    Raises:
        RtpError: the packet is not a voice packet: too short, RTCP, another version or payload type.
    """
    if len(packet) < 12 + _COUNTER_BYTES:
        raise RtpError("too short")
    first, kind, sequence, timestamp, ssrc = struct.unpack_from(">BBHII", packet)
    if first >> 6 != 2 or kind & 0x7F != PAYLOAD_TYPE:
        raise RtpError("not a voice packet")
    size = 12 + 4 * (first & 0x0F)
    words = 0
    if first & 0x10:
        if len(packet) < size + 4:
            raise RtpError("the extension's header is missing")
        words = struct.unpack_from(">H", packet, size + 2)[0]
        size += 4
    return RtpHeader(sequence, timestamp, ssrc, size, words, bool(first & 0x20))


def make_header(sequence: int, timestamp: int, ssrc: int) -> bytes:
    """Make a header of 12 bytes, without an extension."""
    return struct.pack(">BBHII", 0x80, PAYLOAD_TYPE, sequence & 0xFFFF, timestamp & 0xFFFF_FFFF, ssrc)


def strip(header: RtpHeader, plain: bytes) -> bytes:
    """The media frame in a decrypted payload: the payload without the extension in front and the padding at the end.

    Raises:
        RtpError: the padding or the extension is longer than the payload.
    """
    begin, end = 4 * header.extension_words, len(plain)
    if header.padded and plain:
        end -= plain[-1]
    if begin > end:
        raise RtpError("more extension or padding than payload")
    return plain[begin:end]


class PacketCipher(Protocol):
    """The transport encryption of one client. Packets can be opened in any order."""

    def seal(self, header: bytes, plain: bytes) -> bytes:
        """Encrypt a payload; returns the whole packet."""
        ...

    def open(self, packet: bytes, header_size: int) -> bytes:
        """Decrypt a packet's payload. Raises :class:`RtpError`."""
        ...


class _Counter:
    def __init__(self) -> None:
        self._next = 0

    def __call__(self) -> bytes:
        self._next = (self._next + 1) & 0xFFFF_FFFF
        return struct.pack(">I", self._next)


class AesGcmCipher:
    """The mode ``aead_aes256_gcm_rtpsize``. Its nonce is a 4-byte counter and 8 zeros."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._count = _Counter()

    def seal(self, header: bytes, plain: bytes) -> bytes:
        """Encrypt a payload; returns the whole packet."""
        counter = self._count()
        return header + self._cipher.encrypt(counter + bytes(8), plain, header) + counter

    def open(self, packet: bytes, header_size: int) -> bytes:
        """Decrypt a packet's payload. Raises :class:`RtpError`."""
        try:
            return self._cipher.decrypt(
                packet[-_COUNTER_BYTES:] + bytes(8), packet[header_size:-_COUNTER_BYTES], packet[:header_size]
            )
        except (InvalidTag, ValueError) as error:
            raise RtpError("the transport key does not fit") from error


class XChaChaCipher:
    """The mode ``aead_xchacha20_poly1305_rtpsize``. Its nonce is a 4-byte counter and 20 zeros."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._count = _Counter()

    def seal(self, header: bytes, plain: bytes) -> bytes:
        """Encrypt a payload; returns the whole packet."""
        counter = self._count()
        nonce = counter + bytes(20)
        return header + crypto_aead_xchacha20poly1305_ietf_encrypt(plain, header, nonce, self._key) + counter

    def open(self, packet: bytes, header_size: int) -> bytes:
        """Decrypt a packet's payload. Raises :class:`RtpError`."""
        nonce = packet[-_COUNTER_BYTES:] + bytes(20)
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(
                packet[header_size:-_COUNTER_BYTES], packet[:header_size], nonce, self._key
            )
        except (CryptoError, ValueError) as error:
            raise RtpError("the transport key does not fit") from error


def make_cipher(mode: str, key: bytes) -> PacketCipher:
    """Make the cipher of a mode.

    Raises:
        ValueError: there is no such mode.
    """
    if mode == AES_GCM:
        return AesGcmCipher(key)
    if mode == XCHACHA20:
        return XChaChaCipher(key)
    raise ValueError(f"no transport encryption is called {mode!r}")
