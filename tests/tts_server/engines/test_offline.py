"""Local engines can't resolve a host name or open a connection, whatever they try. Online engines may connect."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.privacy import OFFLINE
from config.project import ROOT
from tests.forked import SPEECH_SERVER, forks
from tests.timing import LIMIT
from tests.tracing import DNS, read_account, require_strace, tracing
from tts_server.engines.offline import ONLINE_ENGINES
from tts_server.engines.realtime_tts.factory import NAMED_ENGINES

# Python imports this code when it starts. The code records every host name that is looked up, except this machine's
# own, and answers that there is no such name.
_RECORDER = """
import os, socket, sys

def recorded(host, *rest, **options):
    sys.audit("socket.getaddrinfo", host, *(rest + (0, 0, 0, 0))[:4])
    if host not in (None, "127.0.0.1", "localhost"):
        with open(os.environ["ASKED"], "a") as file:
            file.write(f"{host}\\n")
    if host in (None, "127.0.0.1", "localhost"):
        return real(host, *rest, **options)
    raise socket.gaierror(-2, "no such name")

real, socket.getaddrinfo = socket.getaddrinfo, recorded
"""

# `_start` forks a process in which Python has started already. So this program, which is run there in place of
# `tts_server`, runs the recorder itself.
_RECORDED = f"{_RECORDER}\nimport runpy\nrunpy.run_module('tts_server', run_name='__main__', alter_sys=True)\n"

# Four ways in which real engines fetch files when they are created or when they speak.
_FROM_THE_HUB = (
    "from huggingface_hub import hf_hub_download\nhf_hub_download('ResembleAI/chatterbox-turbo', 'config.json')"
)
_BY_HAND = "import urllib.request\nurllib.request.urlopen('https://weights.example/model.bin', timeout=5)"
_BY_ADDRESS = "import socket\nsocket.create_connection(('192.0.2.7', 443), timeout=0.5)"
_BY_PIP = (
    "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'install', 'en-core-web-sm'], check=True)"
)


@pytest.fixture
def fakes(tmp_path: Path) -> Path:
    """A folder for ``PYTHONPATH`` with the recorder, and with a fake of torch, which Chatterbox needs."""
    (tmp_path / "sitecustomize.py").write_text(_RECORDER)
    (tmp_path / "recorded.py").write_text(_RECORDED)
    (tmp_path / "torch.py").touch()
    return tmp_path


def _chatterbox(fakes: Path, fetching: str) -> None:
    body = "\n        ".join(fetching.splitlines())
    (fakes / "chatterbox").mkdir()
    (fakes / "chatterbox" / "tts_turbo.py").write_text(
        f"class ChatterboxTurboTTS:\n    @classmethod\n    def from_pretrained(cls, **options):\n        {body}\n"
    )


async def _start(fakes: Path, engine: str, *arguments: str, **variables: str) -> tuple[int, str, list[str]]:
    """Run the server's check; return its exit status, its output, and the host names that were looked up."""
    asked = fakes / "asked"
    process = await forks(*SPEECH_SERVER, "RealtimeTTS").start(
        *("recorded", "--check", "--engine", engine, *arguments),
        folder=fakes,
        environment={
            "PATH": os.environ["PATH"],
            "HOME": str(fakes / "home"),
            "PYTHONPATH": f"{fakes}:{ROOT}",
            "ASKED": str(asked),
            "TTS_FALLBACK": "espeak",
            **variables,
        },
    )
    said, _ = await asyncio.wait_for(process.communicate(), LIMIT)
    return await process.wait(), said.decode(), asked.read_text().split() if asked.exists() else []


@pytest.mark.parametrize(
    ("fetching", "told"),
    [
        (_FROM_THE_HUB, "its files are not in Hugging Face's cache"),
        (_BY_HAND, "it wanted to ask weights.example"),
        (_BY_ADDRESS, "it wanted to ask 192.0.2.7"),
        (_BY_PIP, "it wanted to install en-core-web-sm"),
    ],
)
async def test_an_engine_downloads_nothing_and_says_how_to_get_its_files(fakes: Path, fetching: str, told: str) -> None:
    _chatterbox(fakes, fetching)
    status, said, asked = await _start(fakes, "chatterbox")
    assert (status, asked) == (1, [])
    assert told in said
    assert "with: .venv/bin/hf download ResembleAI/chatterbox-turbo" in said
    assert said.count("\n") == 1


async def test_an_offline_engine_may_not_connect_even_beside_one_that_may(fakes: Path) -> None:
    _chatterbox(fakes, _BY_HAND)
    status, said, asked = await _start(fakes, "chatterbox", TTS_FALLBACK="openai,espeak", OPENAI_API_KEY="any")
    assert (status, asked) == (1, [])
    assert "it wanted to ask weights.example" in said


