"""Makes voice packets for the bare floor (``bare_floor.py``), the minimal bot to which the real one is compared.

Every bot has to do this work for each packet: Opus, end-to-end encryption and transport encryption. libopus is called
directly. The ciphers are those of ``cryptography`` and PyNaCl, with random keys.
"""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import struct
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt

RATE, FRAME_SAMPLES, CHANNELS = 48_000, 960, 2
_VOIP = 2048
_BITRATE, _BANDWIDTH, _ERROR_CORRECTION, _LOSS, _SIGNAL = 4002, 4008, 4012, 4014, 4024
"""Numbers of libopus's options, from ``opus_defines.h``."""
_OPTIONS = ((_BITRATE, 64_000), (_BANDWIDTH, 1105), (_ERROR_CORRECTION, 1), (_LOSS, 10), (_SIGNAL, 3001))
"""The options of the bot's encoder: 64 kbit/s, full bandwidth, error correction for 10 % loss, voice."""
_MAX_BYTES = 4000
_TAG_BYTES = 8
"""DAVE sends only this many bytes of the authentication tag."""


class BareEncoder:
    """libopus's encoder at 48,000 Hz stereo.

    Raises:
        OSError: there is no libopus, or it makes no encoder.
    """

    def __init__(self) -> None:
        self._opus = ctypes.CDLL(_find_libopus())
        self._opus.opus_encoder_create.restype = ctypes.c_void_p
        error = ctypes.c_int()
        self._state = ctypes.c_void_p(self._opus.opus_encoder_create(RATE, CHANNELS, _VOIP, ctypes.byref(error)))
        if error.value:
            raise OSError(f"libopus made no encoder: error {error.value}")
        for option, value in _OPTIONS:
            self._opus.opus_encoder_ctl(self._state, option, ctypes.c_int(value))
        self._encoded = ctypes.create_string_buffer(_MAX_BYTES)

    def encode(self, pcm: bytes) -> bytes:
        """Encode 20 ms of stereo 16-bit PCM."""
        size = self._opus.opus_encode(self._state, pcm, FRAME_SAMPLES, self._encoded, _MAX_BYTES)
        if size < 0:
            raise OSError(f"libopus did not encode: error {size}")
        return self._encoded.raw[:size]


class BarePackets:
    """Makes packets from sound.

    Attributes:
        end_to_end_key: the random key of the frames.
        transport_key: the random key of the packets.
        number: the number of packets that were made, and so the sequence number of the newest one.
    """

    def __init__(self) -> None:
        self.end_to_end_key, self.transport_key = os.urandom(16), os.urandom(32)
        self._encoder = BareEncoder()
        self._end_to_end = AESGCM(self.end_to_end_key)
        self.number = 0

    def packet(self, sound: bytes) -> bytes:
        """Make a packet of the first 20 ms of ``sound``: float32 samples, mono, 48,000 Hz."""
        self.number += 1
        samples = np.frombuffer(sound, "<f4", count=FRAME_SAMPLES)
        pcm = (np.clip(samples, -1.0, 1.0) * np.float32(32_767)).astype("<i2").repeat(CHANNELS).tobytes()
        return self._transport_encrypted(self._end_to_end_encrypted(self._encoder.encode(pcm)))

    def _end_to_end_encrypted(self, frame: bytes) -> bytes:
        """The frame in DAVE's format: ciphertext, short tag, counter (LEB128), size of all that is added, marker."""
        sealed = self._end_to_end.encrypt(bytes(8) + struct.pack("<I", self.number), frame, None)
        tag_ends = len(frame) + _TAG_BYTES
        counter = _leb128(self.number)
        size = _TAG_BYTES + len(counter) + 3
        return sealed[:tag_ends] + counter + bytes((size,)) + b"\xfa\xfa"

    def _transport_encrypted(self, frame: bytes) -> bytes:
        """An RTP packet in the mode ``aead_xchacha20_poly1305_rtpsize``."""
        number = self.number
        header = struct.pack(">BBHII", 0x80, 0x78, number & 0xFFFF, FRAME_SAMPLES * number & 0xFFFF_FFFF, 1)
        counter = struct.pack(">I", number)
        nonce = counter + bytes(20)
        return header + crypto_aead_xchacha20poly1305_ietf_encrypt(frame, header, nonce, self.transport_key) + counter


def _find_libopus() -> str:
    """The same libopus that the bot uses: the system's, or else the one in PyAV's wheel."""
    if found := ctypes.util.find_library("opus"):
        return found
    spec = importlib.util.find_spec("av")
    folders = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    bundled = (path for folder in folders for path in Path(folder).parent.glob("av.libs/libopus-*.so*"))
    return str(next(bundled, "libopus.so.0"))


def _leb128(number: int) -> bytes:
    """An unsigned number in groups of 7 bits, the lowest first."""
    groups = bytearray()
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(groups) + bytes((number,))
