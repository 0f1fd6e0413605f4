"""RealtimeTTS's engines by the names that ``TTS_ENGINE`` knows them by, and what is peculiar to each.

Read from RealtimeTTS 0.8.10. Its own extras want PyAudio, which is not needed here, so each engine's packages are named
instead. Two are missing on purpose, since XTTS and Piper are engines of this server's own: its CoquiEngine can hang for
ever, and its PiperEngine starts a program for each sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from tts_server.engines.realtime_tts import Traits


@dataclass(frozen=True, slots=True)
class NamedEngine:
    """Where an engine is, and what it needs.

    Attributes:
        module: in ``RealtimeTTS.engines``.
        name: of the class, without ``Engine``.
        packages: that it needs, as pip takes them.
        secrets: the constructor's arguments that environment variables may hold.
        variables: what its library reads from the environment besides.
        weights: how people get its weights, completing "For its weights, …"; only for engines of this machine.
    """

    module: str
    name: str
    packages: str
    traits: Traits = field(default_factory=Traits)
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: tuple[str, ...] = ()
    weights: str = "see its own documentation"


def _download(model: str) -> str:
    return f"type .venv/bin/python -m bot models download {model}"


def _hub(repository: str) -> str:
    return f"get them yourself, for example with: .venv/bin/hf download {repository}"


_SPEED = Traits(heeds=("speed",))
_KOKORO_LANGUAGES = {
    "a": "en-us",
    "b": "en-gb",
    "e": "es",
    "f": "fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-br",
    "z": "zh",
}

NAMED_ENGINES: dict[str, NamedEngine] = {
    "azure": NamedEngine(
        "azure_engine",
        "Azure",
        "azure-cognitiveservices-speech",
        # It puts the text into XML as it is.
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
    # It claims the rate of another engine; Google's sound has 24 kHz. It needs the program ffmpeg too.
    "gtts": NamedEngine("gtts_engine", "GTTS", "gTTS", Traits(voice="en-com", pcm_rate=24_000)),
    "higgs": NamedEngine("higgs_engine", "Higgs", "requests"),
    "inflect": NamedEngine("inflect_engine", "Inflect", "torch phonemizer espeakng-loader Unidecode scipy", _SPEED),
    "kokoro": NamedEngine(
        "kokoro_engine",
        "Kokoro",
        "kokoro",
        Traits(heeds=("speed",), voice="af_heart", languages=_KOKORO_LANGUAGES),
        weights=_download("kokoro"),
    ),
    "luxtts": NamedEngine("luxtts_engine", "LuxTTS", "torch torchaudio", _SPEED, weights=_hub("YatharthS/LuxTTS")),
    "minimax": NamedEngine(
        "minimax_engine",
        "MiniMax",
        "requests",
        Traits(heeds=("speed",), voice="English_Graceful_Lady"),
        {"api_key": "MINIMAX_API_KEY"},
    ),
    "modelslab": NamedEngine(
        "modelslab_engine",
        "ModelsLab",
        "requests",
        Traits(heeds=("speed",), voice="madison"),
        {"api_key": "MODELSLAB_API_KEY"},
    ),
    "moss": NamedEngine(
        "moss_tts_engine", "MossTTS", "torch torchaudio soundfile", weights=_hub("OpenMOSS-Team/MOSS-TTS-Nano")
    ),
    "neutts": NamedEngine("neutts_engine", "NeuTTS", "neutts", weights=_hub("neuphonic/neutts-nano")),
    "omnivoice": NamedEngine("omnivoice_engine", "OmniVoice", "omnivoice", weights=_hub("k2-fsa/OmniVoice")),
    # It claims another rate for the PCM that OpenAI describes.
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
