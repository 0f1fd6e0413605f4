"""``python -m bot.voice.transcribe.worker``: faster-whisper in a process of its own, so that it disturbs no clock."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from audio.samples import HEARING_RATE, Sound16, finite
from bot.voice.transcribe.hallucinations import TELLING_SECONDS, HeardSegment
from bot.voice.transcribe.worker_wire import PREFIX, FrameError, decode_frame, encode_frame, lengths
from config.lifetime import end_with_parent

NICENESS = 10
TOKENS_A_SECOND, FEWEST_TOKENS, MOST_TOKENS = 8, 16, 220
SECOND_TRY = (0.2, 0.4)
"""Temperatures at which a sound is recognised once more that made a loop; Whisper's own decoding does so too."""
SURE_OF_LANGUAGE = 0.8
"""How likely another language than somebody's usual one must be before it is believed."""


class ModelMissing(Exception):  # noqa: N818
    """The model can't be loaded anywhere; the text says which."""


class Information(Protocol):
    """What faster-whisper tells about the whole of a sound."""

    language: str
    language_probability: float


class RecogniserModel(Protocol):
    """faster-whisper's model, as far as it is used here."""

    def transcribe(self, audio: Sound16, **options: Any) -> tuple[Iterable[Any], Any]:
        """The segments, worked out as they are taken, and an :class:`Information`."""
        ...


@dataclass(frozen=True, slots=True)
class Recognised:
    """What is in a sound. ``language_probability`` is ``None`` where the language was not looked for."""

    segments: list[HeardSegment]
    language: str
    language_probability: float | None


class Listener:
    """A model, loaded. ``language``: what everybody speaks, where that is known."""

    def __init__(self, model: RecogniserModel, language: str | None, compute_type: str) -> None:
        self._model = model
        self._language = language
        self.compute_type = compute_type

    def transcribe(self, sound: Sound16, hot_words: str | None = None, usual: str | None = None) -> Recognised:
        """Recognise; ``usual`` is what the speaker usually speaks, which holds unless the sound is long and sure."""
        sound = np.clip(finite(sound), -1, 1)
        given = self._language or (usual if len(sound) < TELLING_SECONDS * HEARING_RATE else None)
        segments, information = self._begin(sound, hot_words, given)
        unsure = given is None and information.language_probability < SURE_OF_LANGUAGE
        if usual is not None and unsure and information.language != usual:
            segments, information = self._begin(sound, hot_words, usual)
        heard = _heard(segments, _most_tokens(sound))
        for temperature in SECOND_TRY:
            if not any(segment.stuck for segment in heard):
                break
            segments, _ = self._begin(sound, hot_words, information.language, temperature)
            heard = _heard(segments, _most_tokens(sound))
        return Recognised(heard, information.language, information.language_probability if given is None else None)

    def _begin(
        self, sound: Sound16, hot_words: str | None, language: str | None, temperature: float = 0.0
    ) -> tuple[Iterable[Any], Information]:
        """Look for the language, where none is given; the words are worked out when they are asked for."""
        return self._model.transcribe(
            sound,
            language=language,
            beam_size=1,
            temperature=temperature,
            condition_on_previous_text=False,
            without_timestamps=True,
            max_new_tokens=_most_tokens(sound),
            hotwords=hot_words,
        )


def _most_tokens(sound: Sound16) -> int:
    return int(min(max(FEWEST_TOKENS, TOKENS_A_SECOND * len(sound) / HEARING_RATE), MOST_TOKENS))


def _heard(segments: Iterable[Any], most_tokens: int) -> list[HeardSegment]:
    return [
        HeardSegment(
            one.text,
            one.no_speech_prob,
            one.avg_logprob,
            one.compression_ratio,
            len(getattr(one, "tokens", ())) >= most_tokens,
        )
        for one in segments
    ]


class Machine(Protocol):
    """What this machine can do."""

    def cards(self) -> int:
        """How many graphics cards can be used."""
        ...

    def load(
        self, model: str, device: str, index: int, compute_type: str, threads: int, language: str | None
    ) -> Listener:
        """Load a model; raises :class:`ModelMissing`, or whatever is wrong with the place."""
        ...


class ThisMachine:
    """The real :class:`Machine`, by CTranslate2 and faster-whisper."""

    def cards(self) -> int:
        """How many graphics cards CTranslate2 finds."""
        import ctranslate2

        try:
            return int(ctranslate2.get_cuda_device_count())
        except RuntimeError:
            logging.exception("The graphics cards can't be counted")
            return 0

    def load(
        self, model: str, device: str, index: int, compute_type: str, threads: int, language: str | None
    ) -> Listener:
        """Load a model that is on this machine."""
        from faster_whisper import WhisperModel
        from faster_whisper.utils import download_model

        try:
            folder = model if Path(model).is_dir() else download_model(model, local_files_only=True)
        except Exception as error:
            raise ModelMissing(f"The Whisper model {model!r} is not on this machine.") from error
        whisper = WhisperModel(
            folder,
            device=device,
            device_index=index,
            compute_type=compute_type,
            cpu_threads=threads,
            local_files_only=True,
        )
        return Listener(whisper, language, str(whisper.model.compute_type))


def serve(requests: BinaryIO, answers: BinaryIO, machine: Machine) -> None:
    """Answer until the requests end: the parent is gone, or wants no more."""
    listener: Listener | None = None
    while (prefix := requests.read(PREFIX)) and len(prefix) == PREFIX:
        head, body = lengths(prefix)
        header, sound = decode_frame(requests.read(head), requests.read(body))
        try:
            if header.get("survey"):
                answer: dict[str, Any] = {"cards": machine.cards()}
            elif header.get("load"):
                listener = None
                listener, answer = _load(machine, header["load"])
            elif listener is None:
                answer = {"error": "no model is loaded"}
            else:
                answer = _answer(listener.transcribe(sound, header.get("hot_words"), header.get("usual")))
        except ModelMissing as error:
            answer = {"error": str(error), "missing": True}
        except Exception as error:
            # What can't be loaded in one place is tried in another; whoever asked says why.
            if not header.get("load"):
                logging.exception("Could not transcribe")
            answer = {"error": str(error) or type(error).__name__}
        answers.write(encode_frame({"id": header.get("id"), **answer}))
        answers.flush()


def _load(machine: Machine, wanted: dict[str, Any]) -> tuple[Listener, dict[str, Any]]:
    """Load, and recognise a second of silence: a library that is missing is often found missing only then."""
    listener = machine.load(**wanted)
    began = time.monotonic()
    listener.transcribe(np.zeros(HEARING_RATE, np.float32))
    return listener, {"compute_type": listener.compute_type, "seconds": time.monotonic() - began}


def _answer(recognised: Recognised) -> dict[str, Any]:
    return {
        "segments": [[s.text, s.no_speech, s.log_probability, s.compression, s.cut_off] for s in recognised.segments],
        "language": recognised.language,
        "language_probability": recognised.language_probability,
    }


def main(machine: Machine) -> int:
    """Serve the parent over the standard streams."""
    end_with_parent()
    os.nice(NICENESS)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever a library prints must not come between the frames.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        serve(sys.stdin.buffer, answers, machine)
    except (FrameError, BrokenPipeError):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(ThisMachine()))
