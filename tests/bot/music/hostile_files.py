"""Sound files that are broken, hostile or odd, in three tables: :data:`NOT_SOUND`, :data:`TOO_LONG`, :data:`PLAYED`.

A table has a function for each file, which makes its content. The key says what is odd about the file.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tests.bot.music.pieces import wav
from tests.tones import tone

RATE, LEVEL = 48_000, 0.2
LONG = 2**36 - 1
"""The largest number of samples that FLAC can claim."""


def encoded(
    container: str, codec: str, seconds: float = 1.0, *, rate: int = RATE, layout: str = "stereo", pitch: float = 440
) -> bytes:
    """A tone in a file of this kind."""
    data = io.BytesIO()
    with av.open(data, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        sound = np.tile(tone(seconds, pitch, rate=rate, level=LEVEL), (len(av.AudioLayout(layout).channels), 1))
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        resampler = av.AudioResampler(stream.codec_context.format, stream.layout, rate, stream.codec_context.frame_size)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return data.getvalue()


def pictures(container: str, codec: str, count: int = 3) -> bytes:
    """Moving pictures without sound."""
    data = io.BytesIO()
    with av.open(data, "w", format=container) as file:
        stream = file.add_stream(codec, rate=25)
        assert isinstance(stream, VideoStream)
        stream.width = stream.height = 64
        stream.pix_fmt = {"mjpeg": "yuvj420p", "gif": "rgb8", "png": "rgb24"}.get(codec, "yuv420p")
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 40 * number, np.uint8), format="rgb24")
            file.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        file.mux(stream.encode(None))
    return data.getvalue()


def with_attachment() -> bytes:
    """Matroska with a tone, and with a playlist and a megabyte attached."""
    data = io.BytesIO()
    with av.open(data, "w", format="matroska") as file:
        file.add_attachment("list.m3u8", "application/x-mpegurl", b"#EXTM3U\nfile:///etc/passwd\n")
        file.add_attachment("font.ttf", "font/ttf", bytes(1_000_000))
        stream = file.add_stream("pcm_s16le", rate=RATE, layout="mono")
        sound = (tone(1.0, level=LEVEL) * 32_767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), 0
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return data.getvalue()


# FLAC (RFC 9639), by hand.


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    register, top, mask = 0, 1 << bits - 1, (1 << bits) - 1
    for byte in data:
        register ^= byte << bits - 8
        for _ in range(8):
            register = (register << 1 ^ polynomial if register & top else register << 1) & mask
    return register


def flac_frame(number: int, rate: int, value: int = 100, *, channels: int = 1, samples: int = 65_535) -> bytes:
    """A frame in which all samples have one value. It needs a dozen bytes, whatever its length."""
    # The sync code; a code for "the length and the rate follow"; the channels, with 16 bits a sample; the number.
    head = bytes([0xFF, 0xF8, 0x7D, channels - 1 << 4 | 8]) + chr(number).encode()
    head += struct.pack(">HH", samples - 1, rate)
    head += bytes([_crc(head, 8, 0x07)])
    frame = head + b"".join(b"\0" + struct.pack(">h", value) for _ in range(channels))
    return frame + struct.pack(">H", _crc(frame, 16, 0x8005))


def flac(frames: list[bytes], rate: int = RATE, *, channels: int = 1, stated: int = 0, blocks: bytes = b"") -> bytes:
    """A FLAC file.

    Args:
        stated: the number of samples that its head claims.
        blocks: further blocks of the head.
    """
    facts = rate << 44 | channels - 1 << 41 | 16 - 1 << 36 | stated  # with 16 bits a sample
    info = struct.pack(">HH", 65_535, 65_535) + bytes(6) + facts.to_bytes(8, "big") + bytes(16)
    last = 0 if blocks else 0x80
    return b"fLaC" + bytes([last, 0, 0, len(info)]) + info + blocks + b"".join(frames)


def flac_tone(frames: int = 12, rate: int = RATE, **more: int) -> list[bytes]:
    """Frames of 0.1 s each, with a square wave."""
    return [flac_frame(n, rate, 3_000 if n % 2 else -3_000, samples=rate // 10, **more) for n in range(frames)]


# WAV, by hand.


def wav_head(
    rate: int = RATE, channels: int = 2, *, tag: int = 1, bits: int = 16, align: int | None = None, stated: int = 0
) -> bytes:
    """The head of a WAV file whose content is stated to have this many bytes."""
    align = channels * bits // 8 if align is None else align
    form = struct.pack("<HHIIHH", tag, channels, rate, (rate * align) & 0xFFFFFFFF, align, bits)
    return (
        b"RIFF"
        + struct.pack("<I", stated)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", stated)
    )


def float_wav(samples: NDArray[np.float32], **head: int) -> bytes:
    content = samples.astype("<f4").tobytes()
    return wav_head(tag=3, bits=32, stated=len(content), **head) + content


# Other formats, changed after they were written.


def id3(frames: bytes, stated: int | None = None) -> bytes:
    """An ID3 tag. ``stated``: the length that its head claims."""
    size = len(frames) if stated is None else stated
    return b"ID3\x03\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + frames


def id3_frame(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">IH", len(content), 0) + content


def patched(data: bytes, mark: bytes, offset: int, new: bytes) -> bytes:
    """``data`` with ``new`` in place of its own bytes, beginning ``offset`` bytes after the beginning of the first
    ``mark``.
    """
    at = data.index(mark) + offset
    return data[:at] + new + data[at + len(new) :]


def atom(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I", len(content) + 8 if size is None else size) + kind + content


def nested(levels: int) -> bytes:
    """MP4 with atoms in each other."""
    inner = b""
    for _ in range(levels):
        inner = atom(b"moov", inner)
    return atom(b"ftyp", b"M4A \0\0\0\0M4A ") + inner


def ogg_page(content: bytes, *, serial: int = 1, number: int = 0, first: bool = True, granule: int = 0) -> bytes:
    laces = bytes([255] * (len(content) // 255)) + bytes([len(content) % 255])
    head = struct.pack("<4sBBqIII", b"OggS", 0, 2 if first else 0, granule, serial, number, 0) + bytes([len(laces)])
    page = head + laces + content
    sum_ = _crc(page, 32, 0x04C11DB7)
    return page[:22] + struct.pack("<I", sum_) + page[26:]


def ogg_granule(data: bytes, granule: int) -> bytes:
    """Ogg whose last page claims to end at this sample."""
    at = data.rindex(b"OggS")
    page = data[at : at + 6] + struct.pack("<q", granule) + data[at + 14 : at + 22] + bytes(4) + data[at + 26 :]
    return data[:at] + page[:22] + struct.pack("<I", _crc(page, 32, 0x04C11DB7)) + page[26:]


def zipped() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("song.wav", bytes(20_000_000))
    return data.getvalue()


def huge_png() -> bytes:
    """A picture of 50,000 x 50,000 pixels in a few bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1_000_000))) + chunk(b"IEND", b"")


