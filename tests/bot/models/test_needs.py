"""Models that the settings need: ``models download`` downloads them, and errors name this command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.models.catalogue import Catalogue, Model, load_catalogue
from bot.models.choice import choose
from bot.models.command import run_models
from bot.models.model_store import ModelStore
from bot.models.needs import QUICK_ENGLISH, uses_quick_english
from bot.own_weights import OwnWeights
from bot.transcribers import make_transcriber
from bot.voice.transcribe.transcriber import TranscriptionError
from bot.voice.transcribe.whisper import WhisperTranscriber
from config.settings import Profile, Settings


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the tests in a folder without ``.env``, and with an empty cache of the hub."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


MIND = "qwen2.5-7b-q5"
OWN_MIND, VOICE, SILERO = "smollm2-135m", "piper-joe", "silero-vad"


@pytest.mark.parametrize(
    ("variables", "needed"),
    [
        ({}, []),
        ({"TTS_ENGINE": "xtts"}, ["xtts-v2"]),
        ({"TTS_ENGINE": "XTTS"}, ["xtts-v2"]),
        ({"TTS_ENGINE": "kokoro"}, ["kokoro"]),
        ({"TTS_ENGINE": "kokoro", "KOKORO_MODEL": "/my/kokoro"}, []),
        ({"TTS_FALLBACK": "piper,kokoro,espeak"}, []),
        ({"TTS_ENGINE": "piper"}, ["piper-joe"]),
        ({"TTS_ENGINE": "piper", "PIPER_MODEL": "data/models/piper-joe"}, ["piper-joe"]),
        ({"TTS_ENGINE": "piper", "PIPER_MODEL": "/my/voice.onnx"}, []),
        ({"TTS_FALLBACK": "piper,espeak"}, ["piper-joe"]),
        ({"TTS_ENGINE": "openai"}, []),
        ({"TTS_BETTER_ENGINE": "xtts"}, ["xtts-v2"]),
        ({"TTS_FALLBACK": "kokoro,espeak"}, ["kokoro"]),
        ({"TTS_ENGINE": "piper", "TTS_ENGINE_OPTIONS": '{"voice": {"model_file": "/my/voice.onnx"}}'}, []),
        (
            {"TTS_ENGINE": "piper", "TTS_ENGINE_OPTIONS": '{"voice": {"model_file": "data/models/piper-joe/x.onnx"}}'},
            ["piper-joe"],
        ),
        ({"TTS_ENGINE": "xtts", "XTTS_MODEL": "/my/xtts"}, []),
        ({"TTS_ENGINE": "xtts", "XTTS_MODEL": "data/models/xtts-v2"}, ["xtts-v2"]),
        ({"TTS_ENGINE": "xtts", "TTS_WEBSOCKET_URL": "ws://there:8765/ws/stream"}, []),
        ({"STT_MODEL": "small"}, ["whisper-small"]),
        ({"STT_MODEL": "whisper-small"}, ["whisper-small"]),
        ({"STT_MODEL": "data/models/whisper-base"}, ["whisper-base"]),
        ({"STT_MODEL": "large-v3-turbo"}, ["whisper-turbo"]),
        ({"STT_MODEL": "/my/whisper"}, []),
        ({"STT_MODEL": "small", "STT_URL": "http://there/v1"}, []),
        ({"PROFILE": "local"}, ["whisper-small", "xtts-v2", MIND]),
        ({"PROFILE": "local", "LLM_URL": "http://127.0.0.1:11434/v1"}, ["whisper-small", "xtts-v2"]),
        (
            {"PROFILE": "local", "LLM_URL": "http://127.0.0.1:8080/v1", "LLM_MODEL": "qwen2.5-7b"},
            ["whisper-small", "xtts-v2", MIND],
        ),
        (
            {"PROFILE": "local", "TTS_ENGINE": "espeak", "LLM_MODEL": "qwen2.5-7b-q4"},
            ["whisper-small", "qwen2.5-7b-q4"],
        ),
        ({"PROFILE": "local", "TTS_ENGINE": "espeak", "LLM_MODEL": "/my/7b.gguf"}, ["whisper-small"]),
        ({"LLM_MODEL": MIND}, [MIND]),
        ({"PROFILE": "hybrid", "STT_URL": "http://there/v1"}, ["xtts-v2"]),
        ({"PROFILE": "local", "TTS_ENGINE": "espeak", "STT_MODEL": "tiny"}, ["whisper-tiny", MIND]),
        ({"PROFILE": "api"}, []),
        ({"WEIGHTS": "auto"}, ["whisper-base", VOICE, SILERO, OWN_MIND]),
        ({"WEIGHTS": "real", "LLM_URL": "http://there/v1"}, ["whisper-base", VOICE, SILERO]),
        ({"WEIGHTS": "auto", "STT_URL": "http://there/v1"}, [VOICE, OWN_MIND]),
        ({"WEIGHTS": "auto", "STT_MODEL": "small"}, ["whisper-small", VOICE, OWN_MIND]),
        ({"WEIGHTS": "auto", "TTS_ENGINE": "espeak"}, ["whisper-base", SILERO, OWN_MIND]),
        ({"WEIGHTS": "auto", "TTS_WEBSOCKET_URL": "ws://there:8765/ws/stream"}, ["whisper-base", SILERO, OWN_MIND]),
        ({"WEIGHTS": "auto", "PROFILE": "api"}, []),
    ],
)
def test_the_settings_decide_which_models_are_needed(
    variables: dict[str, str], needed: list[str], catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert list(choose(catalogue, Settings.read(), [], None).wanted) == needed


def test_a_given_profile_and_given_names_win_over_the_settings(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STT_MODEL", "tiny")
    assert choose(catalogue, Settings.read(), [], Profile.HYBRID).wanted == ("whisper-small", "xtts-v2")
    assert choose(catalogue, Settings.read(), ["kokoro"], Profile.HYBRID).wanted == ("kokoro",)


@pytest.mark.parametrize(
    ("variables", "pays"),
    [
        ({}, True),
        ({"STT_LANGUAGE": "en", "STT_DEVICE": "cpu"}, True),
        ({"STT_LANGUAGE": "de"}, False),
        ({"STT_DEVICE": "cuda"}, False),
        ({"STT_ENGLISH_MODEL": "off"}, False),
        ({"STT_MODEL": "large-v3-turbo"}, False),
        ({"STT_URL": "http://127.0.0.1:1/v1"}, False),
        ({"PROFILE": "local"}, False),
    ],
)
def test_the_quick_model_for_english_is_worth_it_beside_whisper_base_on_the_processor(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], pays: bool
) -> None:
    for name, value in {"WEIGHTS": "auto", **variables}.items():
        monkeypatch.setenv(name, value)
    assert uses_quick_english(catalogue, Settings.read()) is pays


async def ears(**settings: Any) -> WhisperTranscriber:
    async with aiohttp.ClientSession() as http:
        transcriber = await make_transcriber(Settings.read(**settings), OwnWeights(), http, lambda *_: None)
    assert isinstance(transcriber, WhisperTranscriber)
    return transcriber


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"stt_model": "small"}, "type `.venv/bin/python -m bot models download whisper-small`"),
        ({"profile": "local"}, "type `.venv/bin/python -m bot models download whisper-small`"),
        ({"stt_model": "turbo"}, "type `.venv/bin/python -m bot models download whisper-turbo`"),
        ({"stt_model": "medium"}, "a model that `.venv/bin/python -m bot models` lists"),
        ({"stt_model": "./nowhere"}, "a model that `.venv/bin/python -m bot models` lists"),
    ],
)
async def test_a_transcriber_without_its_model_says_what_to_type(settings: dict[str, Any], told: str) -> None:
    transcriber = await ears(**settings)
    try:
        with pytest.raises(TranscriptionError) as refused:
            await transcriber.warm_up()
    finally:
        await transcriber.close()
    said = str(refused.value)
    assert told in said
    assert "is not on this machine." in said
    assert "Error" not in said


@pytest.mark.parametrize(
    ("settings", "used"),
    [
        ({}, True),
        ({"stt_language": "en"}, True),
        ({"stt_model": "base"}, True),
        ({"stt_model": "small"}, False),
        ({"stt_language": "de"}, False),
        ({"stt_english_model": "off"}, False),
        ({"weights": "toys", "stt_model": "base"}, False),
    ],
)
async def test_the_quick_model_for_english_is_used_only_beside_whisper_base(
    catalogue: Catalogue, tmp_path: Path, settings: dict[str, Any], used: bool
) -> None:
    cache, model = tmp_path / "cache", catalogue.models[QUICK_ENGLISH]
    create(ModelStore(cache / "weights"), QUICK_ENGLISH, model)
    transcriber = await ears(**{"weights": "auto", "cache_dir": cache, **settings})
    await transcriber.close()
    assert (transcriber._options.english is not None) is used


@pytest.mark.parametrize(
    ("device", "here", "told"),
    [
        ("auto", True, ("●", "; not needed, but used, since it is here")),
        ("auto", False, ("○", "is not here; not needed, but used once it is here")),
        ("cuda", True, ("○", "")),
    ],
)
def test_the_list_shows_whether_the_quick_model_for_english_is_used(
    catalogue: Catalogue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    device: str,
    here: bool,
    told: tuple[str, str],
) -> None:
    for name, value in {"WEIGHTS": "auto", "STT_DEVICE": device, "CACHE_DIR": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    if here:
        create(ModelStore(tmp_path / "cache" / "weights"), QUICK_ENGLISH, catalogue.models[QUICK_ENGLISH])
    assert run_models([]) == 0
    lines = capsys.readouterr().out.splitlines()
    (at,) = [place for place, line in enumerate(lines) if line[2:].startswith(f"{QUICK_ENGLISH}: ")]
    assert lines[at][0] == told[0]
    where = next(line for line in lines[at:] if "here" in line or "stored in" in line)
    assert where.endswith(told[1])
    assert ("not needed" in where) == bool(told[1])


@pytest.fixture
def _downloaded(catalogue: Catalogue, tmp_path: Path) -> Iterator[None]:
    """Create files with the sizes of a downloaded Whisper small."""
    create(ModelStore(tmp_path / "data" / "models"), "whisper-small", catalogue.models["whisper-small"])
    yield


def create(store: ModelStore, name: str, model: Model) -> None:
    """Create files with the sizes of a downloaded model."""
    for file in model.files:
        path = store.folder(name) / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as empty:
            empty.truncate(file.size)
    store.write_manifest(name, model)


@pytest.mark.usefixtures("_downloaded")
@pytest.mark.parametrize("settings", [{"stt_model": "small"}, {"profile": "local"}, {"stt_model": "whisper-small"}])
async def test_a_downloaded_model_is_used_without_another_setting(settings: dict[str, Any]) -> None:
    transcriber = await ears(**settings)
    await transcriber.close()
    assert transcriber.describe() == "faster-whisper data/models/whisper-small"
