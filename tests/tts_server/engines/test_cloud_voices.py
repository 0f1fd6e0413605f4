"""Online engines: the operator guide is enough to set them up, and errors are whole sentences.

ElevenLabs' and Edge's packages are replaced by fakes that make a tone, or fail like the real ones. OpenAI's package is
the real one, and this speech server takes the place of OpenAI's service.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from config.project import ROOT
from tests.forked import SPEECH_SERVER, forks
from tests.timing import LIMIT
from tests.tts_server.api.tone_engine import ToneEngine
from tests.tts_server.client import running
from tts_server.engines.base import EngineError
from tts_server.engines.realtime_tts.factory import NAMED_ENGINES, create_named_engine
from tts_server.engines.realtime_tts.failures import MAX_REASON, explain

GUIDE = (ROOT / "docs" / "operator-guide.md").read_text(encoding="utf-8")

_TONE = """
import io, os, wave

def tone():
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 24000, 0, "NONE", ""))
        file.writeframes(b"\\x00\\x10\\x00\\xf0" * 12000)
    return sound.getvalue()
"""
_ELEVENLABS = (
    _TONE
    + """
from types import SimpleNamespace

class Refused(Exception):
    status_code = 401

class ElevenLabs:
    def __init__(self, api_key):
        if api_key == "wrong":
            self.voices = SimpleNamespace(search=self.refuse)
        else:
            voice = SimpleNamespace(name="Nicole", voice_id="1", category="", description="", labels={})
            self.voices = SimpleNamespace(search=lambda: SimpleNamespace(voices=[voice]))
        self.text_to_speech = SimpleNamespace(stream=self.stream)

    def refuse(self):
        raise Refused("headers: {}, status_code: 401")

    def stream(self, text, voice_id, model_id):
        if os.environ.get("OFFLINE"):
            raise OSError("[Errno -2] Name or service not known")
        yield tone()
"""
)
_EDGE = (
    _TONE
    + """
async def list_voices(proxy):
    if os.environ.get("OFFLINE") == "voices":
        raise ConnectionError("Cannot connect to host speech.platform.bing.com:443 ssl:default [None]")
    named = dict.fromkeys(("Name", "Gender", "FriendlyName", "Status", "SuggestedCodec", "VoiceTag"), "")
    return [{**named, "ShortName": "en-US-EmmaMultilingualNeural", "Locale": "en-US"}]

class Communicate:
    def __init__(self, text, voice, **options):
        pass

    async def stream(self):
        if os.environ.get("OFFLINE"):
            raise ConnectionError("Cannot connect to host")
        yield {"type": "audio", "data": tone()}
"""
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A working folder, with fakes of ElevenLabs' and Edge's packages."""
    (tmp_path / "packages" / "elevenlabs").mkdir(parents=True)
    (tmp_path / "packages" / "elevenlabs" / "__init__.py").touch()
    (tmp_path / "packages" / "elevenlabs" / "client.py").write_text(_ELEVENLABS)
    (tmp_path / "packages" / "edge_tts.py").write_text(_EDGE)
    return tmp_path


def guides_lines(engine: str) -> str:
    """Return the lines that the guide gives for an engine's ``.env``."""
    section = GUIDE.split("#### Voices in the cloud", 1)[1].split("\n#", 1)[0]
    (lines,) = [block for block in re.findall(r"(?:^    \S.*\n)+", section, re.M) if f"TTS_ENGINE={engine}\n" in block]
    return "".join(line.split("  #", 1)[0].strip() + "\n" for line in str(lines).splitlines())


async def check(home: Path, env_file: str, **variables: str) -> tuple[int, str]:
    """Run ``python -m tts_server --check`` with this ``.env``; return its exit status and its output."""
    (home / ".env").write_text(env_file)
    process = await forks(*SPEECH_SERVER, "RealtimeTTS", "openai").start(
        *("tts_server", "--check"),
        folder=home,
        environment={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": f"{home / 'packages'}:{ROOT}",
            "NO_PROXY": "127.0.0.1",
            **variables,
        },
    )
    said, _ = await asyncio.wait_for(process.communicate(), LIMIT)
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_the_openai_example_of_the_guide_works(home: Path) -> None:
    lines = guides_lines("openai")
    assert "OPENAI_API_KEY=…" in lines
    engine = ToneEngine()
    async with running(engine) as service:
        address = f"OPENAI_BASE_URL={service.url('/v1')}\n"
        status, said = await check(home, lines.replace("…", "sk-1") + address)
    assert (status, engine.asked != []) == (0, True), said
    assert said.startswith("openai: ")