def mp4_duration(data: bytes, samples: int) -> bytes:
    """MP4 whose track claims this many samples: as its duration, and in its only entry of times."""
    return patched(patched(data, b"mdhd", 20, struct.pack(">I", samples)), b"stts", 12, struct.pack(">II", samples, 1))


def xing(data: bytes, frames: int) -> bytes:
    """MP3 whose head claims this many frames, in the field behind its mark and its flags."""
    mark = b"Xing" if b"Xing" in data else b"Info"
    return patched(data, mark, 8, struct.pack(">I", frames))


MP3, M4A = "mp3", "ipod"
PICTURE = id3_frame(b"APIC", b"\0image/png\0\x03\0" + bytes(1_000_000))
LINKED_PICTURE = id3_frame(b"APIC", b"\0-->\0\x03\0http://127.0.0.1:9/cover.png")
LINK = id3_frame(b"WXXX", b"\0\0file:///etc/passwd")
YEARS = struct.pack(">d", 1e12)
"""A duration for Matroska, in milliseconds: 30 years."""
MATROSKA_DURATION = b"\x44\x89\x88"
"""The id of the field for the duration, and the length of the field."""
XML = b'<?xml version="1.0"?>'

NOT_SOUND: dict[str, Callable[[], bytes]] = {
    "one byte": lambda: b"\xff",
    "a zip bomb": zipped,
    "a gzip bomb": lambda: gzip.compress(bytes(20_000_000)),
    "a program": lambda: b"\x7fELF\x02\x01\x01" + bytes(5_000),
    "a web page": lambda: b"<!doctype html><html><audio src='file:///etc/passwd'></audio></html>" * 20,
    "a picture of 2.5 gigapixels": huge_png,
    "a moving picture": lambda: pictures("gif", "gif"),
    "photographs": lambda: pictures("matroska", "mjpeg"),
    "a film without sound": lambda: pictures("mp4", "mpeg4"),
    "a list of stations": lambda: b"[playlist]\nFile1=http://127.0.0.1:9/a.mp3\nNumberOfEntries=1\n",
    "a list as XML": lambda: XML + b"<asx version='3'><entry><ref href='http://127.0.0.1:9/'/></entry></asx>",
    "a redirection": lambda: b"rtsptextRTSP/1.0 302\r\nLocation: rtsp://127.0.0.1:9/\r\n",
    "an encrypted list": lambda: b'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="file:///etc/passwd"\n#EXTINF:1,\na.ts\n',
    "a format that is not allowed": lambda: encoded("avi", "libmp3lame"),
    "a codec that is not allowed": lambda: wav_head(tag=0x161, stated=4_000) + bytes(4_000),
    "samples at 1 Hz": lambda: wav_head(1, stated=1_000) + bytes(1_000),
    "FLAC at 1 Hz": lambda: flac([flac_frame(n, 1) for n in range(4)]),
    "FLAC that becomes 1 Hz": lambda: flac([*flac_tone(3), *(flac_frame(n, 1) for n in range(3, 6))]),
    "a FLAC block that is missing": lambda: flac([], blocks=b"\x86\xff\xff\xff"),
    "MP4 cut off before its index": lambda: encoded(M4A, "aac", 2.0)[:6_000],
    "MP4 with an endless atom": lambda: atom(b"ftyp", b"M4A ") + atom(b"moov", b"\xff" * 8 + bytes(500), 1),
    "MP4 with 3,000 atoms in each other": lambda: nested(3_000),
    "Ogg without channels": lambda: ogg_page(b"OpusHead\x01\0" + bytes(9)) + ogg_page(bytes(99), number=1, first=False),
    "Ogg in Ogg": lambda: ogg_page(encoded("ogg", "libopus", 0.1)[:2_000]),
    "200 streams at once": lambda: b"".join(ogg_page(b"OpusHead", serial=n) for n in range(200)),
    "Matroska cut off in its head": lambda: encoded("matroska", "libopus")[:120],
    "AAC of noise": lambda: b"".join(
        b"\xff\xf1\x50\x80\x1f\xfc" + np.random.default_rng(n).bytes(249) for n in range(40)
    ),
}
"""Files that can't be played. People are told so."""

