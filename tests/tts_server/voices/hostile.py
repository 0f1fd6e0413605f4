"""A hundred hostile files that pretend to be recordings; each name says what is wrong."""

from __future__ import annotations

import functools
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np

from audio.encoders import FfmpegEncoder
from audio.pcm import to_pcm16
from audio.samples import Samples
from tests.tones import tone
from tests.tts_server.voices.sounds import encoded, good_files, seconds_of_speech, silence, speech, wav
from tts_server.voices.decoding import RATE

_MEGABYTE = 1 << 20
_HOURS = 10
_RANDOM_FILES, _MUTATIONS = 12, 24
_SAMPLES = 0x08000000

_Content = bytes | Callable[[], bytes]
"""The content of a file, or a function that makes it, because some take a second to make."""


def hostile_files(every: int = 1) -> list[tuple[str, bytes]]:
    """Files that must all be refused; with ``every=5``, a fifth of them."""
    all_of_them = chain(
        _bombs(),
        _of_other_kinds(),
        _lying_headers(),
        _cut_short(),
        _sound_that_is_no_speech(),
        _noise_behind_a_header(),
    )
    chosen = list(all_of_them)[::every]
    return [(name, content if isinstance(content, bytes) else content()) for name, content in chosen]


def mutations() -> Iterator[tuple[str, bytes]]:
    """Good files with bytes changed, moved or dropped. Some may still be good; none may do harm."""
    random = np.random.default_rng(7)
    for number, (name, data) in zip(range(_MUTATIONS), _over_and_over(), strict=False):
        broken = bytearray(data)
        # Half of the changes hit the header.
        end = 200 if number % 2 else len(broken)
        for _ in range(int(random.integers(1, 40))):
            broken[int(random.integers(4, end))] = int(random.integers(256))
        start = int(random.integers(0, len(broken)))
        yield f"mutation {number} of {name}", bytes(broken if number % 3 else broken[:start])


def _over_and_over() -> Iterator[tuple[str, bytes]]:
    while True:
        yield from good_files().items()


def _bombs() -> Iterator[tuple[str, _Content]]:
    yield "a zip bomb called .wav", _zip_bomb
    yield "a zip bomb with a WAV's first bytes", lambda: wav_header(64 * _MEGABYTE) + _zip_bomb()
    yield "a gzip bomb", lambda: zlib.compress(bytes(64 * _MEGABYTE), 9, 31)
    yield "hours of silence in a little FLAC", hours_of_flac
    yield "hours of silence in a little Opus", lambda: encoded("ogg", "libopus", silence(700), 48_000)
    yield "an MP3 whose title unpacks to a gigabyte", lambda: id3_bomb() + good_files()["mp3"][:200]
    yield "an MP4 of 134 million samples in 401 bytes", mp4_bomb
    yield "26 MB of WAV", lambda: wav_header(26 * _MEGABYTE) + bytes(26 * _MEGABYTE)


def _zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sound.wav", bytes(64 * _MEGABYTE))
    return file.getvalue()


@functools.cache
def hours_of_flac() -> bytes:
    """Hours of silence. FLAC needs only 13 bytes for a block of silence, however long."""
    encoder = FfmpegEncoder(RATE, "flac", "flac", "audio/flac")
    # One stretch is encoded and its frames are repeated. FFmpeg ignores frame numbers.
    head = encoder.encode(silence(1))
    frames = encoder.encode(silence(600)) + encoder.finish()
    return head + frames * (_HOURS * 6)


@functools.cache
def id3_bomb(size: int = 1000 * _MEGABYTE) -> bytes:
    """An ID3 tag of a megabyte that FFmpeg decompresses into memory as a whole."""
    megabytes, letters = size // _MEGABYTE, b"a" * _MEGABYTE
    # A full flush forgets what came before, so that each megabyte is packed as the first one is.
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    one = packer.compress(letters) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = functools.reduce(lambda so_far, _: zlib.adler32(letters, so_far), range(megabytes), 1)
    packed = b"\x78\xda" + one * megabytes + packer.flush() + struct.pack(">I", checksum)
    body = struct.pack(">I", size) + packed
    compressed_and_with_its_length = b"\x00\x09"
    frame = b"TIT2" + _synchsafe(len(body)) + compressed_and_with_its_length + body
    return b"ID3\x04\x00\x00" + _synchsafe(len(frame)) + frame


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def mp4_bomb() -> bytes:
    """A sample table in which all samples have the same size: without any entries, it claims gigabytes of index."""
    description = _box(b"stsd", struct.pack(">II", 0, 1) + _box(b"mp4a", _audio_entry()))
    table = (
        description
        + _box(b"stts", struct.pack(">IIII", 0, 1, _SAMPLES, 2))
        + _box(b"stsc", struct.pack(">IIIII", 0, 1, 1, _SAMPLES // 16, 1))
        + _box(b"stsz", struct.pack(">III", 0, 1, _SAMPLES))
        + _box(b"stco", struct.pack(">II", 0, 16) + struct.pack(">I", 40) * 16)
    )
    media = (
        _box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, RATE, RATE * 10, 0, 0))
        + _box(b"hdlr", struct.pack(">II4s12x", 0, 0, b"soun") + b"\0")
        + _box(b"minf", _box(b"stbl", table))
    )
    return (
        _box(b"ftyp", b"M4A \0\0\0\0M4A ")
        + _box(b"moov", _box(b"trak", _box(b"mdia", media)))
        + _box(b"mdat", b"x" * 64)
    )


