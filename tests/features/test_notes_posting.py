"""Where notes of calls are posted in the sandbox's Discord: in a thread if that is allowed, else in the channel."""

from __future__ import annotations

from dataclasses import replace

import discord
import pytest

from bot.commands.notes_posting import DiscordNotesPoster, Place
from bot.notes.finishing import NotesPost, PostLaterError
from sandbox.server import Sandbox
from sandbox.world.entities import Channel, Message, Overwrite
from sandbox.world.permissions import Permission
from tests.discord_client import client, sandbox

__all__ = ["client", "sandbox"]

POST = NotesPost("Notes of Lounge, " + "a long name " * 20, ("First @everyone", "Last"), "notes.md", b"# Notes")


def deny(sandbox: Sandbox, channel: Channel, permission: Permission) -> None:
    sandbox.world.directory.set_overwrite(channel, Overwrite(sandbox.bot_id, True, deny=permission))


def messages(sandbox: Sandbox, channel: Channel) -> list[Message]:
    return sandbox.world.messages.seen_by(sandbox.home.owner.id, channel.id)


async def test_notes_go_to_a_thread_or_else_to_the_channel_with_their_file_if_files_are_allowed(
    sandbox: Sandbox, client: discord.Client
) -> None:
    poster, home = DiscordNotesPoster(client), sandbox.home
    link = await poster.post(home.general.id, POST)
    (thread,) = [each for each in home.guild.channels.values() if each.kind.is_thread]
    assert thread.name.startswith("Notes of Lounge, a long name")
    assert len(thread.name) <= 100
    first, last = [each for each in messages(sandbox, thread) if each.content]
    assert link == f"https://discord.com/channels/{home.guild.id}/{thread.id}/{first.id}"
    assert (last.content, last.attachments[0].upload.data) == ("Last", b"# Notes")
    assert not first.mention_everyone

    deny(sandbox, home.side, Permission.CREATE_PUBLIC_THREADS | Permission.ATTACH_FILES)
    assert await poster.post(home.side.id, POST)
    assert [(each.content, each.attachments) for each in messages(sandbox, home.side)] == [
        ("First @everyone", ()),
        ("Last", ()),
    ]
    assert await poster.post(home.lounge.id, POST), "the chat of a voice channel has no threads"
    assert messages(sandbox, home.lounge)[-1].content == "Last"
    deny(sandbox, home.side, Permission.SEND_MESSAGES | Permission.CREATE_PUBLIC_THREADS)
    assert await poster.post(home.side.id, POST) == ""
    sandbox.world.delete_channel(home.general)
    assert await poster.post(home.general.id, POST) == ""


async def test_notes_are_posted_later_if_discord_can_not_be_reached(client: discord.Client, sandbox: Sandbox) -> None:
    channel = sandbox.home.general.id
    await client.close()
    with pytest.raises(PostLaterError):
        await DiscordNotesPoster(client).post(channel, POST)


class DiesError(Exception):
    """The process dies."""


async def test_notes_whose_posting_was_cut_short_are_posted_once(
    sandbox: Sandbox, client: discord.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    poster, home = DiscordNotesPoster(client), sandbox.home
    post = NotesPost("Notes of Lounge, 28 November 2026 at 18:05", ("First", "Second", "Last"), "notes.md", b"# Notes")
    usual = DiscordNotesPoster._send

    async def dies(place: Place, text: str) -> discord.Message:
        if text == "Second":
            raise DiesError
        return await usual(place, text)

    deny(sandbox, home.side, Permission.CREATE_PUBLIC_THREADS)
    for channel in (home.general, home.side):
        monkeypatch.setattr(DiscordNotesPoster, "_send", staticmethod(dies))
        with pytest.raises(DiesError):
            await poster.post(channel.id, post)
        monkeypatch.setattr(DiscordNotesPoster, "_send", staticmethod(usual))
        # The first post follows a crash in the middle of the posting. The second one follows a crash after the last
        # message, before the bot had stored that the notes were posted.
        links = {await DiscordNotesPoster(client).post(channel.id, replace(post, again=True)) for _ in range(2)}
        threads = [each for each in home.guild.channels.values() if each.kind.is_thread]
        assert len(threads) == 1
        place = threads[0] if channel is home.general else channel
        assert [each.content for each in messages(sandbox, place) if each.content] == ["First", "Second", "Last"]
        assert len(links) == 1


async def test_notes_of_another_call_get_a_thread_of_their_own(sandbox: Sandbox, client: discord.Client) -> None:
    poster, home = DiscordNotesPoster(client), sandbox.home
    assert await poster.post(home.general.id, POST)
    other = replace(POST, title="Notes of Lounge, another day", messages=("First of these", "Last"), again=True)
    assert await poster.post(home.general.id, other)
    threads = [each for each in home.guild.channels.values() if each.kind.is_thread]
    assert len(threads) == 2
    assert [each.content for each in messages(sandbox, threads[1]) if each.content] == ["First of these", "Last"]
