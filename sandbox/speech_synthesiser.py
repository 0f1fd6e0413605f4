"""``python -m sandbox.speech_synthesiser``: says what it is asked to on its input, until that ends.

Asked is an object of JSON on a line: ``text``, ``voice``, ``rate`` in words a minute, ``pitch``. The answer is one too:
``rate`` in samples a second, and ``bytes`` of PCM that follow the line, 16 bits, little-endian, mono; or ``error``.

espeak-ng goes on where it left off, so the same words never sound quite the same twice in one process: each text is
said in a fork of this one, which itself says nothing.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from audio.espeak import EspeakError, EspeakLibrary, load_espeak
from audio.pcm import to_pcm16


def main() -> None:
    """Say the lines of the standard input."""
    # Whoever started it ends it, by closing its input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    library = load_espeak()
    for line in sys.stdin.buffer:
        pid = os.fork()
        if pid == 0:
            _answer(*_say(library, json.loads(line)))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if status != 0:
            _answer({"error": f"espeak-ng crashed: status {os.waitstatus_to_exitcode(status)}"})


def _say(library: EspeakLibrary, asked: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    try:
        pcm = to_pcm16(library.say(asked["text"], asked["voice"], asked["rate"], asked["pitch"]))
    except EspeakError as error:
        return {"error": str(error)}, b""
    return {"rate": library.sample_rate, "bytes": len(pcm)}, pcm


def _answer(told: dict[str, Any], pcm: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + pcm)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
