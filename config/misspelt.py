"""Finds settings without effect: misspelt names, and lines of ``.env`` that are incomplete or repeated. Pure logic."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

from config.env_file import EnvLine, at_line
from config.errors import Fault
from config.spelling import nearest

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
"""Names in the environment with these prefixes count as this project's settings."""
_OTHERS = re.compile(
    r"(BUILDKIT|COMPOSE|CUDA|DOCKER|GGML|HF|HSA|HUGGINGFACE|LC|LLAMA|NVIDIA|OLLAMA|OMP|ORT|PIP|PYTHON|PYTORCH|ROCR|SSL|XDG)_\w+"
    r"|\w*_PROXY|PYTHON\w+|CI|COLUMNS|HOME|LANG|LANGUAGE|LD_LIBRARY_PATH|NO_COLOR|FORCE_COLOR|PATH|PUID|PGID|SHELL|TERM|TMPDIR|TZ|USER"
    # Names of the compose files, of coqui-tts, and of Kubernetes for a service called tts.
    r"|COMFYUI_IMAGE|RENDER_GROUP|TORCH_INDEX|COQUI_TOS_AGREED|TTS_HOME|\w+_SERVICE_(HOST|PORT\w*)|\w+_PORT_\d+_(TCP|UDP)\w*"
)
"""Names that other programs read from the same file or environment. They are not reported."""
_ALSO_CALLED: Mapping[str, str] = MappingProxyType(
    {
        "BOT_TOKEN": "DISCORD_TOKEN",
        "CHARACTER": "PERSONA",
        "DATA_FOLDER": "DATA_DIR",
        "LANGUAGE_MODEL": "LLM_MODEL",
        "LLM_API_BASE": "LLM_URL",
        "LLM_BASE_URL": "LLM_URL",
        "LLM_ENDPOINT": "LLM_URL",
        "LLM_HOST": "LLM_URL",
        "MODEL": "LLM_MODEL",
        "MODEL_URL": "LLM_URL",
        "OLLAMA_URL": "LLM_URL",
        "PREFIX": "COMMAND_PREFIX",
        "SEARX_URL": "SEARXNG_URL",
        "TOKEN": "DISCORD_TOKEN",
        "TTS_HOST": "TTS_BIND",
        "TTS_PORT": "TTS_BIND",
        "TTS_SPEAKER": "TTS_VOICE",
        "TTS_URL": "TTS_WEBSOCKET_URL",
        "VISION_MODEL": "VISION_LLM_MODEL",
        "VISION_URL": "VISION_LLM_URL",
        "WEB_HOST": "WEB_BIND",
        "WEB_PORT": "WEB_BIND",
        "WHISPER_MODEL": "STT_MODEL",
    }
)
_ALIKE = 0.75
_LONG_ENOUGH = 7
"""The beginning of a setting's name must have at least this many letters for a hint."""
_MAX_HINTS = 3
"""Of settings that begin as a name does, at most this many are named."""
_NAME = re.compile(r"[A-Za-z_]\w{0,63}")
_WITH_COLON = re.compile(r"(?:export\s+)?([A-Za-z_]\w{0,63})\s*:")


def faults_of_file(
    lines: Sequence[EnvLine], known: Collection[str], secrets: Collection[str], file: Path
) -> list[Fault]:
    """Find the lines that have no effect, or not the effect that their author meant. Values are never shown.

    Args:
        lines: lines of the file.
        known: names of all settings, in capitals.
        secrets: names of secret settings. If a secret seems to continue in the next line, that line is not shown.
    """
    found, first = [], dict[str, int]()
    before: EnvLine | None = None
    for line in lines:
        message = _message_for(line, before, first, known, secrets)
        if message is not None:
            found.append(at_line(Fault(message), line.number, file))
        if line.name is not None and line.value is not None:
            first.setdefault(line.name.upper(), line.number)
        before = line
    return found


def unknown_names(names: Iterable[str], known: Collection[str]) -> list[str]:
    """A sentence for each name in the environment that looks like a setting of this project but is not one."""
    names = sorted(name for name in names if name.upper().startswith(PREFIXES))
    return [_unknown(name, known) for name in names if not _is_known(name.upper(), known)]


def foreign_names(lines: Sequence[EnvLine], known: Collection[str], file: Path) -> list[str]:
    """A sentence for each name in the file that does not resemble any setting, and may belong to another program."""
    return [
        f"{file}, line {line.number}: {_unknown(line.name, known)}"
        for line in lines
        if line.name is not None and line.value is not None and _is_foreign(line.name, known)
    ]


