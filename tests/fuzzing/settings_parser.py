"""The parsers of settings, for :mod:`tests.fuzzing.parsers`: of ``.env``, and of the value of each setting."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Mapping
from pathlib import Path

from config.env_file import read_env_lines, read_env_values
from config.errors import SettingsError
from config.program_settings import SECRETS, ProgramSettings
from config.settings import Settings
from config.speech_settings import SpeechSettings
from tests.fuzzing.mutation import text_of

AT_ONCE = 40
"""Number of values that are read together, each of another setting, as a whole ``.env`` is.

Reading a single value takes about as long as reading all of them, since all settings are checked whatever is set.
"""
MAX_VALUE = 300
"""Number of characters of a value that are read."""
_SHORT = 12
"""A secret with fewer characters may be in an explanation by chance."""


def settings(folder: Path, _: contextlib.ExitStack) -> Callable[[bytes, random.Random], None]:
    """The parser. Values that are read together are for different settings."""
    file, none = folder / ".env", folder / "none"
    names = [(kind, name) for kind in (Settings, SpeechSettings) for name in kind.settings()]
    waiting: dict[type[ProgramSettings], dict[str, str]] = {Settings: {}, SpeechSettings: {}}

    def parse(data: bytes, rng: random.Random) -> None:
        file.write_bytes(data)
        with contextlib.suppress(SettingsError):
            read_env_lines(file)
            read_env_values(file)
        kind, name = rng.choice([each for each in names if each[1] not in waiting[each[0]]])
        values = waiting[kind]
        values[name] = text_of(data)[:MAX_VALUE]
        if len(values) == AT_ONCE:
            waiting[kind] = {}
            _read_all(kind, values, none)

    return parse


def _read_all(kind: type[ProgramSettings], values: Mapping[str, str], secrets: Path) -> None:
    """Read values together. If that raises an error, find a value that raises one alone, and raise an error that names
    it.
    """
    try:
        _read(kind, values, secrets)
    except Exception as error:
        for name, value in values.items():
            try:
                _read(kind, {name: value}, secrets)
            except Exception as alone:
                raise SettingsFailedError(f"{name.upper()}={value!r}: {alone!r}") from alone
        raise SettingsFailedError(f"only together: {values}: {error!r}") from error


def _read(kind: type[ProgramSettings], values: Mapping[str, str], secrets: Path) -> None:
    _, faults = kind.survey(secrets, _env_file=None, **values)
    for fault in faults:
        assert fault.variables, f"a fault has to name its setting: {fault}"
        for variable in SECRETS.intersection(fault.variables):
            secret = values.get(variable.lower(), "").strip()
            assert len(secret) < _SHORT or secret not in str(fault), "no secret may be shown"


class SettingsFailedError(Exception):
    """Settings have raised an error that is not documented, or have told a secret."""
