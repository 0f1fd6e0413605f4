"""``python -m bot memory`` as an operator and a program use it, also beside a running bot."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import cast

import pytest

from bot.__main__ import main
from bot.data_dir_lock import data_dir_lock
from bot.database import FILE
from bot.voice.browser.people import PAGE_PLACE, web_person
from tests.bot.memory.brain import ADA, BEN, brain
from tests.bot.notes.notes_house import notes_house

pytestmark = pytest.mark.usefixtures("clean_environment")


async def fill(folder: Path) -> None:
    async with brain(folder) as mind:
        await mind.learn("sister is called Mira", "My sister is called Mira.", heard=[BEN])
        await mind.learn("plays chess", "I play chess.", speaker=BEN, heard=[ADA])
        await mind.written(ADA, "My sister is called Mira.", "A fine name, Mira.")
        await mind.written(BEN, "I play chess.")
    async with notes_house(folder) as house:
        await house.hold_call((ADA, "Mira comes on Friday."), (BEN, "I play chess."))


def test_an_operator_searches_exports_and_forgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    def told(*words: str, status: int = 0) -> dict[str, object]:
        assert main(["memory", *words, "--json"]) == status
        read = json.loads(capsys.readouterr().out)
        assert isinstance(read, dict)
        return read

    assert "so nothing is stored" in str(told("search", "mira", status=1)["error"])
    asyncio.run(fill(tmp_path))

    with data_dir_lock(tmp_path):  # As while a bot runs.
        (found,) = cast(list[dict[str, object]], told("search", "sister", "mira")["facts"])
        assert (found["fact"], found["person_id"]) == ("sister is called Mira", str(ADA))
        assert told("search", "mira", "--person", str(BEN)) == {"facts": []}
        exported = told("export", "--person", str(ADA))
        assert "My sister is called Mira." in json.dumps(exported["stored"])
        assert "Mira comes on Friday." in json.dumps(exported["stored"])
        assert "chess" not in json.dumps(exported)
        why = str(told("forget", "--person", str(ADA), status=1)["error"])
        assert "Another Seiyuu runs" in why
        assert "another DATA_DIR" not in why, "there is nothing to forget in another folder"
        assert "`!erase-me`" in why

    forgotten = told("forget", "--person", str(ADA))
    assert forgotten["failed"] == []
    assert "what I remember of you" in forgotten["deleted"]  # type: ignore[operator]
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"Mira" not in files
    assert b"I play chess." in files
    assert told("export", "--person", str(ADA))["facts"] == []
    assert main(["memory", "search", "chess"]) == 0
    assert "Ben: plays chess" in capsys.readouterr().out


def test_somebody_on_the_page_is_named_by_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    person = web_person("Ada Lovelace")

    async def fill_page() -> None:
        async with brain(tmp_path) as mind:
            fact = await mind.learn("plays chess", "I play chess.", server=PAGE_PLACE)
            await mind.database.write("UPDATE fact SET speaker = ?1, person = ?1 WHERE id = ?2", str(person), fact.id)

    asyncio.run(fill_page())
    assert main(["memory", "export", "--person", "web:ada lovelace", "--json"]) == 0
    assert [fact["fact"] for fact in json.loads(capsys.readouterr().out)["facts"]] == ["plays chess"]
    assert main(["memory", "forget", "--person", "web:Ada Lovelace"]) == 0
    assert b"chess" not in (tmp_path / FILE).read_bytes()


@pytest.mark.parametrize(
    "words",
    [[], ["export"], ["export", "--person", "web: "], ["forget", "--person", "Ada"], ["forget", "--person", "9" * 40]],
)
def test_wrong_arguments_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["memory", *words])


def test_a_database_that_can_not_be_read_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    (tmp_path / FILE).write_bytes(b"no database at all, but some text of a person" * 100)
    assert main(["memory", "search", "tea"]) == 1
    assert "can't be read" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [FILE], "nothing is moved aside, since a bot may be running"
