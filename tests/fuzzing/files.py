"""Files for forms: sound, files that only look like sound, and files that would fill a memory or that name others."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile

from tests.features.recordings import recording


def hostile_files() -> tuple[bytes, ...]:
    """All files. Making them takes a moment."""
    speech = recording(0.2)
    wav = recording(0.1, container="wav", codec="pcm_s16le")
    flac = recording(0.1, container="flac", codec="flac")
    mp3 = recording(0.1, container="mp3", codec="libmp3lame")
    return (
        *(speech, speech, wav, flac, mp3, b"", b"nonsense", bytes(5_000), wav[:44], speech[: len(speech) // 2]),
        *(
            wave(rate=4_294_967_295),
            wave(channels=65_535),
            wave(rate=1),
            wave(bits=0),
            wave(said=0xFFFFFFFF),
            wave(rate=0),
        ),
        _zip_bomb(),
        gzip.compress(bytes(20 * 1024**2)),
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        b"<?xml version='1.0'?><MPD><BaseURL>http://127.0.0.1:1/</BaseURL></MPD>",
        b"\x00\x00\x00\x20ftypM4A " + bytes(16) + b"\xff\xff\xff\xffmoov" + bytes(100),
        b"\x1aE\xdf\xa3" + b"\xff" * 64,
        b"RF64\xff\xff\xff\xffWAVEds64" + b"\xff" * 60,
        b"fLaC\x80\x00\x00\x22" + b"\xff" * 34 + bytes(50),
    )


def wave(*, rate: int = 16_000, channels: int = 1, bits: int = 16, said: int = 3_200) -> bytes:
    """A WAV file of 0.1 s with these values in its header, whether they are true or not."""
    block = (channels * bits // 8) & 0xFFFF
    parts = (b"WAVEfmt ", 16, 1, channels, rate, (rate * block) & 0xFFFFFFFF, block, bits, b"data", said)
    return b"RIFF" + struct.pack("<I8sIHHIIHH4sI", (said + 36) & 0xFFFFFFFF, *parts) + bytes(3_200)


def damaged(file: bytes, rng: random.Random) -> bytes:
    """The file with some bytes changed."""
    changed = bytearray(file)
    for _ in range(rng.randrange(1, 8)):
        if changed:
            changed[rng.randrange(min(len(changed), 400))] = rng.randrange(256)
    return bytes(changed)


def _zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.wav", bytes(50 * 1024**2))
    return file.getvalue()