def _audio_entry() -> bytes:
    return struct.pack(">6xH8xHHHHI", 1, 1, 16, 0, 0, RATE << 16)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _of_other_kinds() -> Iterator[tuple[str, _Content]]:
    yield "nothing but a line end", b"\n"
    yield "text", b"Hello, please clone me."
    yield "a web page", b"<!DOCTYPE html><html><body>404</body></html>"
    yield "JSON", b'{"recording": true}'
    yield "a picture", b"\x89PNG\r\n\x1a\n" + bytes(500)
    yield "a photograph", b"\xff\xd8\xff\xe0" + bytes(500)
    yield "an animation", b"GIF89a" + bytes(500)
    yield "a program", b"\x7fELF\x02\x01\x01" + bytes(500)
    yield "a Windows program", b"MZ" + bytes(500)
    yield "a pickle", b"\x80\x04cposix\nsystem\n(S'id'\ntR."
    yield "a playlist of files of this machine", b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"
    yield "a list of files to join", b"ffconcat version 1.0\nfile /etc/passwd\n"
    yield "a session description", b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n"
    yield "a DASH manifest", b'<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>'
    yield "a tar archive that wants out", b"../../../../etc/cron.d/x".ljust(512, b"\0") * 3
    yield "a script", b"#!/bin/sh\nrm -rf /\n"
    yield "subtitles", b"1\n00:00:00,000 --> 10:00:00,000\nhello\n"
    yield "AIFF", lambda: encoded("aiff", "pcm_s16be", speech())
    yield "Matroska", lambda: encoded("matroska", "libopus", speech(), 48_000)
    yield "AVI", lambda: encoded("avi", "pcm_s16le", speech())
    yield "bare AAC", lambda: encoded("adts", "aac", speech(), 44_100)
    yield "MPEG layer 2", lambda: encoded("mp2", "mp2", speech(), 44_100)
    yield "a WAV with MP3 in it", lambda: encoded("wav", "libmp3lame", speech(), 44_100)
    yield "a WAV with ADPCM in it", lambda: encoded("wav", "adpcm_ms", speech())
    yield "six channels", lambda: encoded("wav", "pcm_s16le", seconds_of_speech(6.5), RATE, "5.1")
    yield (
        "an Ogg with Speex in it",
        lambda: good_files()["ogg opus, a Discord voice message"].replace(b"OpusHead", b"Speex   "),
    )


def _lying_headers() -> Iterator[tuple[str, bytes]]:
    data = to_pcm16(speech()[: RATE * 2])
    for name, header in {
        "a WAV that says it has ten hours": wav_header(RATE * 2 * 3600 * _HOURS),
        "a WAV at 4 Hz": wav_header(len(data), rate=4),
        "a WAV at 4 GHz": wav_header(len(data), rate=0xFFFFFFFF),
        "a WAV at 0 Hz": wav_header(len(data), rate=0),
        "a WAV of 65535 channels": wav_header(len(data), channels=0xFFFF),
        "a WAV of no channel": wav_header(len(data), channels=0),
        "a WAV of 0 bits": wav_header(len(data), bits=0),
        "a WAV of 65535 bits": wav_header(len(data), bits=0xFFFF),
        "a WAV of an unknown codec": wav_header(len(data), codec=0xBEEF),
    }.items():
        yield name, header + data
    flac = bytearray(good_files()["flac"])
    flac[21:26] = bytes([flac[21] & 0xF0 | 0x0F, 0xFF, 0xFF, 0xFF, 0xFF])
    yield "a FLAC that says it has 2^36 samples", bytes(flac)
    yield "a FLAC of 2^36 samples and no more than a header", bytes(flac[:200])
    yield "a header inside a header", wav_header(100) * 50


def wav_header(size: int, *, rate: int = RATE, channels: int = 1, bits: int = 16, codec: int = 1) -> bytes:
    block = channels * bits // 8
    layout = struct.pack("<HHIIHH", codec, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    return struct.pack("<4sI4s4sI16s4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, layout, b"data", size)


def _cut_short() -> Iterator[tuple[str, bytes]]:
    for name, data in good_files().items():
        for length in (5, 13, 40, 600):
            yield f"{name}, {length} bytes of it", data[:length]


def _sound_that_is_no_speech() -> Iterator[tuple[str, bytes]]:
    random = np.random.default_rng(3)
    seconds = np.arange(12 * RATE) / RATE
    yield "silence", wav(silence(12))
    yield "noise", wav((0.2 * random.standard_normal(12 * RATE)).astype(np.float32))
    yield "a tone", wav(tone(12, rate=RATE, level=0.5))
    yield "a chord", wav(_chord(seconds))
    yield "not a number", encoded("wav", "pcm_f32le", np.full(12 * RATE, np.nan, np.float32))
    yield "infinities", encoded("wav", "pcm_f32le", np.full(12 * RATE, np.inf, np.float32))
    yield "3 seconds of speech", wav(seconds_of_speech(3))
    yield "50 seconds of speech", wav(seconds_of_speech(50))
    yield "clipped speech", wav(np.clip(6 * speech(), -1, 1))
    yield "a whisper from the next room", wav(speech() * np.float32(0.003))


def _chord(seconds: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Samples:
    tones = [0.2 * np.sin(2 * np.pi * hertz * seconds) for hertz in (262, 330, 392)]
    chord: Samples = np.sum(tones, axis=0).astype(np.float32)
    return chord


def _noise_behind_a_header() -> Iterator[tuple[str, bytes]]:
    random = np.random.default_rng(5)
    starts = [b"fLaC", b"OggS\0\x02", b"ID3\x04\0\0\0\0\0\0", b"\xff\xfb\x90\x00", b"\0\0\0\x20ftypM4A ", wav_header(8)]
    for number in range(_RANDOM_FILES):
        start = starts[number % len(starts)]
        yield f"noise behind {start[:4]!r}, number {number}", start + random.bytes(20_000 if number % 2 else 300)
