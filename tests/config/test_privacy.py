"""Tests that no program of the project sends data about its machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.privacy import SILENCED
from config.project import ROOT
from tests.tracing import read_account, require_strace, tracing

PACKAGES = sorted(init.parent.name for init in ROOT.glob("*/__init__.py"))
# Every module that somebody or something starts with `python -m`.
PROGRAMS = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for package in ("bot", "toys", "tts_server")
    for file in (ROOT / package).rglob("*.py")
    if '__name__ == "__main__"' in file.read_text(encoding="utf-8")
)

# Imports a program. At the first module of somebody else's library, prints which of the variables are not set yet.
_FIRST_IMPORT = """
import importlib, os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in OWN:
            missing = {n for n in NAMES if n not in os.environ}
            sys.stdout.write(f"{name}: {sorted(missing)}")
            sys.stdout.flush()
            os._exit(1 if missing else 0)

NAMES, OWN = (argument.split(",") for argument in sys.argv[2:])
sys.meta_path.insert(0, Watch())
importlib.import_module(sys.argv[1])
"""

_LOAD_SILERO = "from bot.voice.turns.voice_activity import Silero; Silero(); import time; time.sleep(SECONDS)"


def _bare_environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT)}


def test_the_list_of_programs_is_complete() -> None:
    programs = {"bot.__main__", "bot.voice.transcribe.worker", "toys.whisper.making", "tts_server.__main__"}
    assert programs <= set(PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS)
def test_telemetry_is_off_before_a_program_imports_its_first_library(program: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_IMPORT, program, ",".join(SILENCED), ",".join(PACKAGES)],
        env=_bare_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_variable_that_is_already_set_is_kept(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import bot, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"],
        env={**_bare_environment(tmp_path), "ORT_DISABLE_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0\n"


def test_voice_activity_detection_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", _LOAD_SILERO.replace("SECONDS", "0.5")], env=_bare_environment(tmp_path), check=True
    )
    assert [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*")] == []


def test_voice_activity_detection_looks_up_no_host_name(tmp_path: Path) -> None:
    require_strace()
    subprocess.run(
        [*tracing(tmp_path / "trace"), sys.executable, "-c", _LOAD_SILERO.replace("SECONDS", "12")],
        env=_bare_environment(tmp_path),
        check=True,
    )
    account = read_account(tmp_path / "trace", tmp_path)
    assert (account.asked, account.reached) == (set(), set())
