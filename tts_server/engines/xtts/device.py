"""The device that XTTS runs on, and its number format. Pure logic: it gets descriptions of the GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from config.speech_settings import Precision
from config.types import Device
from tts_server.engines.base import EngineError, OutOfMemoryError

MIN_CAPABILITY = (7, 0)
"""GPUs below this compute capability are not used: they are slow at half precision, and PyTorch ends their support."""
BRAIN_CAPABILITY = (8, 0)
"""Lowest compute capability that has bfloat16."""
_GIGABYTE = 1e9

ON_PROCESSOR = (
    "XTTS v2 runs on the processor, which speaks about three times more slowly than a person talks: expect pauses "
    "of several seconds. A card with compute capability 7.0 or higher, or TTS_ENGINE=espeak, is quicker."
)


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU as PyTorch sees it.

    Attributes:
        index: PyTorch's number for it.
        name: the product's name.
        capability: its compute capability, such as (8, 6).
        free, total: its memory in bytes.
    """

    index: int
    name: str
    capability: tuple[int, int]
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class ModelDevice:
    """The device that a model runs on, and its number format.

    Attributes:
        gpu: the GPU; ``None`` for the CPU.
        precision: the number format, never ``auto``.
    """

    gpu: Gpu | None
    precision: Precision

    @property
    def torch_name(self) -> str:
        """PyTorch's name for the device."""
        return f"cuda:{self.gpu.index}" if self.gpu else "cpu"

    def __str__(self) -> str:
        return f"{self.gpu.name if self.gpu else 'the processor'}, in {self.precision}"


def choose_device(gpus: Sequence[Gpu], device: Device, precision: Precision, weights: int) -> ModelDevice:
    """Choose the GPU with the largest free memory among those that are new enough, or else the CPU.

    Args:
        gpus: all GPUs of this machine.
        device: ``TTS_DEVICE``.
        precision: ``TTS_PRECISION``.
        weights: the size of the weights at full precision, in bytes.

    Raises:
        EngineError: no GPU can do what the settings ask for.
        OutOfMemoryError: the best GPU has too little free memory. The CPU is no alternative, because it is slower than
            speech.
    """
    able = [gpu for gpu in gpus if gpu.capability >= MIN_CAPABILITY]
    if device is Device.CPU or (device is Device.AUTO and not able):
        return ModelDevice(None, Precision.FULL if precision is Precision.AUTO else precision)
    if not able:
        raise EngineError(
            f"TTS_DEVICE=cuda, but there is no card with compute capability 7.0 or higher ({_listed(gpus)}): "
            "use TTS_DEVICE=auto or cpu"
        )
    best = max(able, key=lambda gpu: gpu.free)
    chosen = ModelDevice(best, Precision.HALF if precision is Precision.AUTO else precision)
    if chosen.precision is Precision.BRAIN and best.capability < BRAIN_CAPABILITY:
        raise EngineError(f"{best.name} can't compute in bfloat16: use TTS_PRECISION=auto")
    needed = memory_needed(weights, chosen.precision)
    if best.free < needed:
        raise OutOfMemoryError(
            f"XTTS v2 needs {needed / _GIGABYTE:.1f} GB on the card, and {best.name} has "
            f"{best.free / _GIGABYTE:.1f} GB free"
        )
    return chosen


def memory_needed(weights: int, precision: Precision) -> int:
    """Estimate the GPU memory that XTTS needs, in bytes: its weights, its working memory and the driver's memory.

    At half precision only the language model shrinks. It is nine tenths of the weights.
    """
    shrunk = 1.0 if precision is Precision.FULL else 0.55
    return round(weights * shrunk + 0.6 * _GIGABYTE)


def _listed(gpus: Sequence[Gpu]) -> str:
    if not gpus:
        return "PyTorch finds none at all"
    return ", ".join(f"{gpu.name} has {gpu.capability[0]}.{gpu.capability[1]}" for gpu in gpus)
