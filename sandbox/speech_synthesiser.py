"""``python -m sandbox.speech_synthesiser VOICE RATE PITCH``: says its input; the output is a rate, a line, and PCM.

The rate is in samples a second; the PCM has 16 bits, little-endian, mono.
"""

from __future__ import annotations

import sys

from tts_server.engines import espeak_library


def main(voice: str, rate: str, pitch: str) -> int:
    """Say the standard input."""
    text = sys.stdin.buffer.read().decode()
    pcm = bytearray()

    def take(piece: bytes) -> bool:
        pcm.extend(piece)
        return True

    library = espeak_library.load()
    try:
        library.speak(text, voice, int(rate), int(pitch), take)
    except espeak_library.EspeakError as error:
        sys.stderr.write(str(error))
        return 1
    sys.stdout.buffer.write(b"%d\n" % library.sample_rate + pcm)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
