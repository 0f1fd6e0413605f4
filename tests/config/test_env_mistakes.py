"""Tests of a ``.env`` with mistakes: each is reported in one line with its line number, and nothing is started."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import command_line, settings_check
from bot.command_line import run
from bot.models.catalogue import Catalogue, load_catalogue
from bot.settings_check import KNOWN
from config.program_settings import SECRETS
from config.settings import Settings
from config.speech_settings import ENGINE_VARIABLES, ENGINES, EngineName, SpeechSettings
from tests.config.mistakes import ALL, LINES, NAMES, SECRET, VALUES, Mistake
from tts_server.engines.realtime_tts.factory import NAMED_ENGINES

COMMANDS = (["run"], ["doctor", "--json"])
_TECHNICAL_WORDS = re.compile(
    r"Traceback|pydantic|dotenv|Errno|regex|pattern|\(\?|\\[dsSw]|Input should|String should|None\b"
)
Refusal = tuple[int, list[str], str]


async def _must_not_start(*_: object) -> int:
    raise AssertionError("the bot was started in spite of a mistake")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def refusal(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    catalogue: Catalogue,
) -> Callable[[list[str], bytes], Refusal]:
    """A function that runs a command with these bytes in ``.env``. It returns the exit status, the lines on standard
    error, and standard output.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command_line, "_run", _must_not_start)
    # Each command reads the catalogue, which is the same for all.
    monkeypatch.setattr(settings_check, "load_catalogue", lambda: catalogue)
    for name in KNOWN:
        monkeypatch.delenv(name, raising=False)

    def refused(command: list[str], data: bytes) -> Refusal:
        (tmp_path / ".env").write_bytes(data)
        status = run(command)
        said = capfd.readouterr()
        assert caplog.records == []
        return status, said.err.splitlines(), said.out

    return refused


def _assert_told(mistake: Mistake, sentence: str, line: int) -> None:
    assert [words for words in mistake.says if words not in sentence] == [], sentence
    assert sentence.startswith(f".env, line {line}: " if line else ".env is "), sentence
    assert SECRET not in sentence
    assert _TECHNICAL_WORDS.search(re.sub(r"'[^']*'", "", sentence)) is None, sentence
    assert len(sentence) < 600


def test_the_table_has_every_setting_and_sixty_mistakes_or_more() -> None:
    table = {mistake.text.partition("=")[0] for mistake in VALUES if isinstance(mistake.text, str)}
    settings = {name.upper() for name in {*Settings.settings(), *SpeechSettings.settings()}}
    assert settings - table == set()
    assert {name for name in settings if name.endswith(("_KEY", "_PASSWORD", "_PIN", "_TOKEN"))} == SECRETS
    assert len({mistake.data for mistake in ALL}) == len(ALL) > 60


@pytest.mark.parametrize("mistake", ALL, ids=lambda mistake: ascii(mistake.text)[:50])
def test_a_mistake_is_reported_in_one_sentence_with_its_line_number(
    mistake: Mistake, refusal: Callable[[list[str], bytes], Refusal]
) -> None:
    refused = [refusal(command, mistake.data) for command in COMMANDS]
    for status, said, _ in refused:
        assert (status, len(said)) == (2, 1), said
        assert said == refused[0][1]
    _assert_told(mistake, refused[0][1][0], mistake.place)
    assert json.loads(refused[1][2]) == {"good": False, "error": refused[0][1][0]}


def test_all_mistakes_in_one_file_are_reported_in_the_order_of_their_lines(
    refusal: Callable[[list[str], bytes], Refusal],
) -> None:
    together = [mistake for mistake in (*VALUES, *NAMES, *LINES) if not mistake.alone]
    # A name that is used twice would be a mistake of its own.
    used, chosen, data, expected = set[str](), list[Mistake](), b"# My settings\n\n", list[int]()
    for mistake in together:
        names = set(re.findall(r"^[A-Z_]+(?==)", mistake.data.decode(), re.MULTILINE))
        if names & used:
            continue
        used |= names
        chosen.append(mistake)
        expected.append(data.count(b"\n") + mistake.place)
        data += mistake.data
    assert len(chosen) >= 60
    for command in (["run"], ["doctor"]):
        status, said, _ = refusal(command, data)
        assert status == 2
        assert [int(re.findall(r"line (\d+)", line)[0]) for line in said] == expected
        for mistake, sentence, line in zip(chosen, said, expected, strict=True):
            _assert_told(mistake, sentence, line)


def test_values_with_an_obvious_meaning_are_not_refused(
    tmp_path: Path, refusal: Callable[[list[str], bytes], Refusal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    started = list[Settings]()

    async def start(_: str, settings: Settings, __: object) -> int:
        started.append(settings)
        return 0

    monkeypatch.setattr(command_line, "_run", start)
    text = (
        "\ufeffexport PERSONA = 'Seiyuu' # me\r\nDATA_DIR=~/seiyuu\r\nALONE_TIMEOUT=\u00a060\u00a0\r\nLLM_URL=\r\n"
        "profile=Embedded\r\nLLM_EXTRA='{\n  \"think\": false\n}'\r\nCOMPOSE_FILE=x\r\n"
    )
    assert refusal(["doctor"], text.encode()) == (0, [], "")
    (settings,) = started
    assert (settings.persona, settings.data_dir, settings.call.alone_timeout) == ("seiyuu", tmp_path / "seiyuu", 60.0)
    assert settings.llm.extra == {"think": False}


def test_a_folder_in_place_of_the_file_is_reported(
    tmp_path: Path, refusal: Callable[[list[str], bytes], Refusal], capfd: pytest.CaptureFixture[str]
) -> None:
    """Docker creates a folder if a file that it must mount does not exist."""
    (tmp_path / ".env").mkdir()
    assert run(["run"]) == 2
    assert capfd.readouterr().err == ".env is a folder. Remove it, and write the settings into a file of that name.\n"


def test_an_error_in_an_environment_variable_names_no_line_of_the_file(
    tmp_path: Path, refusal: Callable[[list[str], bytes], Refusal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_TEMPERATURE", "9")
    said = refusal(["run"], b"LLM_TEMPERATURE=0.5\n")[1]
    assert said == [
        "LLM_TEMPERATURE: '9' is not valid. It must be a number from 0 to 2, for example LLM_TEMPERATURE=0.8"
    ]


def test_the_known_engine_names_are_those_of_existing_engines() -> None:
    assert set(ENGINES) == {*EngineName, *NAMED_ENGINES}
    assert ENGINE_VARIABLES <= KNOWN