TOO_LONG: dict[str, Callable[[], bytes]] = {
    "FLAC that claims three months": lambda: flac(flac_tone(), 8_000, stated=LONG),
    "Matroska that claims 30 years": lambda: patched(
        encoded("matroska", "libopus"), MATROSKA_DURATION, len(MATROSKA_DURATION), YEARS
    ),
    "MP3 that claims three years": lambda: xing(encoded(MP3, "libmp3lame"), 2**32 - 1),
}
"""Files that claim to be longer than is allowed."""

PLAYED: dict[str, Callable[[], bytes]] = {
    "as loud as can be": lambda: wav(1.0, 1.0),
    "not a number": lambda: float_wav(np.full(RATE, np.nan, np.float32)),
    "infinite": lambda: float_wav(np.tile(np.array([np.inf, -np.inf], np.float32), RATE)),
    "a billion times too loud": lambda: float_wav(np.repeat(tone(1.0, level=LEVEL) * np.float32(1e9), 2)),
    "a whisper with one click": lambda: float_wav(np.concatenate((tone(1.0, level=1e-4), [np.float32(1)] * 9))),
    "8 channels at 192,000 Hz": lambda: float_wav(
        np.repeat(tone(0.5, rate=192_000, level=LEVEL), 8), rate=192_000, channels=8
    ),
    "a constant": lambda: flac([flac_frame(n, RATE, 32_767, samples=4_800) for n in range(10)]),
    "FLAC that ends early": lambda: flac(flac_tone(), stated=30 * RATE),
    "a stream without a length": lambda: wav_head(stated=2**32 - 1) + wav(1.0, 0.2)[44:],
    "a picture before the sound": lambda: id3(PICTURE) + encoded(MP3, "libmp3lame"),
    "a picture and links elsewhere": lambda: id3(LINKED_PICTURE + LINK) + encoded(MP3, "libmp3lame"),
    "text in the sound": lambda: encoded(MP3, "libmp3lame") + b"words " * 3_000 + encoded(MP3, "libmp3lame"),
    "Ogg cut off in a page": lambda: encoded("ogg", "libopus", 2.0)[:-500],
    "attachments": with_attachment,
    "film and sound in one": lambda: encoded("mp4", "aac") + pictures("mp4", "mpeg4"),
    "WAV of 149 hours": lambda: wav_head(8_000, 1, bits=8, stated=2**32 - 9) + bytes(1_000),
    "Ogg that claims a million years": lambda: ogg_granule(encoded("ogg", "libopus"), 2**61),
    "MP4 that claims a day": lambda: mp4_duration(encoded(M4A, "aac"), 86_400 * RATE),
    "WebM cut off": lambda: encoded("webm", "libopus", 2.0)[:-700],
}
"""Files that can be played, whole or in part."""