def _message_for(
    line: EnvLine, before: EnvLine | None, first: Mapping[str, int], known: Collection[str], secrets: Collection[str]
) -> str | None:
    name = (line.name or "").upper()
    if name not in known and before is not None and _continues(line, before, known, secrets):
        return (
            f"the value of {before.name} seems to go on here. Write it in one line, for example {before.name}=…"
            if before.name
            else None
        )
    if line.name is None:
        return _unreadable(line.text, known)
    if line.value is None:
        return _without_sign(line.name, known)
    if name in first:
        return f"{line.name} is set on line {first[name]} too. Keep one of the two."
    if _is_known(name, known) or _is_foreign(line.name, known):
        return None
    return _unknown(line.name, known)


def _continues(line: EnvLine, before: EnvLine, known: Collection[str], secrets: Collection[str]) -> bool:
    """Whether a line looks like the rest of a secret that was pasted in two lines."""
    if before.name is None or before.name.upper() not in secrets or not before.value or " " in line.text:
        return False
    begins = re.split(r"[=:]", line.text, maxsplit=1)[0].upper()
    return _is_foreign(begins, known) or not _is_setting_like(begins, known)


def _is_setting_like(name: str, known: Collection[str]) -> bool:
    return name in known or name.startswith(PREFIXES) or _meant(name, known) is not None


def _is_foreign(name: str, known: Collection[str]) -> bool:
    name = name.upper()
    return _NAME.fullmatch(name) is not None and not _is_known(name, known) and not _is_setting_like(name, known)


def _is_known(name: str, known: Collection[str]) -> bool:
    return name in known or _OTHERS.fullmatch(name) is not None


def _meant(name: str, known: Collection[str]) -> str | None:
    return _ALSO_CALLED.get(name.upper()) or next(iter(get_close_matches(name.upper(), known, 1, _ALIKE)), None)


def _longer(name: str, known: Collection[str]) -> str | None:
    """The only setting whose name begins with the words of ``name``, which may be in the plural.

    It is only a hint: a variable of another program may have such a name, so a line with it is not refused.
    """
    if len(name) < _LONG_ENOUGH:
        return None
    found = {setting for setting in known if setting.startswith((f"{name}_", f"{name.removesuffix('S')}_"))}
    return found.pop() if len(found) == 1 else None


def _unknown(name: str, known: Collection[str]) -> str:
    if _NAME.fullmatch(name) is None:
        return "this is not a setting. Write NAME=value, for example PERSONA=seiyuu"
    near = _meant(name, known) or _longer(name.upper(), known) or _with_same_beginning(name.upper(), known)
    return f"{name} is not a setting." + (f" Did you mean {near}?" if near else "")


def _with_same_beginning(name: str, known: Collection[str]) -> str | None:
    """The settings whose first word is that of ``name``, in words. A misspelt first word counts, too.

    It is only a hint, as that of :func:`_longer`.
    """
    first = nearest(name.partition("_")[0], {setting.partition("_")[0] for setting in known})
    if first is None:
        return None
    found = sorted(setting for setting in known if setting.partition("_")[0] == first)
    if len(found) > _MAX_HINTS:
        return f"one of the settings that begin with {first}_"
    return " or ".join(filter(None, (", ".join(found[:-1]), found[-1])))


def _without_sign(name: str, known: Collection[str]) -> str:
    like = _NAME.fullmatch(name) is not None and _is_setting_like(name.upper(), known)
    shown = f"{_meant(name, known) or name}=…" if like else "NAME=value"
    return f"there is no = here, so the line says nothing. Write {shown}"


def _unreadable(text: str, known: Collection[str]) -> str:
    with_colon = _WITH_COLON.match(text)
    if with_colon is not None and _is_setting_like(with_colon[1].upper(), known):
        name = with_colon[1]
        hint = "" if _is_known(name.upper(), known) else f" {_unknown(name, known)}"
        return f"a setting is written with = and not with a colon. Write {name}=…{hint}"
    begins = text.partition("=")[0].removeprefix("export ").strip()
    name = begins if _NAME.fullmatch(begins) and _is_setting_like(begins.upper(), known) else "NAME"
    if "=" in text and text.partition("=")[2].strip()[:1] in ("'", '"'):
        return f"a quote is opened here and not closed. Write {name}='…'"
    return f"this can't be read. Write {name}=value, for example PERSONA=seiyuu"