def test_downloads_at_the_first_word_are_prevented_too(fakes: Path) -> None:
    program = fakes / "fetching.py"
    program.write_text(
        "from tts_server.engines.offline import forbid_connections, nothing_fetched\n"
        "import threading, urllib.request\n"
        "forbid_connections(everywhere=False)\n"
        "from RealtimeTTS.engines.base_engine import BaseEngine\n"
        "from tts_server.engines.realtime_tts.engine import PA_INT16, RealtimeTtsEngine, Traits\n"
        "from wire.parameters import SpeechParameters\n"
        "class Late(BaseEngine):\n"
        "    def post_init(self): self.engine_name = 'late'\n"
        "    def get_stream_info(self): return PA_INT16, 1, 24000\n"
        "    def get_voices(self): return []\n"
        "    def synthesize(self, text, count=0):\n"
        "        urllib.request.urlopen('https://weights.example/model.bin', timeout=5)\n"
        "        return True\n"
        "engine = RealtimeTtsEngine(Late(), None, Traits(online=False))\n"
        "list(engine.synthesize('one', engine.resolve(None, None), SpeechParameters(), threading.Event()))\n"
    )
    asked = fakes / "asked"
    done = subprocess.run(
        [sys.executable, str(program)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{fakes}:{ROOT}", "ASKED": str(asked)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert "it wanted to ask weights.example" in done.stderr
    assert not asked.exists()


async def test_kokoro_says_how_to_get_its_weights(fakes: Path) -> None:
    status, said, asked = await _start(fakes, "kokoro")
    assert (status, asked) == (1, [])
    assert "type .venv/bin/python -m bot models download kokoro" in said


async def test_piper_says_which_voice_to_get(fakes: Path) -> None:
    status, said, asked = await _start(fakes, "piper")
    assert (status, asked) == (1, [])
    assert "type .venv/bin/python -m bot models download piper-joe" in said
    options = '{"voice": {"model_file": "nowhere.onnx"}}'
    status, said, asked = await _start(fakes, "piper", TTS_ENGINE_OPTIONS=options)
    assert (status, asked) == (1, [])
    assert "piper's voice nowhere.onnx is not there" in said


@pytest.mark.parametrize("engine", ["espeak", "stand-in"])
async def test_the_included_engines_request_nothing(fakes: Path, engine: str) -> None:
    status, said, asked = await _start(fakes, engine)
    assert (status, asked) == (0, []), said


def test_the_kernel_sees_no_connection_of_an_offline_engine(fakes: Path) -> None:
    require_strace()
    _chatterbox(fakes, _FROM_THE_HUB)
    (fakes / "sitecustomize.py").unlink()
    done = _traced_check(fakes, TTS_ENGINE="chatterbox")
    assert "its files are not in Hugging Face's cache" in done.stderr
    account = read_account(fakes / "trace", fakes)
    assert (account.asked, account.strangers) == (set(), set())


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({}, "api.openai.com"),
        ({"OPENAI_BASE_URL": "http://voices.example/v1"}, "voices.example"),
    ],
)
def test_a_cloud_voice_connects_only_to_the_host_in_the_settings(
    fakes: Path, settings: dict[str, str], asked: str
) -> None:
    require_strace()
    (fakes / "sitecustomize.py").unlink()
    done = _traced_check(fakes, TTS_ENGINE="openai", TTS_FALLBACK="", OPENAI_API_KEY="any", **settings)
    assert done.returncode == 1, done.stderr
    account = read_account(fakes / "trace", fakes)
    # The resolver may also try each name with this machine's own domain at its end.
    assert {name for name in account.asked if not name.startswith(f"{asked}.")} == {asked}
    assert {port for _, port in account.strangers} <= {DNS}


def _traced_check(fakes: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*tracing(fakes / "trace"), sys.executable, "-m", "tts_server", "--check"],
        cwd=fakes,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(fakes),
            "PYTHONPATH": f"{fakes}:{ROOT}",
            "RES_OPTIONS": "timeout:1 attempts:1",
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


async def test_an_online_engine_may_connect(fakes: Path) -> None:
    (fakes / "edge_tts.py").write_text(_BY_HAND)
    _, _, asked = await _start(fakes, "edge")
    assert asked == ["weights.example"]


def test_every_engine_says_how_to_get_its_weights() -> None:
    assert set(NAMED_ENGINES) >= ONLINE_ENGINES
    for name, named in NAMED_ENGINES.items():
        assert named.weights, name


async def test_the_libraries_of_hugging_face_are_set_to_stay_offline(fakes: Path) -> None:
    _chatterbox(
        fakes, "import os\nraise RuntimeError(os.environ['HF_HUB_OFFLINE'] + os.environ['TRANSFORMERS_OFFLINE'])"
    )
    _, said, _ = await _start(fakes, "chatterbox", HF_HUB_OFFLINE="0")
    assert "11" in said
    assert {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"} <= OFFLINE.keys()
