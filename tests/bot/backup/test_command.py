"""The command lines of backup and restore, and their file argument."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.__main__ import main
from tests.bot.backup.data_folder import told


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_file_must_be_named(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command])
    assert ended.value.code == 2
    assert "FILE" in told(capsys)


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_help_names_the_file_argument(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "FILE" in told(capsys)


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_pipe_instead_of_a_file_is_refused_at_once(
    folder: Path, database: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(folder / "pipe")
    assert main([command, "pipe"]) == 2
    assert "is no file" in told(capsys)


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_dash_instead_of_a_file_is_refused(
    folder: Path, database: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, "-"]) == 2
    assert "for example backups/seiyuu.sqlite3" in told(capsys)
    assert not (folder / "-").exists()
