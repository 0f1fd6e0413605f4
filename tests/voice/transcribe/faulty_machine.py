"""``python -m tests.voice.transcribe.faulty_machine FAULT``: a transcriber process on a machine with a fault.

The machine and its models are stand-ins. Most of the faults are those that CTranslate2 is known for on CUDA.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from audio.samples import Sound16
from bot.voice.transcribe.english_first import EnglishModel, EnglishTranscript
from bot.voice.transcribe.recogniser import Recogniser
from bot.voice.transcribe.worker import main

NO_CUBLAS = "Library libcublas.so.12 is not found or cannot be loaded"
NO_FLOAT16 = (
    "Requested float16 compute type, but the target device or backend do not support efficient float16 computation."
)
PRINTED = "A library's word on standard output"
FULL = "CUDA failed with error out of memory"


@dataclass(slots=True)
class FaultyModel:
    """A model whose transcript names its device. It fails with some of the faults."""

    fault: str
    device: str
    compute_type: str
    asked: int = 0

    def transcribe(self, audio: Sound16, **_: Any) -> tuple[Iterable[Any], Any]:
        self.asked += 1
        on_gpu = self.device != "cpu"
        if on_gpu and self.fault == "no cublas at the first sound":
            raise RuntimeError(NO_CUBLAS)
        if on_gpu and self.fault == "no cudnn":
            sys.stderr.write("Invalid handle. Cannot load symbol cudnnCreateTensorDescriptor\n")
            os.abort()
        if on_gpu and self.fault == "full later" and self.asked > 1:
            raise RuntimeError(FULL)
        if self.fault == "prints":
            sys.stdout.write(f"{PRINTED}\n")
        text = f"I run on {self.device} in {self.compute_type}."
        if self.fault == "improbable text":
            text = f"This is attempt number {self.asked}."
        probability = -0.5 if self.fault == "improbable text" else -0.2
        segment = SimpleNamespace(text=text, no_speech_prob=0.01, avg_logprob=probability, compression_ratio=1.0)
        return [segment], SimpleNamespace(language="en", language_probability=0.99)


class FaultyMachine:
    """A machine with two GPUs and a fault."""

    def __init__(self, fault: str) -> None:
        self._fault = fault

    def gpus(self) -> int:
        return 0 if self._fault == "no card" else 2

    def load(
        self, model: str, device: str, index: int, compute_type: str, threads: int, language: str | None
    ) -> Recogniser:
        on_gpu = device != "cpu"
        if on_gpu and self._fault == "no cublas":
            raise RuntimeError(NO_CUBLAS)
        if compute_type == "float16" and (self._fault == "no float16" or not on_gpu):
            raise ValueError(NO_FLOAT16)
        if self._fault == "no model":
            raise RuntimeError(f"Unable to open file 'model.bin' in model '{model}'")
        name = f"{device}:{index}" if on_gpu else device
        return Recogniser(FaultyModel(self._fault, name, compute_type), language, compute_type)

    def load_english(self, folder: Path, threads: int) -> EnglishModel:
        if self._fault == "no English":
            raise RuntimeError(f"Load model from {folder} failed: Protobuf parsing failed.")
        return SureModel()


class SureModel:
    """A model for English that is always sure of its words."""

    def transcribe(self, sound: Sound16, name: str = "") -> EnglishTranscript:
        del name
        return EnglishTranscript("I am quick." if sound.any() else "", -0.05, cut_off=False)


if __name__ == "__main__":
    sys.exit(main(FaultyMachine(sys.argv[1])))
