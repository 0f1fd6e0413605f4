"""Each phone call can be announced only once, even after a restart. The memory of announced phone calls is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.http.twilio.announced import FILE, AnnouncedCalls
from sandbox.twilio.account import VOICE, new_id
from tests.bot.http.twilio.stage import twilio_stage


async def reopened(file: Path, most: int = 10) -> AnnouncedCalls:
    announced = AnnouncedCalls(file, most)
    await announced.load()
    return announced


async def test_an_announcement_cannot_be_repeated_after_a_restart(tmp_path: Path) -> None:
    async with twilio_stage(folder=tmp_path) as stage:
        form = stage.account.announcement(new_id("CA"))
        signature = stage.account.signature(VOICE, form)
        assert (await stage.account.post(VOICE, form, signature)).verb == "Connect"
    async with twilio_stage(folder=tmp_path) as stage:
        again = await stage.account.post(VOICE, {**form, "AccountSid": stage.account.sid})
        assert (again.status, stage.answering.decided) == (403, [])
        assert "announced already" in again.text
        assert (await stage.announce())[1].verb == "Connect"


async def test_the_file_is_private_bounded_and_tells_nothing_of_phone_calls(tmp_path: Path) -> None:
    file = tmp_path / FILE
    announced = AnnouncedCalls(file, 10)
    for number in range(95):
        assert await announced.add(f"CA{number}")
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_bytes()) <= 21 * 33 + 1
    assert b"CA" not in file.read_bytes()
    again = await reopened(file)
    assert [await again.add(f"CA{number}") for number in range(85, 95)] == [False] * 10
    assert await again.add("CA0")


async def test_a_line_that_a_crash_cut_off_spoils_no_other_line(tmp_path: Path) -> None:
    file = tmp_path / FILE
    first = await reopened(file)
    await first.add("CA1")
    file.write_bytes(file.read_bytes() + b"0123abc")
    second = await reopened(file)
    assert not await second.add("CA1")
    assert await second.add("CA2")
    third = await reopened(file)
    assert not await third.add("CA2")


async def test_a_file_that_holds_no_phone_calls_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.write_bytes(b"\xff\x00" * 5_000 + b"\n" + b"x" * 100)
    announced = await reopened(file)
    assert await announced.add("CA1")
    assert not await (await reopened(file)).add("CA1")


async def test_if_the_file_can_not_be_written_phone_calls_are_remembered_until_the_program_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    announced = await reopened(tmp_path / "missing" / FILE)
    assert await announced.add("CA1")
    assert not await announced.add("CA1")
    assert "can't be remembered" in caplog.text
