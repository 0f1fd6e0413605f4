"""Tests of scheduled events on the sandbox, with the real scheduler and the test's clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest

from bot.features.scheduled_events import feature
from bot.features.scheduled_events.commands import (
    FILE_TOO_LARGE,
    MAX_FILE,
    NO_CHANNEL,
    NOTHING_PLANNED,
    NOTHING_TO_POST,
)
from bot.features.scheduled_events.posting import MISSED
from bot.features.scheduled_events.records import MAX_EVENTS
from sandbox.world.entities import Upload
from tests.features.schedule_board import Board, open_board
from tests.features.talk import running, written_by_bots
from tests.timing import LIMIT, wait_until

HOUR = 3600.0
DAY = 24 * HOUR
VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(1000)


@pytest.fixture
async def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Board]:
    async with open_board(tmp_path, monkeypatch) as board:
        yield board


async def test_a_manager_schedules_sees_and_removes_events(board: Board) -> None:
    ask = board.stage.ask
    assert await ask("!schedule list") == NOTHING_PLANNED
    assert await ask("!schedule add someday hello") == (
        "❌ I don't understand when: `someday` is neither a day nor a time. Write a time, for example `0 18 * * "
        "mon` (minute, hour, day, month, weekday), or `monday 18:00`, `weekdays 8am`, "
        "`monday, friday 18:30`, and then the text to post."
    )
    assert await ask("!schedule add monday 18:00") == NOTHING_TO_POST
    monday = f"**1** `0 18 * * mon` <#{board.general.id}>, next <t:1800295200:f> · It is \\*Monday\\*, @everyone!"
    assert await ask("!schedule add monday 18:00 It is *Monday*, @everyone!") == f"🗓️ On the schedule (UTC): {monday}"
    side = board.stage.sandbox.home.side
    assert f"`0 9 * * *` <#{side.id}>" in await ask(f"!schedule add --skip <#{side.id}> daily 9:00 Morning")
    listed = await ask("!schedule")
    assert listed.splitlines()[:2] == ["🗓️ On the schedule (UTC):", monday]
    assert listed.endswith("Morning · (left out if a call is on then)")
    assert await ask("!schedule remove 1") == "🗑️ Event 1 is off the schedule."
    assert await ask("!schedule remove 1") == "❌ There is no event 1 on this server's schedule."
    assert "Monday" not in await ask("!schedule list")
    assert await ask("!schedule add <#123456789012345678> daily 9:00 x") == NO_CHANNEL
    assert await ask(f"!schedule add <#{board.stage.sandbox.guild.id}> daily 9:00 x") == NO_CHANNEL


async def test_the_slash_command_schedules_too(board: Board) -> None:
    await board.stage.sandbox.command_registered("schedule", LIMIT)
    pressed = await board.stage.ada.press(board.general, "schedule add", entry="daily 9:00 Morning")
    assert (await pressed.response(LIMIT)).content.startswith("🗓️ On the schedule (UTC): **1**")


async def test_only_permitted_people_can_schedule(board: Board) -> None:
    bob = await board.stage.sandbox.add_guest("Bob")
    for command in ("list", "add daily 9:00 x", "remove 1"):
        answer = await board.stage.ask(f"!schedule {command}", who=bob)
        assert answer == f"🔒 `!schedule {command.split()[0]}` is for people who may manage this server."


async def test_the_number_of_events_of_a_server_is_limited(board: Board) -> None:
    for number in range(MAX_EVENTS):
        await board.add(f"event {number}")
    assert "50 entries is the limit" in await board.stage.ask("!schedule add daily 9:00 one more")
    assert len(await board.events.planned(board.stage.sandbox.guild.id)) == MAX_EVENTS


async def test_an_event_is_posted_when_it_is_due_and_pings_only_its_author(board: Board) -> None:
    ada = board.stage.ada
    bob = await board.stage.sandbox.add_guest("Bob")
    text = f"@everyone <@{bob.id}> <@{ada.id}> it is noon"
    async with running(board.events.run()):
        await board.add(text)
        await board.come_due()
        assert board.posted() == [], "the event is not due by the bot's clock"
        board.clock.pass_by(DAY)
        await board.come_due()
        message = await board.read(text)
        assert message.allowed_mentions is not None
        assert message.allowed_mentions["parse"] == []
        assert list(map(int, message.allowed_mentions["users"])) == [ada.id]
        await board.come_due()
        assert board.posted() == [text]


async def test_the_scheduler_takes_times_in_the_bots_time_zone(board: Board) -> None:
    async with running(board.events.run()):
        await board.add("x", cron="30 17 * * fri")
        (job,) = board.scheduler.get_jobs()
        assert f"{job.next_run_time:%a %H:%M %Z}" == "Fri 17:30 UTC"


async def test_a_video_that_is_scheduled_for_mondays_is_kept_and_posted(board: Board) -> None:
    upload = Upload("monday.mp4", VIDEO, "video/mp4")
    said = await board.stage.ada.say(board.general, "!schedule add monday 18:00", attachments=[upload])
    assert "📎 monday.mp4" in (await board.stage.told("🗓️")).content
    await board.stage.ada.delete(said)
    await board.restart()
    async with running(board.events.run()):
        board.clock.pass_by(3 * DAY + 6 * HOUR)
        message = await board.stage.ada.wait_for_message(
            board.general, lambda m: m.author.bot and bool(m.attachments), LIMIT
        )
        assert [(each.upload.filename, each.upload.data) for each in message.attachments] == [("monday.mp4", VIDEO)]


async def test_a_file_that_is_too_large_is_refused(board: Board) -> None:
    upload = Upload("monday.mp4", bytes(MAX_FILE + 1), "video/mp4")
    await board.stage.ada.say(board.general, "!schedule add monday 18:00", attachments=[upload])
    assert (await board.stage.told("❌")).content == FILE_TOO_LARGE


async def test_events_held_during_a_call_are_posted_once_afterwards_unless_they_are_to_be_skipped(
    board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with running(board.events.run()):
        await board.add("noon")
        await board.add("lunch", skip=True)
        board.clock.pass_by(DAY)
        await board.come_due()
        assert sorted(board.posted()) == ["lunch", "noon"], "both events are posted before the call"
        await board.events.hold("a call")
        for _ in range(3):
            board.clock.pass_by(DAY)
            await board.come_due()
        assert sorted(board.posted()) == ["lunch", "noon"]
        assert "Scheduled event 1 is put off" in caplog.text
        assert "Scheduled event 2 is skipped" in caplog.text
        await board.events.release()
        await wait_until(lambda: len(board.posted()) > 2)
        await asyncio.sleep(0.2)
        assert sorted(board.posted()) == ["lunch", "noon", "noon"], "the event is posted once, however often it was due"
        board.clock.pass_by(DAY)
        await board.come_due()
        assert sorted(board.posted()) == ["lunch", "lunch", "noon", "noon", "noon"], (
            "both events are posted after the call"
        )


async def test_the_schedule_can_be_changed_during_a_call(board: Board) -> None:
    async with running(board.events.run()):
        await board.events.hold("a call")
        assert "On the schedule" in await board.stage.ask("!schedule add daily 12:00 hello")


async def test_an_event_held_by_a_call_when_the_bot_is_killed_is_posted_after_a_restart_however_late(
    board: Board,
) -> None:
    async with running(board.events.run()):
        await board.add("noon")
        await board.events.hold("a call")
        board.clock.pass_by(DAY)
        await board.come_due()
    await board.restart()
    board.clock.pass_by(5 * HOUR)
    async with running(board.events.run()):
        await board.read("noon")
    await board.restart()
    async with running(board.events.run()):
        await asyncio.sleep(0.2)
        assert board.posted() == ["noon"]


@pytest.mark.parametrize(
    ("skip", "late", "posts"), [(False, 0.5 * HOUR, ["noon"]), (False, 1.5 * HOUR, []), (True, 0.5 * HOUR, [])]
)
async def test_an_event_that_came_due_while_the_bot_was_off_has_one_hour_of_grace(
    board: Board, skip: bool, late: float, posts: list[str]
) -> None:
    await board.add("noon", skip=skip)
    await board.restart()
    board.clock.pass_by(3 * DAY + late)
    async with running(board.events.run()):
        if posts:
            await wait_until(board.posted)
        await asyncio.sleep(0.2)
        assert board.posted() == posts


@pytest.mark.parametrize("skip", [False, True])
async def test_the_author_of_an_event_that_was_missed_while_the_bot_was_off_is_told_once(
    board: Board, skip: bool, caplog: pytest.LogCaptureFixture
) -> None:
    ada = board.stage.ada
    await board.add("noon", skip=skip)
    board.clock.pass_by(3 * DAY + 2 * HOUR)
    for _ in range(2):
        await board.restart()
        async with running(board.events.run()):
            await wait_until(lambda: "Scheduled event 1 was not posted" in caplog.text)
            await asyncio.sleep(0.1)
    told = [message.content for message in written_by_bots(board.stage.sandbox, ada.dm_channel)]
    assert told == ([] if skip else [f"{MISSED.format(id=1)} It was: noon"])
    assert caplog.text.count("Scheduled event 1 was not posted") == 1
    assert board.posted() == []


async def test_an_event_is_not_posted_twice_if_the_bot_is_killed_while_posting_it(board: Board) -> None:
    board.stage.sandbox.faults.rest.slow("POST /channels/*/messages", times=1, seconds=0.5)
    async with running(board.events.run()):
        await board.add("noon")
        board.clock.pass_by(DAY)
        board.fire()
        await board.begins_to_post()
    await board.restart()
    board.stage.sandbox.faults.rest.clear()
    async with running(board.events.run()):
        await wait_until(board.scheduler.get_jobs)
        await board.come_due()
        await asyncio.sleep(0.5)
        assert len(board.posted()) <= 1


async def test_an_event_that_is_being_posted_when_the_bot_ends_is_not_lost(board: Board) -> None:
    board.stage.sandbox.faults.rest.slow("POST /channels/*/messages", times=1, seconds=0.4)
    async with running(board.events.run()):
        await board.add("noon")
        board.clock.pass_by(DAY)
        board.fire()
        await board.begins_to_post()
        assert board.posted() == []
    assert board.posted() == ["noon"]


async def test_at_an_end_of_the_bot_delayed_events_wait_for_its_next_start_except_the_one_being_posted(
    board: Board,
) -> None:
    async with running(board.events.run()):
        await board.add("noon")
        await board.add("lunch")
        await board.events.hold("a call")
        board.clock.pass_by(DAY)
        await board.come_due()
        board.stage.sandbox.faults.rest.slow("POST /channels/*/messages", times=1, seconds=0.4)
        await board.events.release()
        await board.begins_to_post()
        assert board.posted() == []
    assert board.posted() == ["noon"]
    await board.restart()
    async with running(board.events.run()):
        await wait_until(lambda: len(board.posted()) > 1)
    assert board.posted() == ["noon", "lunch"]


async def test_delayed_events_come_in_the_order_in_which_they_were_due(board: Board) -> None:
    async with running(board.events.run()):
        await board.add("half past", cron="30 12 * * *")
        await board.add("quarter past", cron="15 12 * * *")
        await board.add("every ten minutes", cron="*/10 * * * *")
        await board.add("noon")
        await board.events.hold("a call")
        board.clock.pass_by(DAY + 0.75 * HOUR)
        await board.come_due()
        await board.events.release()
        await wait_until(lambda: len(board.posted()) > 3)
    assert board.posted() == ["noon", "quarter past", "half past", "every ten minutes"]


async def test_delayed_events_keep_their_order_if_a_short_call_stops_the_first_one(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    async def post_during_a_call(posting: Coroutine[Any, Any, None]) -> None:
        nonlocal calls
        if calls:
            calls -= 1
            await board.events.hold("a call")
            await posting
            await board.events.release()
        else:
            await posting

    monkeypatch.setattr(feature, "finish_within_limit", post_during_a_call)
    async with running(board.events.run()):
        await board.add("noon")
        await board.add("lunch")
        await board.events.hold("a call")
        board.clock.pass_by(DAY)
        await board.come_due()
        calls = 1
        await board.events.release()
        await wait_until(lambda: len(board.posted()) > 1)
    assert (calls, board.posted()) == (0, ["noon", "lunch"])
