"""Tests of writing ``.env``: other lines stay, and a failure changes nothing."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.env_file import read_env_values
from config.env_writing import EnvWriteError, changed_env, write_env
from config.errors import SettingsError

USERS = """# My bot

export PERSONA=seiyuu
DISCORD_TOKEN='old one' # from the portal
#LLM_URL=http://127.0.0.1:8080/v1
LLM_EXTRA='{"a":
 1}'
WEB_TOKEN="a#b"
"""


def test_other_lines_and_comments_stay() -> None:
    changed = changed_env(USERS, {"DISCORD_TOKEN": "new", "LLM_URL": "http://127.0.0.1:1/v1", "STT_LANGUAGE": "de"})
    assert (
        changed
        == USERS.replace("'old one'", "new").replace("8080/v1\n", "8080/v1\nLLM_URL=http://127.0.0.1:1/v1\n")
        + "STT_LANGUAGE=de\n"
    )


def test_a_setting_is_taken_out_and_one_that_stood_twice_is_written_once() -> None:
    assert changed_env("A=1\n\nB=2 # x\nC=3\nb=4\n", {"B": None, "C": None}) == "A=1\n\n"
    assert changed_env("B=2\nA=1\nb=4", {"B": "5"}) == "B=5\nA=1\n"


def test_line_breaks_of_windows_stay() -> None:
    assert changed_env("A=1\r\nB=2\r\n", {"B": "3", "C": "4"}) == "A=1\r\nB=3\r\nC=4\r\n"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30), st.sampled_from(["", USERS, "X=1"]))
def test_a_value_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, value: str, before: str) -> None:
    if "${" in value:
        with pytest.raises(SettingsError, match="DISCORD_TOKEN"):
            changed_env(before, {"DISCORD_TOKEN": value})
        return
    file = tmp_path_factory.mktemp("env") / ".env"
    file.write_text(changed_env(before, {"DISCORD_TOKEN": value}), encoding="utf-8")
    assert read_env_values(file)["DISCORD_TOKEN"] == value


def test_a_value_with_a_line_break_is_refused() -> None:
    with pytest.raises(SettingsError, match="LLM_MODEL"):
        changed_env("", {"LLM_MODEL": "x\nDISCORD_API_URL=http://elsewhere"})


def test_only_its_owner_reads_the_file_and_a_backup_keeps_changed_lines(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert write_env(file, {"PERSONA": "seiyuu"}).backup is None, "there was no file"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    assert write_env(file, {"LLM_MODEL": "a"}).backup is None, "a line was only added"
    assert file.stat().st_mode & 0o777 == 0o600
    written = write_env(file, {"LLM_MODEL": "b", "PERSONA": "seiyuu"})
    assert written.names == ("LLM_MODEL",)
    assert written.backup is not None
    assert written.backup.read_text() == "PERSONA=seiyuu\nLLM_MODEL=a\n"
    assert written.backup.stat().st_mode & 0o777 == 0o600
    assert write_env(file, {"LLM_MODEL": "b"}).names == ()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("A=1\n")
    (tmp_path / ".env").symlink_to("real")
    write_env(tmp_path / ".env", {"LLM_MODEL": "a"})
    assert (tmp_path / ".env").is_symlink()
    assert (tmp_path / "real").read_text() == "A=1\nLLM_MODEL=a\n"


@contextmanager
def full_disk() -> Iterator[None]:
    """Files can be made but not written to, as on a full disk."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_on_a_full_disk_nothing_changes(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(USERS)
    with pytest.raises(EnvWriteError, match="Make room"), full_disk():
        write_env(file, {"DISCORD_TOKEN": "new"})
    assert file.read_text() == USERS
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_nobody_may_write_to_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(USERS)
    file.chmod(0o444)
    with pytest.raises(EnvWriteError, match=r"Nothing has changed\. Allow it with `chmod u\+w \.env`"):
        write_env(file, {"DISCORD_TOKEN": "new"})
    assert file.read_text() == USERS
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_can_not_be_written_to_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text(USERS)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # The tests may run as root, who may write everywhere.
    monkeypatch.setattr("config.env_writing.tempfile.mkstemp", refuse)
    with pytest.raises(
        EnvWriteError, match=rf"this user has no permission for it\. .* the folder {tmp_path.name}, then try again"
    ):
        write_env(file, {"STT_LANGUAGE": "de"})
    assert file.read_text() == USERS
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("broken", ["OTHER='a\n", 'B=1\nOTHER="a', "LLM_MODEL='a\n"])
@pytest.mark.parametrize("value", ["it's", "a b", "$x", "plain"])
def test_a_line_that_would_swallow_the_new_one_is_reported(tmp_path: Path, broken: str, value: str) -> None:
    """A quote that is never closed may end at a quote of a new value: then neither line says what it seems to."""
    file = tmp_path / ".env"
    file.write_text(broken)
    before = read_env_values(file)
    try:
        write_env(file, {"PROMPT_CHANNEL": value})
    except SettingsError as error:
        assert "PROMPT_CHANNEL" in str(error)
        assert "a quote" in str(error)
        assert file.read_text() == broken
        assert list(tmp_path.iterdir()) == [file]
    else:
        assert read_env_values(file) == {**before, "PROMPT_CHANNEL": value}


LINES = ("# LLM_URL=x", "LLM_URL='a\\'b' # c", 'export LLM_MODEL="x y"', "OTHER=1", "", "=y", "X='un", "a'")


@given(
    st.lists(st.sampled_from(LINES)),
    st.text("aB1 '\"\\#$={}()`!;&|\n\r\t\x0b\x85\u2028\x00é🙂-_", min_size=1, max_size=12),
)
def test_writing_a_setting_changes_only_this_setting_or_nothing(lines: list[str], value: str) -> None:
    text = "\n".join(lines)
    with TemporaryDirectory() as folder:
        file = Path(folder) / ".env"
        file.write_text(text, newline="")
        before = read_env_values(file)
        try:
            write_env(file, {"LLM_MODEL": value})
        except SettingsError:
            assert file.read_bytes().decode() == text
        else:
            assert read_env_values(file) == {**before, "LLM_MODEL": value}
