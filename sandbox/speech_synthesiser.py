"""A program that speaks texts: ``python -m sandbox.speech_synthesiser``. It exits when its standard input is closed.

Each request is one line of JSON: ``text``, ``voice``, ``rate`` in words a minute, ``pitch``. The response is a line of
JSON too. It has ``rate`` in samples a second and ``bytes``, the length of the 16-bit little-endian mono PCM that
follows the line; or it has ``error``.

espeak-ng keeps state between texts: if one process speaks the same text twice, the two sounds differ slightly.
Therefore each text is spoken in a fork of this process. The process itself never speaks.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from audio.espeak import EspeakError, EspeakLibrary, load_espeak
from audio.pcm import to_pcm16
from config.output import whole_output


def main() -> None:
    """Speak the requests of the standard input."""
    # Ctrl-C is meant for the parent process. The parent stops this process by closing its standard input.
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


def _say(library: EspeakLibrary, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    try:
        pcm = to_pcm16(library.say(request["text"], request["voice"], request["rate"], request["pitch"]))
    except EspeakError as error:
        return {"error": str(error)}, b""
    return {"rate": library.sample_rate, "bytes": len(pcm)}, pcm


def _answer(header: dict[str, Any], pcm: bytes = b"") -> None:
    with whole_output() as answers:
        answers.write(json.dumps(header).encode() + b"\n" + pcm)


if __name__ == "__main__":
    main()
