"""Recordings of calls are found and played over HTTP, in parts too."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from audio.samples import HEARING_RATE
from audio.wav import WavFile
from bot.voice.events import CallEnded, UtteranceHeard
from bot.voice.records.recorder import recording_folder
from tests.bot.conversations.archives import ADA, BEN, CAT, answer
from tests.bot.http.api.api_stage import ApiStage

LIST = "/api/conversations/1/recordings"


async def call(stage: ApiStage, id_: str | None = "c1") -> None:
    """A call of a minute."""
    watch, _ = stage.archive.call(id_)
    watch(UtteranceHeard(ADA, "Ada", "Hello", True))
    watch(answer("Hello Ada"))
    stage.archive.now += 60
    watch(CallEnded("Lounge", "command"))
    await stage.archive.turns()


def record(folder: Path, at: float, *names: str, call: str = "c1") -> Path:
    """Write a recording of this call with these files, half a second each."""
    made = recording_folder(folder, "Lounge", call, datetime.fromtimestamp(at, UTC))
    made.mkdir(parents=True)
    for name in names:
        file = WavFile(made / name, HEARING_RATE)
        file.write(np.full(HEARING_RATE // 2, 0.1, np.float32))
        file.close()
    return made


async def recorded(stage: ApiStage) -> list[tuple[str, bool]]:
    return [(each["who"], each["bot"]) for each in (await stage.web.ask(LIST)).json["recordings"]]


async def test_the_recordings_of_a_call_are_found_by_its_time(stage: ApiStage, tmp_path: Path) -> None:
    begun = stage.archive.now
    await call(stage)
    assert await recorded(stage) == []
    record(tmp_path, begun + 10, f"Ada-{ADA}.wav", "bot.wav")
    record(tmp_path, begun - 10, f"Ben-{BEN}.wav")
    record(tmp_path, begun + 70, f"Cat-{CAT}.wav")
    assert await recorded(stage) == [("Ada", False), ("", True)]


async def test_the_recordings_of_another_call_at_the_same_time_are_not_shown(stage: ApiStage, tmp_path: Path) -> None:
    begun = stage.archive.now
    await call(stage)
    record(tmp_path, begun + 10, f"Ada-{ADA}.wav")
    record(tmp_path, begun + 10, f"Ben-{BEN}.wav", call="c2")
    assert await recorded(stage) == [("Ada", False)]


async def test_recordings_from_before_calls_had_ids_belong_to_conversations_of_that_time(
    stage: ApiStage, tmp_path: Path
) -> None:
    begun = stage.archive.now
    await call(stage, None)
    old = record(tmp_path, begun + 10, f"Ada-{ADA}.wav")
    old.rename(old.with_suffix(""))
    record(tmp_path, begun + 20, f"Ben-{BEN}.wav")
    assert await recorded(stage) == [("Ada", False)]


async def test_a_recording_is_played_also_from_its_middle(stage: ApiStage, tmp_path: Path) -> None:
    folder = record(tmp_path, stage.archive.now + 1, f"Ada-{ADA}.wav")
    await call(stage)
    (found,) = (await stage.web.ask(LIST)).json["recordings"]
    path = f"{LIST}/{found['id']}"
    async with stage.web.session.get(stage.web.url(path)) as whole:
        assert (whole.status, whole.headers["Content-Type"]) == (200, "audio/wav")
        body = await whole.read()
    assert body == (folder / f"Ada-{ADA}.wav").read_bytes()
    async with stage.web.session.get(stage.web.url(path), headers={"Range": "bytes=100-199"}) as part:
        assert part.status == 206
        assert await part.read() == body[100:200]
    assert (await stage.web.ask(path, headers={"Range": "bytes=99999999-"})).status == 416


async def test_the_sound_of_a_person_who_opted_out_is_not_played(stage: ApiStage, tmp_path: Path) -> None:
    record(tmp_path, stage.archive.now + 1, f"Ada-{ADA}.wav", f"Ben-{BEN}.wav")
    await call(stage)
    ids = {each["who"]: each["id"] for each in (await stage.web.ask(LIST)).json["recordings"]}
    stage.archive.unwanted.add(BEN)
    assert await recorded(stage) == [("Ada", False)]
    assert (await stage.web.ask(f"{LIST}/{ids['Ben']}")).code == "no_recording"


@pytest.mark.parametrize("name", ["x", "0", "..%2F..%2Fapi.sqlite3", "bot.wav", "%00", 300 * "a"])
async def test_no_other_file_can_be_played(stage: ApiStage, tmp_path: Path, name: str) -> None:
    folder = record(tmp_path, stage.archive.now + 1, "bot.wav")
    (folder / f"Eve-{BEN}.wav").symlink_to(stage.database_file)
    (folder / "notes.wav").write_text("other")
    await call(stage)
    assert await recorded(stage) == [("", True)]
    assert (await stage.web.ask(f"{LIST}/{name}")).status == 404
    assert (await stage.web.ask(f"/api/conversations/2/recordings/{name}")).code == "no_conversation"
