"""All tools that come with the bot, as a conversation has them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from bot.fetching.fetcher import Fetcher
from bot.llm.tool_calls import ToolCall
from bot.reminders.records import Reminder, ReminderDraft, TooManyRemindersError
from bot.tools.builtin.drawing import DESCRIPTION as DRAW
from bot.tools.builtin.last_picture import DESCRIPTION as LOOK
from bot.tools.builtin.links import Links
from bot.tools.builtin.tools import BUILTIN_NAMES, builtin_tools
from bot.tools.registry import ToolRegistry
from bot.tools.tools_file import ToolsFile
from bot.tools.toolset import Toolset
from bot.tools.yes_no_words import YesNoWords
from tests.bot.fetching.hostile_server import HostileServer, plain
from tests.tools.made_tools import asked, call


class NoReminders:
    """Reminders that are never stored."""

    async def add(self, draft: ReminderDraft) -> Reminder:
        raise TooManyRemindersError

    async def of(self, person: int) -> list[Reminder]:
        return []

    async def cancel(self, person: int, number: int) -> Reminder | None:
        return None


def toolset_of(searxng_url: str | None = None) -> Toolset:
    links = Links()
    tools = builtin_tools(
        clock=lambda: datetime(2026, 11, 28, tzinfo=UTC),
        time_zones={},
        links=links,
        fetcher=Fetcher(may_reach=lambda _: True),
        reminders=NoReminders(),
        searxng_url=searxng_url,
    )
    return ToolRegistry(ToolsFile(), YesNoWords(), tools, links.heard).at(1, 11)


def test_the_web_is_searched_only_where_the_operator_has_named_a_search_engine() -> None:
    without, with_it = toolset_of().for_turn(asked()), toolset_of("http://127.0.0.1:8888").for_turn(asked())
    own = ["tell_time", "roll_dice", "set_reminder", "list_reminders", "cancel_reminder"]
    assert [each.name for each in without.descriptions] == [*own, "read_page"]
    assert [each.name for each in with_it.descriptions] == [*own, "search_web", "read_page"]


def test_descriptions_are_short_and_their_schemas_are_json() -> None:
    for each in toolset_of("http://127.0.0.1:8888").for_turn(asked()).descriptions:
        assert len(json.dumps(each.parameters)) + len(each.text) < 700, each.name


async def test_a_page_that_was_named_in_an_earlier_turn_can_be_read_in_a_later_one() -> None:
    async with HostileServer() as server:
        server.answers["/"] = plain(b"Hello from outside.", "Content-Type: text/plain")
        toolset = toolset_of()
        read: ToolCall = call("read_page", address=server.url("/"))
        assert "nobody in this conversation has named it" in await toolset.for_turn(asked("read it")).run(read)
        toolset.for_turn(asked(f"there is {server.url('/')}"))
        assert "Hello from outside." in await toolset.for_turn(asked("read it")).run(read)


def test_the_names_of_all_built_in_tools_are_known() -> None:
    offered = toolset_of("http://127.0.0.1:8888").for_turn(asked()).descriptions
    assert {*(each.name for each in offered), LOOK.name, DRAW.name} == BUILTIN_NAMES
