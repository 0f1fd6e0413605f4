"""Makes an engine of RealtimeTTS's by name and options."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from config.speech_settings import EngineName
from tts_server.engines.base import EngineError, UnknownEngineError
from tts_server.engines.offline import ONLINE_ENGINES, nothing_fetched, what_is_missing
from tts_server.engines.pyaudio_constants import stand_in_for_pyaudio
from tts_server.engines.realtime_tts import RealtimeTtsEngine
from tts_server.engines.realtime_tts_failures import explain, lacking_keys, own_words
from tts_server.engines.realtime_tts_names import NAMED_ENGINES, NamedEngine


def create_named_engine(
    name: str, options: Mapping[str, Any], voice: str | None, environment: Mapping[str, str]
) -> RealtimeTtsEngine:
    """Make the engine that RealtimeTTS calls ``name``. Blocks: it may load a model, or ask a server for its voices.

    Args:
        options: for its constructor; an object as ``voice`` describes one, for engines that learn it from a file.
        voice: what it speaks with where nobody asks for another.
        environment: where its secrets are looked for, unless they are among the options.

    Raises:
        UnknownEngineError: there is no such engine.
        EngineError: something is not installed, or it can't be made.
        UnknownVoiceError: it has no such voice.
    """
    named = NAMED_ENGINES.get(name)
    if named is None:
        raise UnknownEngineError(f"there is no such engine; the engines are {', '.join([*EngineName, *NAMED_ENGINES])}")
    online = name in ONLINE_ENGINES
    # Libraries read these themselves, from this process's variables alone.
    for variable in named.variables:
        if value := environment.get(variable):
            os.environ[variable] = value
    with nothing_fetched(forbidden=not online):
        return _create(name, named, _secrets(named, environment) | dict(options), voice, online=online)


def _create(
    name: str, named: NamedEngine, options: dict[str, Any], voice: str | None, *, online: bool
) -> RealtimeTtsEngine:
    module = _module(name, named)
    _see_to_keys(name, named, options)
    keys = {variable: str(options[argument]) for argument, variable in named.secrets.items()}
    make = getattr(module, f"{named.name}Engine")
    arguments = _arguments(name, make, options)
    traits = replace(named.traits, online=online, keys=keys)
    if isinstance(asked := arguments.get("voice"), str):
        traits = replace(traits, voice=asked)
    elif isinstance(asked, dict):
        arguments["voice"] = _call(name, getattr(module, f"{named.name.removesuffix('Cpu')}Voice"), asked, keys)
    engine = _call(name, make, arguments, keys)
    try:
        return RealtimeTtsEngine(engine, voice, traits)
    except (EngineError, ValueError):
        raise
    except Exception as error:
        raise EngineError(f"{explain(name, error, keys)}; so it can't list its voices") from error


def _see_to_keys(name: str, named: NamedEngine, options: dict[str, Any]) -> None:
    if name == "openai" and os.environ.get("OPENAI_BASE_URL"):
        # Servers of one's own seldom want a key; the library always does.
        options["api_key"] = options.get("api_key") or "none"
    if missing := [variable for argument, variable in named.secrets.items() if not options.get(argument)]:
        raise EngineError(lacking_keys(name, missing))


def _module(name: str, named: NamedEngine) -> Any:
    stand_in_for_pyaudio()
    try:
        return importlib.import_module(f"RealtimeTTS.engines.{named.module}")
    except ImportError as error:
        raise EngineError(_missing(name, named.packages, error)) from error


def _missing(name: str, packages: str, error: ImportError) -> str:
    return f"{name} needs packages that are not installed ({own_words(error)}): .venv/bin/pip install {packages}"


def _secrets(named: NamedEngine, environment: Mapping[str, str]) -> dict[str, Any]:
    return {argument: environment[name] for argument, name in named.secrets.items() if environment.get(name)}


def _arguments(name: str, make: Any, given: dict[str, Any]) -> dict[str, Any]:
    known = inspect.signature(make.__init__).parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in known.values()):
        return given
    options = [option for option in known if option != "self"]
    for option in given:
        if option not in options:
            raise EngineError(f"TTS_ENGINE_OPTIONS: {name} has no option {option!r}; it has {', '.join(options)}")
    return given


def _call(name: str, make: Any, arguments: Mapping[str, Any], keys: Mapping[str, str]) -> Any:
    try:
        # What these engines print is not for whoever reads this process's standard output.
        with contextlib.redirect_stdout(sys.stderr):
            return make(**arguments)
    except ImportError as error:
        raise EngineError(_missing(name, NAMED_ENGINES[name].packages, error)) from error
    except Exception as error:
        if name not in ONLINE_ENGINES and (missing := what_is_missing(error)):
            raise EngineError(_not_here(name, missing)) from error
        raise EngineError(explain(name, error, keys)) from error


def _not_here(name: str, missing: str) -> str:
    return (
        f"{name} is not all on this machine ({missing}), and the speech server fetches nothing by itself. "
        f"For its weights, {NAMED_ENGINES[name].weights}"
    )
