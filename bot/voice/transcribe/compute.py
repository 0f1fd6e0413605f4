"""The compute devices of a local speech recogniser: which are tried, in which order, and why one can't be used."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

AUTO, CPU, CUDA = "auto", "cpu", "cuda"
_ON_GPU = ("float16", "int8", "float32")
"""Compute types that are tried on a GPU, best first."""
_ON_CPU = ("int8", "float32")
"""Compute types that are tried on the CPU, best first."""

_LIBRARY = re.compile(r"\b((?:lib)?cu(?:blas|dnn|dart)\w*(?:\.so|\.dll|64)[\w.]*)", re.IGNORECASE)
_NO_GPU = re.compile(
    r"cublas|cudnn|cudart|cuda driver|no cuda|cuda-capable|not compiled with cuda|cannot load symbol|no kernel image",
    re.IGNORECASE,
)
_COMPUTE_TYPE = re.compile(r"requested (\w+) compute type", re.IGNORECASE)
_CUDA = re.compile(r"\bcuda\b", re.IGNORECASE)
_OUT_OF_MEMORY = re.compile(r"out of memory|ALLOC_FAILED", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ComputeDevice:
    """A device, and the number format in which it computes.

    Attributes:
        kind: ``cpu`` or ``cuda``.
        index: number of the GPU; 0 for the CPU.
        compute_type: number format by CTranslate2's name.
    """

    kind: str
    index: int
    compute_type: str

    def __str__(self) -> str:
        text = f"{self.kind}:{self.index}" if self.index else self.kind
        return f"{text}, {self.compute_type}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The devices to try.

    Attributes:
        devices: devices, best first.
        reason: reason for which the device of the settings can't be tried, in words for people; ``None`` if it is
            among the devices.
    """

    devices: tuple[ComputeDevice, ...]
    reason: str | None = None


def plan(device: str, compute_type: str, gpus: int) -> Plan:
    """Plan which devices to try.

    Args:
        device: wanted device: auto, cpu, cuda or cuda:N.
        compute_type: wanted number format by CTranslate2's name, or auto.
        gpus: number of GPUs that CTranslate2 can use.
    """
    kind, _, number = device.partition(":")
    index = int(number or 0)
    on_cpu = tuple(ComputeDevice(CPU, 0, each) for each in _wanted_first(compute_type, _ON_CPU))
    if kind == CPU or (kind == AUTO and not gpus):
        return Plan(on_cpu)
    if not gpus:
        return Plan(on_cpu, "CTranslate2 finds no graphics card that it can use")
    if index >= gpus:
        return Plan(on_cpu, f"there is no graphics card {device}, only {', '.join(f'cuda:{n}' for n in range(gpus))}")
    on_gpu = tuple(ComputeDevice(CUDA, index, each) for each in _wanted_first(compute_type, _ON_GPU))
    return Plan((*on_gpu, *on_cpu))


def remaining(devices: tuple[ComputeDevice, ...], failed: ComputeDevice, error: str) -> tuple[ComputeDevice, ...]:
    """The devices that are left to try after one has failed. If the error is about GPUs, all GPUs are left out.

    Args:
        devices: devices that were to be tried.
        failed: device that has failed.
        error: text of its error.
    """
    no_gpu_works = failed.kind == CUDA and _NO_GPU.search(error) is not None
    return tuple(device for device in devices if device != failed and not (no_gpu_works and device.kind == CUDA))


def is_device_error(error: str) -> bool:
    """True if an error of the recogniser is about its device and not about the sound it was given."""
    return any(pattern.search(error) for pattern in (_NO_GPU, _COMPUTE_TYPE, _OUT_OF_MEMORY, _CUDA))


def why_unusable(failed: ComputeDevice, error: str) -> str:
    """The reason for which a device can't be used, in words for people."""
    if library := _LIBRARY.search(error):
        return f"CUDA's library {library[1]} is missing or can't be loaded"
    if compute_type := _COMPUTE_TYPE.search(error):
        return f"{'the graphics card' if failed.kind == CUDA else 'the processor'} can't compute in {compute_type[1]}"
    if _OUT_OF_MEMORY.search(error):
        return "the graphics card is full" if failed.kind == CUDA else "there is not enough memory"
    return " ".join(error.split())[:200] or "it failed without an error message"


def _wanted_first(wanted: str, others: Iterable[str]) -> tuple[str, ...]:
    """The compute types to try: the wanted one first, if one is wanted."""
    return tuple(dict.fromkeys([wanted, *others] if wanted != AUTO else others))
