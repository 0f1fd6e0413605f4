"""Settings that nobody reads: names that are misspelt, and lines of ``.env`` that say nothing or say it twice. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType

from config.env_file import EnvLine

PREFIXES = (
    "BIPOLAR_",
    "CHAT_",
    "COMFYUI_",
    "DISCORD_",
    "FIGURINE_",
    "LLM_",
    "STT_",
    "TTS_",
    "VISION_",
    "WHO_MAY_",
    "XTTS_",
)
"""Names in the environment that begin so are taken for settings of this project."""
_OTHERS = re.compile(
    r"(BUILDKIT|COMPOSE|CUDA|DOCKER|GGML|HF|HSA|HUGGINGFACE|LC|LLAMA|NVIDIA|OLLAMA|OMP|ORT|PIP|PYTHON|PYTORCH|ROCR|SSL|XDG)_\w+"
    r"|\w*_PROXY|PYTHON\w+|CI|COLUMNS|HOME|LANG|LANGUAGE|LD_LIBRARY_PATH|NO_COLOR|FORCE_COLOR|PATH|PUID|PGID|SHELL|TERM|TMPDIR|TZ|USER"
    # Of the compose files, of coqui-tts, and what Kubernetes tells of a service called tts.
    r"|COMFYUI_IMAGE|RENDER_GROUP|TORCH_INDEX|COQUI_TOS_AGREED|TTS_HOME|\w+_SERVICE_(HOST|PORT\w*)|\w+_PORT_\d+_(TCP|UDP)\w*"
)
"""Names that other programs read, and which therefore belong in the same file or environment."""
_ALSO_CALLED: Mapping[str, str] = MappingProxyType(
    {
        "BOT_TOKEN": "DISCORD_TOKEN",
        "LANGUAGE_MODEL": "LLM_MODEL",
        "LLM_API_BASE": "LLM_URL",
        "LLM_BASE_URL": "LLM_URL",
        "LLM_ENDPOINT": "LLM_URL",
        "LLM_HOST": "LLM_URL",
        "MODEL": "LLM_MODEL",
        "MODEL_URL": "LLM_URL",
        "OLLAMA_URL": "LLM_URL",
        "PREFIX": "COMMAND_PREFIX",
        "TOKEN": "DISCORD_TOKEN",
        "TTS_HOST": "TTS_BIND",
        "TTS_PORT": "TTS_BIND",
        "TTS_SPEAKER": "TTS_VOICE",
        "TTS_URL": "TTS_WEBSOCKET_URL",
        "VISION_MODEL": "VISION_LLM_MODEL",
        "VISION_URL": "VISION_LLM_URL",
        "WHISPER_MODEL": "STT_MODEL",
    }
)
_ALIKE = 0.75
_NAME = re.compile(r"[A-Za-z_]\w{0,63}")
_WITH_COLON = re.compile(r"(?:export\s+)?([A-Za-z_]\w{0,63})\s*:")


def notices(
    lines: Sequence[EnvLine], environment: Iterable[str], known: Collection[str], file: str = ".env"
) -> list[str]:
    """What is worth a look, a sentence or two for each; values are never shown, since they may be secret.

    Args:
        lines: of the file.
        environment: names of its variables.
        known: every setting there is, in capitals.
    """
    return [*_of_file(lines, known, file), *_of_environment(environment, known)]


def _of_file(lines: Sequence[EnvLine], known: Collection[str], file: str) -> Iterator[str]:
    first: dict[str, int] = {}
    for line in lines:
        where = f"{file}, line {line.number}"
        if line.name is None:
            yield f"{where}: {_unreadable(line.text, known)}"
            continue
        name = line.name.upper()
        if line.value is None:
            yield f"{where}: {_without_sign(line.name)}"
            continue
        if name in first:
            yield f"{where}: {line.name} is set on line {first[name]} too. This line counts."
        elif not _is_known(name, known):
            yield f"{where}: {_unknown(line.name, known)}"
        first[name] = line.number


def _of_environment(environment: Iterable[str], known: Collection[str]) -> Iterator[str]:
    for name in sorted(environment):
        if name.upper().startswith(PREFIXES) and not _is_known(name.upper(), known):
            yield _unknown(name, known)


def _is_known(name: str, known: Collection[str]) -> bool:
    return name in known or _OTHERS.fullmatch(name) is not None


def _unknown(name: str, known: Collection[str]) -> str:
    if _NAME.fullmatch(name) is None:
        return "this is not a setting."
    near = _ALSO_CALLED.get(name.upper()) or next(iter(get_close_matches(name.upper(), known, 1, _ALIKE)), None)
    return f"{name} is not a setting." + (f" Did you mean {near}?" if near else "")


def _without_sign(name: str) -> str:
    shown = f"{name}=…" if _NAME.fullmatch(name) else "NAME=value"
    return f"there is no = here, so the line is ignored. Write {shown}"


def _unreadable(text: str, known: Collection[str]) -> str:
    with_colon = _WITH_COLON.match(text)
    if with_colon is not None:
        name = with_colon[1]
        hint = "" if _is_known(name.upper(), known) else f" {_unknown(name, known)}"
        return f"a setting is written with = and not with a colon, so the line is ignored. Write {name}=…{hint}"
    return (
        "this can't be read, so it is ignored. Write NAME=value; where the value begins with a quote, end it with one."
    )
