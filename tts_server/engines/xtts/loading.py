"""Loads XTTS's checkpoint and makes the model ready to speak. It needs PyTorch: import it through ``libraries``."""

from __future__ import annotations

import logging
import threading
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.utils import parametrize
from transformers.initialization import no_init_weights
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts, _legacy_safe_globals
from typing_extensions import override

from config.place import how_to_install
from config.speech_settings import Precision
from config.types import Device
from tts_server.engines.base import EngineError, LoadingReport
from tts_server.engines.xtts.checkpoint import CONFIG, WEIGHTS, Checkpoint
from tts_server.engines.xtts.device import Gpu, ModelDevice, choose_device
from tts_server.engines.xtts.latents import SPEAKER_SIZE, Latents
from tts_server.engines.xtts.model import XttsModel, plain_errors
from wire.parameters import SpeechParameters

_READ_BYTES = 32 << 20
_MAX_REASON = 300
_DTYPES = {Precision.HALF: torch.float16, Precision.BRAIN: torch.bfloat16}
# Progress at the beginning of each step, as a share of the loading time with an empty file cache.
_AT_READING, _AT_BUILDING, _AT_MOVING, _AT_WARMING = 0.2, 0.7, 0.85, 0.9


def load_model(
    checkpoint: Checkpoint, device: Device, precision: Precision, deepspeed: bool, report: LoadingReport
) -> XttsModel:
    """Load the weights onto the best device, and speak a few words, so that the first reply is not slower than others.

    Raises:
        EngineError: something is missing or damaged.
        OutOfMemoryError: the GPU has too little free memory.
    """
    chosen = choose_device(find_gpus(), device, precision, checkpoint.size)
    if deepspeed:
        _check_deepspeed(chosen)
    with plain_errors():
        report(_AT_READING)
        _read_ahead(checkpoint.folder / WEIGHTS, report)
        xtts = _build(checkpoint, deepspeed)
        report(_AT_MOVING)
        _move_and_convert(xtts, chosen, deepspeed)
        model = XttsModel(xtts, chosen)
        report(_AT_WARMING)
        _warm_up(model, checkpoint.languages[0])
    return model


class _ReadOnlyXtts(Xtts):  # type: ignore[misc]  # coqui-tts's types are left out, see pyproject.toml
    """XTTS that reads its weights as data, without running code from a pickle, and does not change the file."""

    @override
    def _load_checkpoint(self, model_path: Path) -> dict[str, Any]:
        # coqui-tts itself would rewrite an original checkpoint of XTTS v2 in place.
        with _legacy_safe_globals():
            loaded: dict[str, Any] = torch.load(model_path, map_location="cpu", weights_only=True, mmap=True)
        weights: dict[str, Any] = loaded["model"]
        return weights


def _read_ahead(weights: Path, report: LoadingReport) -> None:
    """Read the file into the system's cache and report the progress, because PyTorch reports none while it reads."""
    size, done = weights.stat().st_size, 0
    with weights.open("rb") as file:
        while block := len(file.read(_READ_BYTES)):
            done += block
            report(_AT_READING + (_AT_BUILDING - _AT_READING) * min(1.0, done / size))


def _build(checkpoint: Checkpoint, deepspeed: bool) -> Xtts:
    # transformers would warn of text tokens, which XTTS's GPT-2 does not use.
    logging.getLogger("transformers.configuration_utils").setLevel(logging.ERROR)
    try:
        config = XttsConfig()
        config.load_json(str(checkpoint.folder / CONFIG))
        # If this number is not 0, coqui-tts builds the language model twice.
        config.model_args.gpt_number_text_tokens = 0
        # Every parameter is read from the file. Filling them with random numbers first would take longer than reading.
        with no_init_weights():
            xtts = _ReadOnlyXtts(config)
            xtts.load_checkpoint(config, checkpoint_dir=str(checkpoint.folder), eval=True, use_deepspeed=deepspeed)
    except MemoryError:
        raise
    except Exception as error:  # A damaged file may lead to any exception.
        line = " ".join(str(error).split())[:_MAX_REASON]
        raise EngineError(
            f"XTTS v2's weights in {checkpoint.folder} can't be loaded ({type(error).__name__}: {line}): "
            "if they are damaged, download them again"
        ) from error
    return xtts


def _move_and_convert(xtts: Xtts, device: ModelDevice, deepspeed: bool) -> None:
    """Move the model to its device, and convert it to its number format."""
    for module in xtts.hifigan_decoder.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    dtype = _DTYPES.get(device.precision)
    if dtype is not None and not deepspeed:
        # Convert only the language model. The recordings' encoder runs once for each voice, and the vocoder would hiss.
        for name, part in xtts.gpt.named_children():
            if not name.startswith("conditioning_"):
                part.to(dtype)
        # GPT-2's own position embeddings are all zero, but coqui-tts makes them in full precision for every token.
        xtts.gpt.gpt.wpe = partial(_no_positions, xtts.gpt.model_dim, dtype)
    if device.gpu is not None:
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
    xtts.to(device.torch_name)


def _no_positions(channels: int, dtype: torch.dtype, positions: torch.Tensor) -> torch.Tensor:
    return torch.zeros((*positions.shape, channels), dtype=dtype, device=positions.device)


def _warm_up(model: XttsModel, language: str) -> None:
    random = np.random.default_rng(0)
    conditioning = random.standard_normal((1, 32, model.channels), np.float32) * np.float32(0.1)
    speaker = random.standard_normal((1, SPEAKER_SIZE, 1), np.float32)
    voice = next(iter(model.speakers.values()), None) or Latents(conditioning, speaker / np.linalg.norm(speaker))
    sounding = model.speak("one two three", language, voice, SpeechParameters(), threading.Event())
    next(sounding)
    sounding.close()


def _check_deepspeed(device: ModelDevice) -> None:
    if device.gpu is None:
        raise EngineError("TTS_DEEPSPEED=true is for a card, and XTTS v2 would run on the processor: leave it out")
    if find_spec("deepspeed") is None:
        remedy = how_to_install("deepspeed", "requirements-xtts.txt")
        raise EngineError(f"TTS_DEEPSPEED=true needs DeepSpeed: {remedy}, or leave it out")


_log = logging.getLogger(__name__)


def find_gpus() -> list[Gpu]:
    """Return every GPU that PyTorch can use, with its free memory."""
    if not torch.cuda.is_available():
        return []
    return [_describe(index) for index in range(torch.cuda.device_count())]


def _describe(index: int) -> Gpu:
    properties = torch.cuda.get_device_properties(index)
    capability = (properties.major, properties.minor)
    free = _free(index, properties.total_memory)
    return Gpu(index, properties.name, capability, free, properties.total_memory)


def _free(index: int, total: int) -> int:
    try:
        # Ask the driver. Asking CUDA itself would take some hundred megabytes on every GPU.
        used: int = torch.cuda.device_memory_used(index)
    except Exception as error:  # There are several driver libraries, with different errors, or none is installed.
        _log.debug("The driver doesn't tell how full card %d is: %r", index, error)
        return int(torch.cuda.mem_get_info(index)[0])
    return max(0, total - used)
