"""Tests that the images can be built step by step, and that their programs run without rights on a read-only disk.

The tests are slow, because they install all packages. They need root and the package index.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.rebuild import LAYERS, ROOM, Image, Rebuild
from tests.timing import LIMIT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def mounts_are_possible(folder: Path) -> bool:
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.disk_usage(folder).free < ROOM:
        return False
    for name in ("upper", "work", "merged"):
        (folder / name).mkdir()
    options = f"lowerdir=/,upperdir={folder}/upper,workdir={folder}/work"
    command = ("unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", options, f"{folder}/merged")
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def rebuild() -> Iterator[Rebuild]:
    if not LAYERS.is_dir():
        pytest.skip(f"needs {LAYERS}")
    with tempfile.TemporaryDirectory(dir=LAYERS) as folder:
        work = Path(folder)
        # The image's user must be able to enter the folder.
        work.chmod(0o755)
        (work / "probe").mkdir()
        if not mounts_are_possible(work / "probe"):
            pytest.skip(f"needs root, overlay mounts, and {ROOM / 1e9:.0f} GB in {LAYERS}")
        yield Rebuild(work)


@pytest.fixture
def state() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def done(rebuild: Rebuild, image: Image, state: Path, *command: str) -> tuple[int, str]:
    process = rebuild.run(image, *command, state=state)
    said, errors = process.communicate(timeout=LIMIT)
    return process.returncode, (said + errors).decode()


@pytest.mark.parametrize("name", ["bot", "tts"])
def test_an_image_can_write_its_data_and_nothing_else(rebuild: Rebuild, state: Path, name: str) -> None:
    image = rebuild.image(name)
    assert done(rebuild, image, state, "id", "-u")[1].strip() == "10001"
    assert done(rebuild, image, state, "touch", "/data/kept", "/tmp/passing")[0] == 0
    assert (state / "kept").exists()
    assert done(rebuild, image, state, "touch", "/app/bot/new.py")[0] != 0


@pytest.mark.parametrize("name", ["bot", "tts"])
def test_pip_is_not_in_the_virtual_environment(rebuild: Rebuild, state: Path, name: str) -> None:
    assert "No module named pip" in done(rebuild, rebuild.image(name), state, "python", "-m", "pip")[1]


def test_the_bot_finds_everything_it_needs(rebuild: Rebuild, state: Path) -> None:
    status, said = done(rebuild, rebuild.image("bot"), state, "python", "-m", "bot", "doctor")
    assert status == 0, said
    assert "All is well." in said
    status, said = done(rebuild, rebuild.image("bot"), state, "python", "-m", "bot", "models")
    assert status == 0, said


def test_the_speech_server_reports_its_health_and_ends_when_asked(rebuild: Rebuild, state: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        bind = f"TTS_BIND=127.0.0.1:{free.getsockname()[1]}"
    image = rebuild.image("tts")
    server = rebuild.run(image, "env", bind, "python", "-m", "tts_server", state=state)
    try:
        deadline = time.monotonic() + LIMIT
        status, said = 1, ""
        while status != 0 and server.poll() is None and time.monotonic() < deadline:
            status, said = done(rebuild, image, state, "env", bind, "python", "-m", "tts_server.healthy")
        assert status == 0, said
        server.send_signal(signal.SIGTERM)
        assert server.wait(LIMIT) == 0
        assert done(rebuild, image, state, "env", bind, "python", "-m", "tts_server.healthy")[0] == 1
    finally:
        server.kill()
        server.wait()
