"""The transcriber process: ``python -m bot.voice.transcribe.worker`` runs faster-whisper and Moonshine for the bot.

It is a process of its own, so that its computing does not delay the bot's threads. It has the bot's priority: a reply
that is ready waits for the final words, and with a lower priority these would be late whenever the model writes
meanwhile.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from audio.samples import HEARING_RATE
from bot.voice.transcribe.english_first import EnglishFirst, EnglishModel
from bot.voice.transcribe.recogniser import Recogniser, RecognitionResult, SoundRecogniser
from bot.voice.transcribe.worker_wire import PREFIX_BYTES, FrameError, decode_frame, encode_frame, lengths
from config.json_log import LogFormat, chosen_by_environment, log_everything_as_json
from config.lifetime import end_with_parent
from config.log_lines import formatter_for
from config.patient_output import patient_output
from config.start import share_one_memory_pool


class ModelMissingError(Exception):
    """The model is not on this machine. The text names the model."""


class Machine(Protocol):
    """The machine on which models are loaded."""

    def gpus(self) -> int:
        """The number of GPUs that can be used."""
        ...

    def load(
        self, model: str, device: str, index: int, compute_type: str, threads: int, language: str | None
    ) -> Recogniser:
        """Load a model.

        Args:
            model: name or folder of the model.
            device: ``cpu`` or ``cuda``.
            index: number of the GPU.
            compute_type: number format by CTranslate2's name.
            threads: number of threads on the CPU.
            language: Whisper's code for the language of all speakers; ``None`` if it has to be detected.

        Raises:
            ModelMissingError: the model is not on this machine.
            Exception: the device can't be used.
        """
        ...

    def load_english(self, folder: Path, threads: int) -> EnglishModel:
        """Load the quick model for English.

        Args:
            folder: folder with the model's files.
            threads: number of threads.

        Raises:
            Exception: the model can't be used.
        """
        ...


class ThisMachine:
    """The real :class:`Machine`. It uses CTranslate2 and faster-whisper, and ONNX Runtime for English."""

    def gpus(self) -> int:
        """The number of GPUs that CTranslate2 finds."""
        import ctranslate2

        try:
            return int(ctranslate2.get_cuda_device_count())
        except RuntimeError:
            logging.exception("The graphics cards can't be counted")
            return 0

    def load(
        self, model: str, device: str, index: int, compute_type: str, threads: int, language: str | None
    ) -> Recogniser:
        """Load a model that is on this machine; see :meth:`Machine.load`."""
        from faster_whisper.utils import download_model

        from bot.voice.transcribe.whisper_model import ShortContextWhisper

        try:
            folder = model if Path(model).is_dir() else download_model(model, local_files_only=True)
        except Exception as error:
            raise ModelMissingError(f"The Whisper model {model!r} is not on this machine.") from error
        whisper = ShortContextWhisper(
            folder,
            device=device,
            device_index=index,
            compute_type=compute_type,
            cpu_threads=threads,
            local_files_only=True,
        )
        return Recogniser(whisper, language, str(whisper.model.compute_type))

    def load_english(self, folder: Path, threads: int) -> EnglishModel:
        """Load the quick model for English; see :meth:`Machine.load_english`."""
        from bot.voice.transcribe.moonshine import Moonshine

        return Moonshine(folder, threads)


def serve(requests: BinaryIO, answers: BinaryIO, machine: Machine) -> None:
    """Answer requests until the stream of requests ends.

    Args:
        requests: stream of frames from the bot.
        answers: stream of frames to the bot.
        machine: machine on which the model is loaded.

    Raises:
        FrameError: the bot has sent an invalid frame.
    """
    recogniser: SoundRecogniser | None = None
    while (prefix := requests.read(PREFIX_BYTES)) and len(prefix) == PREFIX_BYTES:
        head, body = lengths(prefix)
        header, sound = decode_frame(requests.read(head), requests.read(body))
        try:
            if header.get("count_gpus"):
                answer: dict[str, Any] = {"gpus": machine.gpus()}
            elif header.get("load"):
                recogniser = None
                recogniser, answer = _load(machine, header["load"], header.get("english"))
            elif recogniser is None:
                answer = {"error": "no model is loaded"}
            else:
                hot_words, usual, once = header.get("hot_words"), header.get("usual"), bool(header.get("once"))
                word_times = bool(header.get("word_times"))
                answer = _answer(recogniser.transcribe(sound, hot_words, usual, once=once, word_times=word_times))
        except ModelMissingError as error:
            answer = {"error": str(error), "missing": True}
        except Exception as error:
            # If the model can't be loaded on one device, the bot tries another device, and logs the reason.
            if not header.get("load"):
                logging.exception("Could not transcribe")
            answer = {"error": str(error) or type(error).__name__}
        answers.write(encode_frame({"id": header.get("id"), **answer}))
        answers.flush()


def _load(machine: Machine, wanted: dict[str, Any], english: str | None) -> tuple[SoundRecogniser, dict[str, Any]]:
    """Load the models, and let them recognise a second of silence. Some missing libraries are noticed only then.

    Args:
        wanted: the arguments of :meth:`Machine.load`.
        english: folder of the quick model for English; ``None`` if Whisper recognises English too.
    """
    whisper: SoundRecogniser = machine.load(**wanted)
    began = time.monotonic()
    recogniser, fault = whisper, ""
    if english is not None:
        try:
            recogniser = EnglishFirst(machine.load_english(Path(english), wanted["threads"]), whisper)
        except Exception as error:
            # The bot logs the reason, and Whisper recognises English too.
            fault = str(error) or type(error).__name__
    recogniser.transcribe(np.zeros(HEARING_RATE, np.float32))
    return recogniser, {
        "compute_type": recogniser.compute_type,
        "seconds": time.monotonic() - began,
        "english": recogniser is not whisper,
        "english_fault": fault,
    }


def _answer(result: RecognitionResult) -> dict[str, Any]:
    """The result as the header of an answer."""
    return {
        "segments": [[s.text, s.no_speech, s.log_probability, s.compression, s.cut_off] for s in result.segments],
        "language": result.language,
        "language_probability": result.language_probability,
        "words": result.words,
    }


def main(machine: Machine) -> int:
    """Serve the parent process over the standard streams; returns the exit status."""
    end_with_parent()
    share_one_memory_pool()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # The standard output of libraries goes to the standard error, so that it can't come between the frames.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with patient_output():
        kind = chosen_by_environment()
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(formatter_for(sys.stderr, kind))
        logging.basicConfig(level=logging.WARNING, handlers=[handler])
        if kind is LogFormat.JSON:
            log_everything_as_json()
            sys.stdout = sys.stderr
        try:
            serve(sys.stdin.buffer, answers, machine)
        except (FrameError, BrokenPipeError):
            return 1
        return 0


if __name__ == "__main__":
    sys.exit(main(ThisMachine()))