async def test_an_own_server_with_the_openai_api_needs_no_key(home: Path) -> None:
    async with running(ToneEngine()) as service:
        status, said = await check(home, f"TTS_ENGINE=openai\nOPENAI_BASE_URL={service.url('/v1')}\n")
    assert status == 0, said


@pytest.mark.parametrize("engine", ["elevenlabs", "edge"])
async def test_the_other_examples_of_the_guide_work(engine: str, home: Path) -> None:
    status, said = await check(home, guides_lines(engine).replace("…", "key"))
    assert status == 0, said
    assert f"{engine}: " in said


@pytest.mark.parametrize(
    ("env_file", "variables", "told"),
    [
        ("TTS_ENGINE=elevenlabs\n", {}, "elevenlabs needs a key of its service: write ELEVENLABS_API_KEY=… into .env"),
        ("TTS_ENGINE=openai\n", {}, "openai needs a key of its service: write OPENAI_API_KEY=… into .env"),
        (
            "TTS_ENGINE=elevenlabs\nELEVENLABS_API_KEY=wrong\n",
            {},
            "elevenlabs's service does not accept ELEVENLABS_API_KEY (it answered 401)",
        ),
        (
            "TTS_ENGINE=elevenlabs\nELEVENLABS_API_KEY=good\n",
            {"OFFLINE": "yes"},
            "its service can't be reached, or does not accept ELEVENLABS_API_KEY",
        ),
        ("TTS_ENGINE=edge\n", {"OFFLINE": "yes"}, "edge gave no sound for the text: its service can't be reached"),
        (
            "TTS_ENGINE=edge\n",
            {"OFFLINE": "voices"},
            "edge's service can't be reached: check that this machine is online",
        ),
        (
            "TTS_ENGINE=openai\nOPENAI_API_KEY=sk-1\nOPENAI_BASE_URL=http://127.0.0.1:9/v1\n",
            {},
            "openai's service can't be reached: "
            "check that this machine is online, and that the service's address is right",
        ),
    ],
)
async def test_mistakes_are_explained_in_whole_sentences(
    env_file: str, variables: Mapping[str, str], told: str, home: Path
) -> None:
    status, said = await check(home, env_file, **variables)
    assert status == 1
    last = said.strip().splitlines()[-1]
    assert told in last
    assert last.endswith((".", "log", "whole", "gave you", "right", "voices"))


@pytest.mark.parametrize("name", [name for name, named in NAMED_ENGINES.items() if named.secrets])
def test_every_engine_that_needs_a_key_names_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    named = NAMED_ENGINES[name]
    monkeypatch.setattr("tts_server.engines.realtime_tts.factory._module", lambda *_: _Unused(named.name))
    for variable in named.variables:
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(EngineError) as refused:
        create_named_engine(name, {}, None, {})
    for variable in named.secrets.values():
        assert f"{variable}=…" in str(refused.value)


class _Unused:
    """Takes the place of an engine's module; the test fails if its engine is created."""

    def __init__(self, name: str) -> None:
        setattr(self, f"{name}Engine", lambda: pytest.fail("made without a key"))


def test_an_error_text_of_a_library_is_complete_and_shows_no_key() -> None:
    error = ValueError("Not so.\nThe key k-123 is\n  of another region.")
    said = explain("azure", error, {"AZURE_SPEECH_KEY": "k-123"})
    assert said == "azure failed. It said: Not so. The key … is of another region"
    error = ValueError("word " * 200)
    long = explain("azure", error, {})
    assert long.endswith("word …")
    assert len(long) < MAX_REASON + 50


@pytest.mark.parametrize(
    ("status", "told"), [(401, "does not accept"), (429, "wants fewer requests"), (503, "has a fault of its own")]
)
def test_the_meaning_of_a_status_is_explained(status: int, told: str) -> None:
    error = ValueError("no")
    error.status_code = status  # type: ignore[attr-defined]
    assert told in explain("azure", error, {})
