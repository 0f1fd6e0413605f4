"""``python -m bot.voice.transcribe.worker``: faster-whisper in a process of its own, so that it disturbs no clock."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any, BinaryIO

import numpy as np

from bot.voice.receive.heard import HEARING_RATE, Sound16
from bot.voice.transcribe.guards import HeardSegment, believable_text
from bot.voice.transcribe.worker_wire import PREFIX, WireError, decode, encode, lengths

NICENESS = 10
TOKENS_A_SECOND, FEWEST_TOKENS, MOST_TOKENS = 8, 16, 220


class ModelMissing(Exception):  # noqa: N818
    """The model can't be loaded; the text says what to do."""


class Listener:
    """The model, loaded."""

    def __init__(self, model: str, device: str, threads: int, language: str | None, compute_type: str) -> None:
        import ctranslate2
        from faster_whisper import WhisperModel

        cards = ctranslate2.get_cuda_device_count() if device != "cpu" else 0
        if device == "cuda" and not cards:
            raise ModelMissing("STT_DEVICE=cuda, but CTranslate2 finds no card that it can use.")
        self.device = "cuda" if cards else "cpu"
        wanted = compute_type if compute_type != "auto" else "float16" if cards else "int8"
        self._language = language
        try:
            self._model = WhisperModel(
                model, device=self.device, compute_type=wanted, cpu_threads=threads, local_files_only=True
            )
        except Exception as error:
            raise ModelMissing(
                f"The Whisper model {model!r} is not on this machine, or is broken ({type(error).__name__}). "
                "`python -m bot models download` gets it; or set STT_MODEL to the folder it lies in."
            ) from error
        self.compute_type = str(self._model.model.compute_type)

    def transcribe(self, sound: Sound16, hot_words: str | None) -> tuple[str, str | None]:
        """The words in it, and their language."""
        sound = np.clip(np.nan_to_num(sound, nan=0.0, posinf=0.0, neginf=0.0), -1, 1)
        seconds = len(sound) / HEARING_RATE
        segments, info = self._model.transcribe(
            sound,
            language=self._language,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            max_new_tokens=int(min(max(FEWEST_TOKENS, TOKENS_A_SECOND * seconds), MOST_TOKENS)),
            hotwords=hot_words,
        )
        heard = [HeardSegment(s.text, s.no_speech_prob, s.avg_logprob, s.compression_ratio) for s in segments]
        return believable_text(heard, seconds), info.language


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the requests end: the parent is gone, or wants no more."""
    listener: Listener | None = None
    while (prefix := requests.read(PREFIX)) and len(prefix) == PREFIX:
        head, body = lengths(prefix)
        header, sound = decode(requests.read(head), requests.read(body))
        try:
            if header.get("load"):
                listener = Listener(**header["load"])
                listener.transcribe(np.zeros(HEARING_RATE, np.float32), None)
                answer: dict[str, Any] = {"device": listener.device, "compute_type": listener.compute_type}
            elif listener is None:
                answer = {"error": "no model is loaded"}
            else:
                text, language = listener.transcribe(sound, header.get("hot_words"))
                answer = {"text": text, "language": language}
        except ModelMissing as error:
            answer = {"error": str(error)}
        except Exception as error:
            logging.exception("Could not transcribe")
            answer = {"error": f"The transcriber failed ({type(error).__name__})."}
        answers.write(encode({"id": header.get("id"), **answer}))
        answers.flush()


def main() -> int:
    """Serve the parent over the standard streams."""
    os.nice(NICENESS)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever a library prints must not come between the frames.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        serve(sys.stdin.buffer, answers)
    except (WireError, BrokenPipeError):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
