"""``python -m benchmarks.speakers``: makes the sound files of the demonstration's guests anew, with Kokoro's voices."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from audio.encoders import write_sound
from benchmarks.speakers.natural import Line, NaturalSpeech
from benchmarks.speakers.weights import SpeakersError, kokoro_files
from config.settings import load_settings
from sandbox.voice.opus import SAMPLE_RATE

LINES = Path(__file__).parents[2] / "sandbox" / "lines"
BIT_RATE = 32_000


def main() -> int:
    """Download Kokoro where it is not there yet, say every line, and write each as Ogg Opus."""
    cache = load_settings().cache_dir
    try:
        speech = NaturalSpeech(kokoro_files(cache / "kokoro"), cache / "speech")
    except SpeakersError as error:
        print(f"✘ {error}", file=sys.stderr)
        return 1
    fields = yaml.safe_load((LINES / "lines.yaml").read_text(encoding="utf-8"))
    for name, line in fields["lines"].items():
        sound = speech.say(Line(fields["voices"][line["guest"]], line["text"]))
        write_sound(LINES / f"{name}.opus", sound, SAMPLE_RATE, "libopus", bit_rate=BIT_RATE)
        print(f"{name}: {line['text']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
