"""Timers and reminders: over restarts, over a clock that jumps, in the call and out of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.reminders.records import MAX_PER_PERSON, TooManyRemindersError
from bot.reminders.reminders import GIVEN_UP_AFTER, PingResult
from tests.bot.reminders.board import ADA, BEN, CHANNEL, START, Board, board, looked
from tests.timing import wait_until


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Board]:
    async with board(tmp_path) as made:
        yield made


@asynccontextmanager
async def running(stage: Board) -> AsyncIterator[None]:
    task = asyncio.create_task(stage.reminders.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_reminder_is_said_in_the_call_when_it_is_due_and_only_once(stage: Board) -> None:
    stage.in_call.add(ADA)
    async with running(stage):
        await stage.reminder(600, "take out the pizza")
        stage.pass_by(599)
        await looked(stage)
        assert stage.said == []
        stage.pass_by(1)
        await wait_until(lambda: stage.said)
        await looked(stage)
    assert stage.said == ["Ada, here is your reminder: take out the pizza."]
    assert stage.pinged == []
    assert await stage.reminders.of(ADA) == []


async def test_a_timer_needs_no_text(stage: Board) -> None:
    stage.in_call.add(ADA)
    async with running(stage):
        await stage.timer(5)
        await stage.timer(6, "tea!")
        stage.pass_by(6)
        await wait_until(lambda: len(stage.said) == 2)
    assert stage.said == ["Ada, your timer is up.", "Ada, your timer: tea!"]


async def test_whoever_is_not_in_the_call_is_pinged_in_the_channel(stage: Board) -> None:
    stage.in_call.add(BEN)
    async with running(stage):
        await stage.reminder(60, "take out the **pizza** @everyone")
        await stage.timer(60)
        stage.pass_by(60)
        await wait_until(lambda: len(stage.pinged) == 2)
    assert sorted(stage.pinged) == [
        (CHANNEL, f"<@{ADA}> ⏰ Your reminder: take out the \\*\\*pizza\\*\\* \\@everyone"),
        (CHANNEL, f"<@{ADA}> ⏲️ Your timer is up."),
    ]
    assert stage.said == []


async def test_a_reminder_that_waits_for_the_floor_delays_no_other_one(stage: Board) -> None:
    stage.in_call.add(ADA)
    stage.floor.clear()
    async with running(stage):
        await stage.reminder(60, "speak")
        await stage.reminder(61, "hello", person=BEN)
        stage.pass_by(61)
        await wait_until(lambda: stage.pinged)
        assert stage.said == []
        stage.floor.set()
        await wait_until(lambda: stage.said)
    assert len(stage.pinged) == 1


async def test_what_came_due_while_the_bot_was_off_is_told_at_its_next_start_and_called_late(stage: Board) -> None:
    async with running(stage):
        await stage.reminder(60, "call mum")
        await stage.timer(120)
        await stage.reminder(9_000, "later")
    stage.pass_by(600)
    stage.start()
    async with running(stage):
        await wait_until(lambda: len(stage.pinged) == 2)
        assert [text.partition(" (")[0] for _, text in stage.pinged] == [
            f"<@{ADA}> ⏰ Your reminder: call mum",
            f"<@{ADA}> ⏲️ Your timer is up.",
        ]
        assert f"(It was due <t:{START + 60:.0f}:R>; I could not tell you earlier.)" in stage.pinged[0][1]
        stage.pass_by(9_000 - 600)
        await wait_until(lambda: len(stage.pinged) == 3)
    assert stage.pinged[2][1] == f"<@{ADA}> ⏰ Your reminder: later"


async def test_what_was_written_in_a_private_channel_is_not_said_to_others(stage: Board) -> None:
    stage.in_call.add(ADA)
    stage.private.add(CHANNEL)
    await stage.reminder(1, "the surprise for Ben")
    stage.pass_by(1)
    async with running(stage):
        await wait_until(lambda: stage.pinged)
    assert stage.said == []
    assert stage.pinged == [(CHANNEL, f"<@{ADA}> ⏰ Your reminder: the surprise for Ben")]


async def test_a_reminder_is_said_in_the_language_of_the_call(stage: Board) -> None:
    stage.in_call.add(ADA)
    stage.language = "de"
    await stage.timer(1)
    await stage.reminder(2, "{name} ruft an")
    stage.pass_by(2)
    async with running(stage):
        await wait_until(lambda: len(stage.said) == 2)
        stage.language = "yue"
        await stage.reminder(-86_400 - 60, "药")
        await wait_until(lambda: len(stage.said) == 3)
    assert stage.said == [
        "Ada, dein Timer ist abgelaufen.",
        "Ada, hier ist deine Erinnerung: {name} ruft an.",
        "Ada，这是你的提醒：药。 本来是昨天11:05的，我没能早点说。",
    ]


async def test_nothing_is_told_twice_over_restarts(stage: Board) -> None:
    await stage.reminder(1, "once")
    stage.pass_by(1)
    async with running(stage):
        await wait_until(lambda: stage.pinged)
        await wait_until(lambda: not stage.reminders._telling)
    stage.start()
    async with running(stage):
        await looked(stage)
    assert len(stage.pinged) == 1


async def test_a_reminder_that_is_being_told_when_the_bot_ends_is_told_after_the_restart(stage: Board) -> None:
    stage.in_call.add(ADA)
    stage.floor.clear()
    await stage.reminder(1, "do not lose me")
    stage.pass_by(1)
    async with running(stage):
        await looked(stage)
    stage.floor.set()
    stage.start()
    async with running(stage):
        await wait_until(lambda: stage.said)
    assert stage.said == ["Ada, here is your reminder: do not lose me."]


async def test_a_clock_that_is_set_forward_makes_reminders_due_and_leaves_timers_their_time(stage: Board) -> None:
    stage.in_call.add(ADA)
    async with running(stage):
        await stage.reminder(3_600, "a date")
        await stage.timer(300, "tea")
        await looked(stage)
        stage.now += 7_200
        await wait_until(lambda: stage.said)
        await looked(stage)
        (said,) = stage.said
        assert said == "Ada, here is your reminder: a date. It was for 12:06, and I could not say it earlier."
        stage.pass_by(299)
        await looked(stage)
        assert len(stage.said) == 1
        stage.pass_by(1)
        await wait_until(lambda: len(stage.said) == 2)
    assert stage.said[1] == "Ada, your timer: tea."


async def test_a_clock_that_is_set_back_neither_lengthens_timers_nor_changes_the_dates_of_reminders(
    stage: Board,
) -> None:
    stage.in_call.add(ADA)
    async with running(stage):
        await stage.reminder(3_600, "a date")
        await stage.timer(300, "tea")
        await looked(stage)
        stage.now -= 86_400
        await looked(stage)
        stage.pass_by(300)
        await wait_until(lambda: stage.said)
        assert stage.said == ["Ada, your timer: tea."]
        stage.now += 86_400
        stage.pass_by(3_300)
        await wait_until(lambda: len(stage.said) == 2)
    assert stage.said[1] == "Ada, here is your reminder: a date."


async def test_a_timer_that_is_set_right_after_a_jump_is_not_moved_by_it(stage: Board) -> None:
    stage.in_call.add(ADA)
    stage.now += 7_200
    await stage.timer(60)
    async with running(stage):
        stage.pass_by(60)
        await wait_until(lambda: stage.said)
    assert stage.said == ["Ada, your timer is up."]


async def test_after_a_long_sleep_of_the_machine_all_that_is_due_is_told_and_called_late(stage: Board) -> None:
    async with running(stage):
        await stage.timer(300, "tea")
        await stage.reminder(600, "mum")
        await looked(stage)
        stage.pass_by(5 * 3_600)
        await wait_until(lambda: len(stage.pinged) == 2)
    assert all("I could not tell you earlier" in text for _, text in stage.pinged)


async def test_a_ping_that_fails_is_tried_again(stage: Board) -> None:
    stage.ping_result = PingResult.LATER
    async with running(stage):
        await stage.reminder(1, "try again")
        stage.pass_by(1)
        await wait_until(lambda: stage.pings == 1)
        await looked(stage)
        assert stage.pings == 1
        stage.ping_result = PingResult.SENT
        stage.pass_by(30)
        await wait_until(lambda: stage.pinged)
    assert await stage.reminders.of(ADA) == []


async def test_a_person_who_comes_into_the_call_meanwhile_is_told_there(stage: Board) -> None:
    stage.ping_result = PingResult.LATER
    async with running(stage):
        await stage.reminder(1, "welcome")
        stage.pass_by(1)
        await wait_until(lambda: stage.pings == 1)
        stage.in_call.add(ADA)
        stage.pass_by(60)
        await wait_until(lambda: stage.said)
    assert "welcome" in stage.said[0]


async def test_a_reminder_that_can_never_be_told_is_dropped(stage: Board) -> None:
    stage.ping_result = PingResult.NEVER
    await stage.reminder(1, "nobody")
    stage.pass_by(1)
    async with running(stage):
        await wait_until(lambda: stage.pings == 1)
        await wait_until(lambda: not stage.reminders._telling)
    assert await stage.reminders.of(ADA) == []


async def test_what_is_a_month_late_is_dropped(stage: Board) -> None:
    await stage.reminder(1, "stale")
    stage.pass_by(GIVEN_UP_AFTER + 2)
    async with running(stage):
        await looked(stage)
    assert (stage.pings, await stage.reminders.of(ADA)) == (0, [])


async def test_a_cancelled_reminder_is_not_told_even_if_it_waits_for_the_floor(stage: Board) -> None:
    stage.in_call.add(ADA)
    stage.floor.clear()
    async with running(stage):
        made = await stage.reminder(1, "never mind")
        stage.pass_by(1)
        await looked(stage)
        assert await stage.reminders.cancel(BEN, made.id) is None
        assert await stage.reminders.cancel(ADA, made.id) == made
        assert await stage.reminders.cancel(ADA, made.id) is None
        stage.floor.set()
        await looked(stage)
    assert (stage.said, stage.pinged) == ([], [])


async def test_forgetting_a_channel_deletes_its_reminders_even_one_that_waits_for_the_floor(stage: Board) -> None:
    stage.in_call.add(ADA)
    stage.floor.clear()
    async with running(stage):
        await stage.reminder(1, "a secret")
        await stage.reminder(600, "another")
        stage.pass_by(1)
        await looked(stage)
        assert await stage.reminders.forget_channel(CHANNEL + 1) == 0
        assert await stage.reminders.forget_channel(CHANNEL) == 2
        stage.floor.set()
        stage.pass_by(600)
        await looked(stage)
    assert (stage.said, stage.pinged) == ([], [])


async def test_a_persons_reminders_are_bounded(stage: Board) -> None:
    for number in range(MAX_PER_PERSON):
        await stage.reminder(60 + number)
    with pytest.raises(TooManyRemindersError):
        await stage.reminder(1)
    await stage.reminder(1, person=BEN)
    assert len(await stage.reminders.of(ADA)) == MAX_PER_PERSON


async def test_without_reminders_no_next_look_at_the_clock_is_planned(stage: Board) -> None:
    async with running(stage):
        await looked(stage)
        assert await stage.reminders._tell_due() is None
