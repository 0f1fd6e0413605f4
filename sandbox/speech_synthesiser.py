"""``python -m sandbox.speech_synthesiser VOICE RATE PITCH``: says its input; the output is a rate, a line, and PCM.

The rate is in samples a second; the PCM has 16 bits, little-endian, mono.
"""

from __future__ import annotations

import sys

from audio.espeak import EspeakError, load_espeak
from audio.pcm import to_pcm16


def main(voice: str, rate: str, pitch: str) -> int:
    """Say the standard input."""
    text = sys.stdin.buffer.read().decode()
    library = load_espeak()
    try:
        said = library.say(text, voice, int(rate), int(pitch))
    except EspeakError as error:
        sys.stderr.write(str(error))
        return 1
    sys.stdout.buffer.write(b"%d\n" % library.sample_rate + to_pcm16(said))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
