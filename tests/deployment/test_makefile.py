"""The Makefile: its virtual environment, the list of ``make help``, fetched weights, and the groups of tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.project import ROOT
from tests.timing import LIMIT

# A Python whose venv module makes the folder, and then fails. It succeeds once there is a file "python3-venv".
PYTHON = f"""#!/bin/sh
if [ "$1 $2" != "-m venv" ]; then exec {sys.executable} "$@"; fi
mkdir -p "$3/bin"
ln -sf PYTHON "$3/bin/python"
[ -e python3-venv ] || {{ echo "ensurepip is not available"; exit 1; }}
ln -sf {sys.executable} "$3/bin/python"
printf '#!/bin/sh\\necho "$@" >> installed\\n' > "$3/bin/pip"
chmod +x "$3/bin/pip"
"""

TEST_PARTS = ("test-part-1", "test-part-2", "test-part-3", "test-part-4")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the Makefile and a Python without python3-venv."""
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    without_pip = tmp_path / "without-pip"
    without_pip.write_text("#!/bin/sh\nexit 1\n")
    without_pip.chmod(0o755)
    python = tmp_path / "python"
    python.write_text(PYTHON.replace("PYTHON", str(without_pip)))
    python.chmod(0o755)
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("make") or "make", f"PYTHON={folder}/python", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


@pytest.mark.parametrize("target", [".venv/run.stamp", ".venv/dev.stamp"])
def test_without_python3_venv_make_says_so_and_works_after_its_installation(project: Path, target: str) -> None:
    first = make(project, target)
    assert first.returncode != 0
    assert "apt install python3-venv" in first.stdout
    assert not (project / ".venv").exists()
    (project / "python3-venv").touch()
    second = make(project, target)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "GB" in second.stdout
    assert "requirements" in (project / "installed").read_text()


@pytest.mark.parametrize("fault", ["no pip", "no python", "a dead link"])
def test_a_broken_virtual_environment_is_made_again(project: Path, fault: str) -> None:
    python = project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    (project / ".venv" / "run.stamp").touch()
    if fault == "no pip":
        python.symlink_to(project / "without-pip")
    elif fault == "a dead link":
        python.symlink_to(project / "gone")
    (project / "python3-venv").touch()
    done = make(project, ".venv/run.stamp")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "installed").exists()


def test_a_working_virtual_environment_is_left_alone(project: Path) -> None:
    (project / "python3-venv").touch()
    make(project, ".venv/run.stamp")
    (project / "installed").unlink()
    assert make(project, ".venv/run.stamp").returncode == 0
    assert not (project / "installed").exists()


def test_help_names_every_target_that_people_type(project: Path) -> None:
    said = make(project, "help").stdout
    wanted = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"run", "test", "lint", "xtts", "clean", "help"} <= set(wanted)
    assert [target for target in wanted if f"make {target} " not in said] == []
    columns = {len(match[0]) for match in re.finditer(r"^  make [a-z-]+ +", said, re.MULTILINE)}
    assert len(columns) == 1, "the descriptions stand below each other"
    assert "#" not in said


@pytest.mark.parametrize(("arguments", "fetched"), [("", True), ("demo --stay", True), ("doctor", False)])
def test_make_run_fetches_weights_unless_the_command_needs_none(project: Path, arguments: str, fetched: bool) -> None:
    lines = make(project, "--dry-run", "run", f"ARGS={arguments}").stdout.splitlines()
    steps = [line for line in lines if "-m bot" in line]
    assert [("models fetch" in step) for step in steps] == ([True, False] if fetched else [False])


@pytest.mark.parametrize(("status", "goes_on"), [(0, True), (1, True), (2, True), (130, False)])
def test_a_start_goes_on_without_weights_but_not_after_ctrl_c(project: Path, status: int, goes_on: bool) -> None:
    python = project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f'#!/bin/sh\n[ "$1" = -c ] && exit 0\necho "$@" >> started\ncase "$*" in *fetch*) exit {status};; esac\n'
    )
    python.chmod(0o755)
    (python.parent / "pip").symlink_to(shutil.which("true") or "true")
    done = make(project, "run")
    assert (done.returncode == 0) is goes_on
    started = (project / "started").read_text().splitlines()
    assert started == ["-m bot models fetch"] + ["-m bot"] * goes_on


def test_each_test_is_in_one_of_the_groups_that_make_test_runs(project: Path) -> None:
    said = make(project, "--dry-run", "test-calls", *TEST_PARTS).stdout
    *groups, rest = (line.split(">")[0] for line in said.splitlines() if "-m pytest" in line)
    held = [folder for group in groups for folder in re.findall(r"(?<!=)\btests/\S+", group)]
    assert len(groups) == len(TEST_PARTS)
    assert sorted(set(held)) == sorted(held)
    # What one group leaves out is in another.
    assert {folder for group in groups for folder in re.findall(r"--ignore=(\S+)", group)} <= set(held)
    assert [folder for folder in held if not (ROOT / folder).is_dir()] == []
    assert sorted(re.findall(r"--ignore=(\S+)", rest)) == sorted(held)
    assert re.findall(r"(?<!=)\btests\b\S*", rest) == ["tests"]


@pytest.mark.parametrize("target", ["test", "test-parts"])
def test_make_test_runs_all_groups_and_test_parts_all_but_the_calls(project: Path, target: str) -> None:
    said = make(project, "--dry-run", target).stdout
    groups = {*re.findall(r"test-(?:calls|part-\d)\b(?=[^.])", said)}
    assert groups == {*TEST_PARTS} | ({"test-calls"} if target == "test" else set())
