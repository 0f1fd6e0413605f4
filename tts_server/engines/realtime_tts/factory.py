"""Creates RealtimeTTS's engines by the names that ``TTS_ENGINE`` gives them.

The table was made for RealtimeTTS 0.8.10. RealtimeTTS's own extras require PyAudio, which the server does not need, so
the table names each engine's packages instead. Three engines are missing on purpose, because the server has its own
XTTS, Piper and Kokoro: RealtimeTTS's CoquiEngine can hang forever, its PiperEngine starts a program for each sentence,
and its KokoroEngine needs PyTorch and spaCy.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any
from xml.sax.saxutils import escape

from config.place import how_to_install, hub_command
from config.speech_settings import EngineName
from tts_server.engines.base import EngineError, UnknownEngineError
from tts_server.engines.offline import ONLINE_ENGINES, nothing_fetched, what_is_missing
from tts_server.engines.realtime_tts.engine import RealtimeTtsEngine, Traits
from tts_server.engines.realtime_tts.failures import explain, missing_keys, one_line

# PyAudio's names of PortAudio's sample formats.
_PYAUDIO_CONSTANTS = {
    "paFloat32": 1,
    "paInt32": 2,
    "paInt24": 4,
    "paInt16": 8,
    "paInt8": 16,
    "paUInt8": 32,
    "paCustomFormat": 65536,
}


@dataclass(frozen=True, slots=True)
class NamedEngine:
    """One of RealtimeTTS's engines.

    Attributes:
        module: the module's name in ``RealtimeTTS.engines``.
        name: the class's name, without ``Engine``.
        packages: the packages that it needs, as arguments of pip.
        traits: the engine's properties that RealtimeTTS's interface does not tell.
        secrets: the environment variables that hold keys, by the names of the constructor's arguments.
        variables: further environment variables that its library reads.
        weights: how people get the engine's weights, in words that complete "For its weights, …". Online engines have
            no use for it.
    """

    module: str
    name: str
    packages: str
    traits: Traits = field(default_factory=Traits)
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: tuple[str, ...] = ()
    weights: str = "see its own documentation"


_IMAGE_PACKAGES = "deploy/requirements-cloud-voice.txt (the packages of compose.cloud-voice.yml)"


def _hub(repository: str) -> str:
    return f"get them yourself, for example with: {hub_command(repository)}"


_SPEED = Traits(supports=("speed",))

NAMED_ENGINES: dict[str, NamedEngine] = {
    "azure": NamedEngine(
        "azure_engine",
        "Azure",
        "azure-cognitiveservices-speech",
        # The engine puts the text into XML without escaping it.
        Traits(voice="AshleyNeural", prepare=escape),
        {"speech_key": "AZURE_SPEECH_KEY", "service_region": "AZURE_SPEECH_REGION"},
    ),
    "camb": NamedEngine("camb_engine", "Camb", "camb-sdk", secrets={"api_key": "CAMB_API_KEY"}),
    "cartesia": NamedEngine("cartesia_engine", "Cartesia", "cartesia", secrets={"api_key": "CARTESIA_API_KEY"}),
    "chatterbox": NamedEngine(
        "chatterbox_engine", "Chatterbox", "chatterbox-tts", weights=_hub("ResembleAI/chatterbox-turbo")
    ),
    "edge": NamedEngine("edge_engine", "Edge", "edge-tts", Traits(voice="en-US-EmmaMultilingualNeural")),
    "elevenlabs": NamedEngine(
        "elevenlabs_engine", "Elevenlabs", "elevenlabs", Traits(voice="Nicole"), {"api_key": "ELEVENLABS_API_KEY"}
    ),
    # The engine reports a wrong sample rate; Google's sound has 24 kHz. The engine also needs the program ffmpeg.
    "gtts": NamedEngine("gtts_engine", "GTTS", "gTTS", Traits(voice="en-com", pcm_rate=24_000)),
    "higgs": NamedEngine("higgs_engine", "Higgs", "requests"),
    "inflect": NamedEngine("inflect_engine", "Inflect", "torch phonemizer espeakng-loader Unidecode scipy", _SPEED),
    "luxtts": NamedEngine("luxtts_engine", "LuxTTS", "torch torchaudio", _SPEED, weights=_hub("YatharthS/LuxTTS")),
    "minimax": NamedEngine(
        "minimax_engine",
        "MiniMax",
        "requests",
        Traits(supports=("speed",), voice="English_Graceful_Lady"),
        {"api_key": "MINIMAX_API_KEY"},
    ),
    "modelslab": NamedEngine(
        "modelslab_engine",
        "ModelsLab",
        "requests",
        Traits(supports=("speed",), voice="madison"),
        {"api_key": "MODELSLAB_API_KEY"},
    ),
    "moss": NamedEngine(
        "moss_tts_engine", "MossTTS", "torch torchaudio soundfile", weights=_hub("OpenMOSS-Team/MOSS-TTS-Nano")
    ),
    "neutts": NamedEngine("neutts_engine", "NeuTTS", "neutts", weights=_hub("neuphonic/neutts-nano")),
    "omnivoice": NamedEngine("omnivoice_engine", "OmniVoice", "omnivoice", weights=_hub("k2-fsa/OmniVoice")),
    # The engine reports a wrong sample rate; OpenAI documents 24 kHz.
    "openai": NamedEngine(
        "openai_engine",
        "OpenAI",
        "openai",
        Traits(voice="nova", pcm_rate=24_000),
        {"api_key": "OPENAI_API_KEY"},
        ("OPENAI_BASE_URL",),
    ),
    "orpheus": NamedEngine("orpheus_engine", "Orpheus", "snac torch"),
    "parler": NamedEngine(
        "parler_engine", "Parler", "torch transformers parler-tts", weights=_hub("parler-tts/parler-tts-mini-v1")
    ),
    "pocket": NamedEngine("pocket_engine", "PocketTTS", "pocket-tts torch", weights=_hub("kyutai/pocket-tts")),
    "qwen": NamedEngine(
        "qwen_engine",
        "Qwen",
        "realtimetts-qwen-native[cuda12] soundfile",
        weights=_hub("Qwen/Qwen3-TTS-12Hz-0.6B-Base"),
    ),
    "qwen-cpu": NamedEngine(
        "qwen_cpu_engine", "QwenCpu", "realtimetts-qwen-native soundfile", weights=_hub("Qwen/Qwen3-TTS-12Hz-0.6B-Base")
    ),
    "soprano": NamedEngine("soprano_engine", "Soprano", "soprano-tts"),
    "sopro": NamedEngine("sopro_engine", "SoproTTS", "sopro"),
    "style": NamedEngine("style_engine", "StyleTTS", "torch torchaudio librosa nltk munch phonemizer"),
    "system": NamedEngine("system_engine", "System", "pyttsx3"),
    "typecast": NamedEngine("typecast_engine", "Typecast", "typecast-python", secrets={"api_key": "TYPECAST_API_KEY"}),
    "zipvoice": NamedEngine(
        "zipvoice_engine", "ZipVoice", "torch torchaudio vocos safetensors", _SPEED, weights=_hub("k2-fsa/ZipVoice")
    ),
}


def create_named_engine(
    name: str, options: Mapping[str, Any], voice: str | None, environment: Mapping[str, str]
) -> RealtimeTtsEngine:
    """Create the engine ``name``. It blocks, because it may load a model or ask a service: call it in a thread.

    Args:
        name: a key of :data:`NAMED_ENGINES`.
        options: arguments of the engine's constructor. A JSON object under ``voice`` becomes the engine's voice object.
        voice: the default voice; ``None`` for the engine's own default.
        environment: variables that hold the engine's keys, and others that its library reads. An option replaces the
            variable with the same meaning.

    Raises:
        UnknownEngineError: there is no such engine.
        EngineError: a package, a key or weights are missing, or the engine failed.
        UnknownVoiceError: the engine has no such voice.
    """
    named = NAMED_ENGINES.get(name)
    if named is None:
        raise UnknownEngineError(f"there is no such engine; the engines are {', '.join([*EngineName, *NAMED_ENGINES])}")
    online = name in ONLINE_ENGINES
    # The engine's library reads these variables itself, and only from this process's environment.
    for variable in named.variables:
        if value := environment.get(variable):
            os.environ[variable] = value
    with nothing_fetched(forbidden=not online):
        return _create(name, named, _secrets(named, environment) | dict(options), voice, online=online)


def _create(
    name: str, named: NamedEngine, options: dict[str, Any], voice: str | None, *, online: bool
) -> RealtimeTtsEngine:
    module = _module(name, named)
    _require_keys(name, named, options)
    keys = {variable: str(options[argument]) for argument, variable in named.secrets.items()}
    make = getattr(module, f"{named.name}Engine")
    arguments = _arguments(name, make, options)
    traits = replace(named.traits, online=online, keys=keys)
    if isinstance(requested := arguments.get("voice"), str):
        traits = replace(traits, voice=requested)
    elif isinstance(requested, dict):
        arguments["voice"] = _call(name, getattr(module, f"{named.name.removesuffix('Cpu')}Voice"), requested, keys)
    engine = _call(name, make, arguments, keys)
    try:
        return RealtimeTtsEngine(engine, voice, traits)
    except (EngineError, ValueError):
        raise
    except Exception as error:
        raise EngineError(f"{explain(name, error, keys)}; so it can't list its voices") from error


def _require_keys(name: str, named: NamedEngine, options: dict[str, Any]) -> None:
    if name == "openai" and os.environ.get("OPENAI_BASE_URL"):
        # A self-hosted server seldom needs a key, but the library always requires one.
        options["api_key"] = options.get("api_key") or "none"
    if missing := [variable for argument, variable in named.secrets.items() if not options.get(argument)]:
        raise EngineError(missing_keys(name, missing))


def _module(name: str, named: NamedEngine) -> Any:
    stand_in_for_pyaudio()
    try:
        return importlib.import_module(f"RealtimeTTS.engines.{named.module}")
    except ImportError as error:
        raise EngineError(_missing(name, named.packages, error)) from error


def _missing(name: str, packages: str, error: ImportError) -> str:
    return (
        f"{name} needs packages that are not installed ({one_line(error)}): {how_to_install(packages, _IMAGE_PACKAGES)}"
    )


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
        # Engines print messages, which must not mix with this program's standard output.
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
        f"{name} lacks something on this machine ({missing}), and the speech server fetches nothing by itself. "
        f"For its weights, {NAMED_ENGINES[name].weights}"
    )


def stand_in_for_pyaudio() -> None:
    """Make ``import pyaudio`` work in this process without PyAudio; do nothing if PyAudio is installed.

    RealtimeTTS's engines import PyAudio only to name their sample formats. PyAudio has no wheel for Linux and would
    have to be built with PortAudio, but the server plays no sound.
    """
    if "pyaudio" in sys.modules or importlib.util.find_spec("pyaudio") is not None:
        return
    for name in ("pyaudio", "pyaudio._portaudio"):
        module = ModuleType(name, "Only constants.")
        vars(module).update(_PYAUDIO_CONSTANTS)
        sys.modules[name] = module
    vars(sys.modules["pyaudio"])["_portaudio"] = sys.modules["pyaudio._portaudio"]
