"""RTP packets of Discord's voice server: headers, the two transport encryptions, extensions and padding.

Source: RFC 3550. In Discord's ``rtpsize`` modes the RTP header, its CSRCs and the header of its extension are not
encrypted.
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
"""Opus's frame of silence. It ends a transmission, and is never encrypted end to end."""
_FIXED = struct.Struct(">BBHII")
"""The fixed part of the RTP header."""
_COUNTER = 4
"""Number of bytes of the counter at the end of a packet. The counter is a part of the nonce."""
_TAG = 16
"""Number of bytes of the authentication tag."""
_VERSION, _PAYLOAD_TYPE = 2, 0x78
"""Version of RTP, and payload type of Discord's voice packets."""


class VoicePacketError(Exception):
    """A datagram is no voice packet, or can't be decrypted."""


@dataclass(frozen=True, slots=True)
class VoicePacket:
    """A packet without transport encryption.

    Attributes:
        ssrc: RTP's id of the stream.
        sequence: RTP's sequence number, 0 to 65,535.
        timestamp: RTP's timestamp, in samples at 48,000 Hz.
        frame: the media frame. It may still be encrypted end to end.
    """

    ssrc: int
    sequence: int
    timestamp: int
    frame: bytes


class TransportCipher(Protocol):
    """Decrypts the transport encryption of packets."""

    def decrypt(self, sealed: bytes, clear: bytes, counter: bytes) -> bytes:
        """Decrypt a packet's payload.

        Args:
            sealed: the ciphertext with its authentication tag.
            clear: the unencrypted header, which is authenticated too.
            counter: the part of the nonce that is sent with the packet.

        Raises:
            VoicePacketError: the packet was not encrypted with this key.
        """
        ...


class XChaCha20:
    """The mode ``aead_xchacha20_poly1305_rtpsize``. Its nonce has 24 bytes: the counter and 20 zeros."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def decrypt(self, sealed: bytes, clear: bytes, counter: bytes) -> bytes:
        """Decrypt a packet's payload; see :meth:`TransportCipher.decrypt`."""
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, clear, counter + bytes(20), self._key)
        except (CryptoError, ValueError) as error:
            raise VoicePacketError("the transport key does not fit") from error


class AesGcm:
    """The mode ``aead_aes256_gcm_rtpsize``. Its nonce has 12 bytes: the counter and 8 zeros."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def decrypt(self, sealed: bytes, clear: bytes, counter: bytes) -> bytes:
        """Decrypt a packet's payload; see :meth:`TransportCipher.decrypt`."""
        try:
            return self._cipher.decrypt(counter + bytes(8), sealed, clear)
        except (InvalidTag, ValueError) as error:
            raise VoicePacketError("the transport key does not fit") from error


def transport_cipher(mode: str, key: bytes) -> TransportCipher:
    """Make the cipher of a transport mode; raises :class:`ValueError` for an unknown mode."""
    match mode:
        case "aead_xchacha20_poly1305_rtpsize":
            return XChaCha20(key)
        case "aead_aes256_gcm_rtpsize":
            return AesGcm(key)
        case _:
            raise ValueError(f"no transport encryption is called {mode!r}")


def decrypt_packet(datagram: bytes, cipher: TransportCipher) -> VoicePacket:
    """Read and decrypt one datagram of any content.

    Raises:
        VoicePacketError: the datagram is RTCP, a keep-alive or garbage, or was encrypted with another key.
    """
    if len(datagram) < _FIXED.size + _TAG + _COUNTER:
        raise VoicePacketError("too short")
    flags, kind, sequence, timestamp, ssrc = _FIXED.unpack_from(datagram)
    # RTCP packets (types 200 to 206) come to the same port. Their second byte is no voice payload type.
    if flags >> 6 != _VERSION or kind & 0x7F != _PAYLOAD_TYPE:
        raise VoicePacketError("not voice")
    size, words = _FIXED.size + 4 * (flags & 0x0F), 0
    if flags & 0x10:
        if len(datagram) < size + 4:
            raise VoicePacketError("the extension's header is missing")
        words = struct.unpack_from(">H", datagram, size + 2)[0]
        size += 4
    if len(datagram) < size + _TAG + _COUNTER:
        raise VoicePacketError("too short")
    plain = cipher.decrypt(datagram[size:-_COUNTER], datagram[:size], datagram[-_COUNTER:])
    # The plaintext is the extension's body, the media frame and the padding. The padding's last byte is its length.
    begin, end = 4 * words, len(plain)
    if flags & 0x20 and plain:
        end -= plain[-1]
    if begin >= end:
        raise VoicePacketError("more extension and padding than payload")
    return VoicePacket(ssrc, sequence, timestamp, plain[begin:end])
