"""Makes the sound files of the demonstration's guests, with Kokoro's voices: ``python -m benchmarks.speakers``."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from audio.encoders import write_audio_file
from benchmarks.command_line import Report, Run, make_parser, run
from benchmarks.speakers.natural import NaturalSpeech, SpeakerLine
from benchmarks.speakers.weights import SpeakersError, kokoro_files
from config.settings import load_settings
from sandbox.voice.opus import SAMPLE_RATE

LINES = Path(__file__).parents[2] / "sandbox" / "lines"
BIT_RATE = 32_000


def main() -> int:
    """Download Kokoro if needed, speak every line, and write each as Ogg Opus."""
    return run(make_parser("speakers", __doc__), _run, SpeakersError, json_option=False)


def _run(run: Run) -> Report:
    cache = load_settings().cache_dir
    speech = NaturalSpeech(kokoro_files(cache / "kokoro"), cache / "speech")
    fields = yaml.safe_load((LINES / "lines.yaml").read_text(encoding="utf-8"))
    for name, line in fields["lines"].items():
        sound = speech.say(SpeakerLine(fields["voices"][line["guest"]], line["text"]))
        write_audio_file(LINES / f"{name}.opus", sound, SAMPLE_RATE, "libopus", bit_rate=BIT_RATE)
        run.console.print(f"{name}: {line['text']}", markup=False, highlight=False, soft_wrap=True)
    return Report(lambda _: None)


if __name__ == "__main__":
    sys.exit(main())
