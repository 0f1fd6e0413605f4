"""The folder with XTTS's weights, checked without loading the model."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from config.place import bot_command
from tts_server.engines.base import EngineError

CONFIG, WEIGHTS, VOCABULARY, SPEAKERS = "config.json", "model.pth", "vocab.json", "speakers_xtts.pth"
_NEEDED = (CONFIG, WEIGHTS, VOCABULARY)
_DEFAULT_RATE = 24_000
_DEFAULT_LANGUAGES = (
    *("en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru"),
    *("nl", "cs", "ar", "zh-cn", "hu", "ko", "ja", "hi"),
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder with XTTS's weights, which have not been loaded.

    Attributes:
        folder: contains ``config.json``, ``model.pth``, ``vocab.json`` and usually ``speakers_xtts.pth``.
        sample_rate: the sample rate of the model's speech, in Hz.
        languages: the model's own tags, such as ``en`` and ``zh-cn``.
        digest: a hexadecimal string that changes whenever the weights change.
        size: the size of the weights, in bytes.
    """

    folder: Path
    sample_rate: int = _DEFAULT_RATE
    languages: tuple[str, ...] = _DEFAULT_LANGUAGES
    digest: str = ""
    size: int = 0


def read_checkpoint(folder: Path) -> Checkpoint:
    """Check the weights in ``folder`` without loading them. This takes milliseconds.

    Raises:
        EngineError: files are missing, or are not those of XTTS v2.
    """
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise EngineError(
            f"XTTS v2's weights are not in {folder} ({', '.join(missing)} missing): type "
            f"`{bot_command('models download xtts-v2')}` to get them. "
            "Their licence, the Coqui Public Model License, forbids commercial use."
        )
    config = _read_config(folder / CONFIG)
    audio, arguments = _object(config, "audio"), _object(config, "model_args")
    rate = audio.get("output_sample_rate", arguments.get("output_sample_rate", _DEFAULT_RATE))
    languages = config.get("languages", list(_DEFAULT_LANGUAGES))
    if not isinstance(rate, int) or not 8_000 <= rate <= 96_000:
        raise EngineError(f"{folder / CONFIG} names the sample rate {rate!r}, not one of 8,000 to 96,000 Hz")
    if not isinstance(languages, list) or not languages or not all(isinstance(language, str) for language in languages):
        raise EngineError(f"{folder / CONFIG} names no languages")
    weights = folder / WEIGHTS
    return Checkpoint(folder, rate, tuple(languages), _digest(weights), weights.stat().st_size)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise EngineError(f"{path} can't be read: {error}") from error
    if not isinstance(config, dict) or config.get("model") != "xtts":
        raise EngineError(f"{path} doesn't describe an XTTS model")
    return config


def _object(config: dict[str, Any], name: str) -> dict[str, Any]:
    value = config.get(name)
    return value if isinstance(value, dict) else {}


def _digest(weights: Path) -> str:
    """Return a digest of the checksums in PyTorch's archive, so that the gigabytes themselves need not be read."""
    try:
        with zipfile.ZipFile(weights) as archive:
            contents = [(entry.filename, entry.CRC, entry.file_size) for entry in archive.infolist()]
    except (OSError, zipfile.BadZipFile) as error:
        raise EngineError(f"{weights} is damaged, or is not a PyTorch file ({error}): download it again") from error
    return blake2b(repr(contents).encode(), digest_size=16).hexdigest()
