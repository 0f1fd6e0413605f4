"""Scheduled events that can't be posted: their authors are told, on the sandbox, with the test's clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.features.scheduled_events.posting import FAILED
from sandbox.world.permissions import Permission
from tests.features.schedule_board import Board, open_board
from tests.features.talk import running, written_by_bots
from tests.timing import LIMIT, wait_until

DAY = 24 * 3600.0


@pytest.fixture
async def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Board]:
    async with open_board(tmp_path, monkeypatch) as board:
        yield board


async def test_a_deleted_channel_disables_the_event_and_its_author_is_notified(board: Board) -> None:
    home, ada = board.stage.sandbox.home, board.stage.ada
    async with running(board.events.run()):
        await board.add("noon", channel=home.side)
        board.stage.sandbox.world.directory.delete_channel(home.side)
        board.clock.pass_by(DAY)
        await board.come_due()
        told = await ada.wait_for_message(ada.dm_channel, lambda m: m.author.bot, LIMIT)
        assert told.content == (
            "🗓️ The channel of your scheduled event 1 is gone, so I stopped posting it. It was: noon"
        )
        board.clock.pass_by(DAY)
        await board.come_due()
        assert len(written_by_bots(board.stage.sandbox, ada.dm_channel)) == 1
    assert "its channel is gone" in await board.stage.ask("!schedule list")


async def test_a_missing_permission_is_reported_once_and_listed_and_posts_resume_when_it_is_back(
    board: Board,
) -> None:
    sandbox, ada = board.stage.sandbox, board.stage.ada
    side = sandbox.home.side

    def told() -> list[str]:
        return [message.content for message in written_by_bots(sandbox, ada.dm_channel)]

    async def a_day_passes() -> None:
        board.clock.pass_by(DAY)
        await board.come_due()

    async with running(board.events.run()):
        await board.add("noon", channel=side)
        await a_day_passes()
        assert board.posted(side) == ["noon"]
        sandbox.faults.deny(sandbox.bot, side, Permission.SEND_MESSAGES)
        await a_day_passes()
        await a_day_passes()
        assert told() == [
            f"🗓️ I could not post your scheduled event 1: in <#{side.id}> I am not allowed to send messages. It "
            "stays on the schedule, and I post it at its next times as soon as I am allowed to. It was: noon"
        ]
        assert "⚠️ not posted at the moment: I'm not allowed to send messages" in await board.stage.ask("!schedule list")
        sandbox.faults.allow(sandbox.bot, side)
        listed = await board.stage.ask("!schedule list")
        assert "next <t:" in listed
        assert "⚠️" not in listed
        await a_day_passes()
        assert board.posted(side) == ["noon", "noon"]
        sandbox.faults.deny(sandbox.bot, side, Permission.VIEW_CHANNEL)
        await a_day_passes()
        assert len(told()) == 2, "after it has worked again, a new failure is reported again"
        assert "view channel" in told()[1]


async def test_an_author_who_takes_no_private_messages_is_notified_in_a_channel_without_the_text(board: Board) -> None:
    sandbox, ada = board.stage.sandbox, board.stage.ada
    side = sandbox.home.side
    ada.user.takes_dms = False
    async with running(board.events.run()):
        await board.add("a secret", channel=side)
        sandbox.faults.deny(sandbox.bot, side, Permission.SEND_MESSAGES)
        board.clock.pass_by(DAY)
        await board.come_due()
        told = await ada.wait_for_message(board.general, lambda m: m.author.bot, LIMIT)
        assert told.content.startswith(f"<@{ada.id}> 🗓️ I could not post your scheduled event 1")
        assert told.mentions == (ada.user,)
        assert "secret" not in told.content
        board.stage.sandbox.world.directory.delete_channel(side)
        board.clock.pass_by(DAY)
        await board.come_due()
        await board.stage.ada.wait_for_message(board.general, lambda m: "is gone" in m.content, LIMIT)


async def test_the_author_of_an_event_that_discord_did_not_take_is_told(board: Board) -> None:
    sandbox, ada = board.stage.sandbox, board.stage.ada
    sandbox.faults.rest.fail(f"POST /channels/{board.general.id}/messages", times=1, status=400)
    async with running(board.events.run()):
        await board.add("noon")
        board.clock.pass_by(DAY)
        await board.come_due()
        told = await ada.wait_for_message(ada.dm_channel, timeout=LIMIT)
        assert told.content == f"{FAILED.format(id=1)} It was: noon"
        board.clock.pass_by(DAY)
        await board.come_due()
        await wait_until(lambda: board.posted() == ["noon"])


async def test_the_author_is_told_once_as_long_as_discord_refuses_an_event(board: Board) -> None:
    sandbox, ada = board.stage.sandbox, board.stage.ada

    async def noon() -> None:
        board.clock.pass_by(DAY)
        await board.come_due()

    def told() -> int:
        return sum(FAILED.format(id=1) in message.content for message in written_by_bots(sandbox, ada.dm_channel))

    async with running(board.events.run()):
        await board.add("noon")
        sandbox.faults.rest.fail(f"POST /channels/{board.general.id}/messages", times=2, status=400)
        await noon()
        await noon()
        await noon()
        await wait_until(lambda: board.posted() == ["noon"])
        assert told() == 1
        sandbox.faults.rest.fail(f"POST /channels/{board.general.id}/messages", times=1, status=400)
        await noon()
        await wait_until(lambda: told() == 2)


async def test_the_log_says_that_nobody_could_be_told(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    sandbox, ada = board.stage.sandbox, board.stage.ada
    ada.user.takes_dms = False
    for channel in (board.general, sandbox.home.side):
        sandbox.faults.deny(sandbox.bot, channel, Permission.SEND_MESSAGES)
    async with running(board.events.run()):
        await board.add("a secret", channel=sandbox.home.side)
        board.clock.pass_by(DAY)
        await board.come_due()
        await wait_until(
            lambda: "The author of scheduled event 1 could not be notified: there is no channel" in caplog.text
        )
