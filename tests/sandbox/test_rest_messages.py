"""Messages, reactions, threads and webhooks through discord.py: a bot and the guests see what each other do."""

from __future__ import annotations

import io

import discord
import pytest

from sandbox.server import Sandbox
from sandbox.world.entities import Upload
from sandbox.world.permissions import Permission
from tests.sandbox.conftest import Bot


@pytest.fixture
def channel(sandbox: Sandbox, bot: Bot) -> discord.TextChannel:
    found = bot.get_channel(sandbox.text_channel.id)
    assert isinstance(found, discord.TextChannel)
    return found


async def test_the_bot_posts_edits_and_deletes_a_message(sandbox: Sandbox, channel: discord.TextChannel) -> None:
    ada = await sandbox.add_guest("Ada")
    message = await channel.send("first")
    assert [read.content for read in ada.messages(sandbox.text_channel)] == ["first"]
    await message.edit(content="second")
    assert [read.content for read in ada.messages(sandbox.text_channel)] == ["second"]
    assert (await channel.fetch_message(message.id)).edited_at is not None
    await message.delete()
    assert ada.messages(sandbox.text_channel) == []
    with pytest.raises(discord.NotFound) as error:
        await channel.fetch_message(message.id)
    assert error.value.code == 10008


async def test_files_arrive_and_can_be_fetched(sandbox: Sandbox, bot: Bot, channel: discord.TextChannel) -> None:
    sent = await channel.send("two", files=[discord.File(io.BytesIO(b"one"), "1.txt", description="the first")])
    assert await sent.attachments[0].read() == b"one"
    assert sent.attachments[0].description == "the first"
    ada = await sandbox.add_guest("Ada")
    seen = bot.sees("message", lambda message: bool(message.attachments))
    await ada.say(sandbox.text_channel, "", attachments=[Upload("cat.png", b"\x89PNG", "image/png")])
    message = await seen
    assert isinstance(message, discord.Message)
    assert message.attachments[0].content_type == "image/png"
    assert await message.attachments[0].read() == b"\x89PNG"


async def test_the_media_proxy_has_the_picture_of_a_link(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    seen = bot.sees("message", lambda message: bool(message.embeds))
    picture = Upload("cat.png", b"\x89PNG", "image/png", width=40, height=30)
    await ada.share_link(sandbox.text_channel, "https://cats.example/cat.png", picture)
    message = await seen
    assert isinstance(message, discord.Message)
    thumbnail = message.embeds[0].thumbnail
    assert (thumbnail.url, thumbnail.width, thumbnail.height) == ("https://cats.example/cat.png", 40, 30)
    assert await bot.http.get_from_cdn(str(thumbnail.proxy_url)) == b"\x89PNG"
    with pytest.raises(discord.NotFound):
        await bot.http.get_from_cdn(str(thumbnail.proxy_url).replace("/external/", "/external/1"))


async def test_mentions_ping_only_as_allowed(sandbox: Sandbox, channel: discord.TextChannel) -> None:
    ada = await sandbox.add_guest("Ada")
    quiet = await channel.send(f"<@{ada.id}> @everyone", allowed_mentions=discord.AllowedMentions.none())
    assert quiet.mentions == []
    assert not quiet.mention_everyone
    loud = await channel.send(f"<@{ada.id}>", allowed_mentions=discord.AllowedMentions(users=[discord.Object(ada.id)]))
    assert [user.id for user in loud.mentions] == [ada.id]
    recorded = sandbox.world.messages.get(sandbox.text_channel.id, quiet.id)
    assert recorded.allowed_mentions is not None
    assert recorded.allowed_mentions["parse"] == []


@pytest.mark.parametrize(
    ("content", "code"), [("x" * 2001, 50035), ("", 50006), (" \n", 50006)], ids=["too long", "empty", "blank"]
)
async def test_a_message_nobody_could_send_is_refused(channel: discord.TextChannel, content: str, code: int) -> None:
    with pytest.raises(discord.HTTPException) as error:
        await channel.send(content)
    assert (error.value.status, error.value.code) == (400, code)


async def test_a_reply_to_nothing_is_refused(sandbox: Sandbox, channel: discord.TextChannel) -> None:
    gone = discord.MessageReference(message_id=sandbox.guild.id, channel_id=channel.id, fail_if_not_exists=True)
    with pytest.raises(discord.HTTPException) as error:
        await channel.send("to whom?", reference=gone)
    assert error.value.code == 50035


async def test_messages_of_others_can_not_be_edited_but_can_be_deleted_with_permission(
    sandbox: Sandbox, bot: Bot
) -> None:
    ada = await sandbox.add_guest("Ada")
    said = await ada.say(sandbox.text_channel, "mine")
    message = bot.get_partial_messageable(sandbox.text_channel.id).get_partial_message(said.id)
    with pytest.raises(discord.Forbidden):
        await message.edit(content="yours")
    await message.delete()
    assert ada.messages(sandbox.text_channel) == []


async def test_reactions_come_and_go_on_both_sides(sandbox: Sandbox, bot: Bot, channel: discord.TextChannel) -> None:
    ada = await sandbox.add_guest("Ada")
    said = await ada.say(sandbox.text_channel, "react!")
    message = channel.get_partial_message(said.id)
    await message.add_reaction("🎤")
    await ada.wait_for_reaction(said, "🎤")
    seen = bot.sees("raw_reaction_add", lambda event: event.user_id == ada.id)
    await ada.react(said, "👍")
    await seen
    fetched = await channel.fetch_message(said.id)
    assert {(str(each.emoji), each.count, each.me) for each in fetched.reactions} == {("🎤", 1, True), ("👍", 1, False)}
    assert [user.id async for user in fetched.reactions[1].users()] == [ada.id]
    assert bot.user is not None
    await message.remove_reaction("🎤", bot.user)
    await message.clear_reactions()
    assert said.reactions == {}
    with pytest.raises(discord.HTTPException) as error:
        await message.add_reaction("nonsense")
    assert error.value.code == 10014


async def test_history_is_read_in_pages(sandbox: Sandbox, channel: discord.TextChannel) -> None:
    ada = await sandbox.add_guest("Ada")
    said = [await ada.say(sandbox.text_channel, str(number)) for number in range(120)]
    assert [message.content async for message in channel.history(limit=None)] == [str(n) for n in reversed(range(120))]
    after = discord.Object(said[117].id)
    assert [message.content async for message in channel.history(after=after, oldest_first=True)] == ["118", "119"]


async def test_typing_shows_on_both_sides(sandbox: Sandbox, bot: Bot, channel: discord.TextChannel) -> None:
    ada = await sandbox.add_guest("Ada")
    seen = bot.sees("typing")
    await ada.start_typing(sandbox.text_channel)
    await seen
    async with channel.typing():
        pass


async def test_direct_messages_go_both_ways(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    await (await bot.fetch_user(ada.id)).send("psst")
    assert [message.content for message in ada.messages(ada.dm_channel)] == ["psst"]
    seen = bot.sees("message")
    await ada.dm("what?")
    message = await seen
    assert isinstance(message, discord.Message)
    assert isinstance(message.channel, discord.DMChannel)
    assert message.guild is None


async def test_a_webhook_posts_under_its_own_name(sandbox: Sandbox, channel: discord.TextChannel) -> None:
    ada = await sandbox.add_guest("Ada")
    webhook = await channel.create_webhook(name="captions")
    sent = await webhook.send("as Ben", username="Ben", wait=True)
    read = ada.messages(sandbox.text_channel)[0]
    assert (read.author.name, read.content) == ("Ben", "as Ben")
    await sent.edit(content="as Ben, again")
    assert read.content == "as Ben, again"
    await sent.delete()
    assert ada.messages(sandbox.text_channel) == []
    assert [each.id for each in await channel.webhooks()] == [webhook.id]
    assert [each.id for each in await channel.guild.webhooks()] == [webhook.id]
    await webhook.delete()
    with pytest.raises(discord.NotFound):
        await webhook.send("gone")


async def test_a_thread_can_be_written_in(sandbox: Sandbox, bot: Bot, channel: discord.TextChannel) -> None:
    ada = await sandbox.add_guest("Ada")
    message = await channel.send("captions below")
    thread = await message.create_thread(name="captions")
    await thread.send("Ada: hello")
    place = sandbox.world.directory.channel(thread.id)
    assert [read.content for read in ada.messages(place)] == ["Ada: hello"]
    seen = bot.sees("message", lambda message: message.content == "I see")
    await ada.say(place, "I see")
    heard = await seen
    assert isinstance(heard, discord.Message)
    assert isinstance(heard.channel, discord.Thread)


@pytest.mark.parametrize("denied", [Permission.SEND_MESSAGES, Permission.VIEW_CHANNEL])
async def test_a_denied_channel_cannot_be_written_in(
    sandbox: Sandbox, bot: Bot, channel: discord.TextChannel, denied: Permission
) -> None:
    updated = bot.sees("guild_channel_update")
    sandbox.faults.deny(sandbox.bot, sandbox.text_channel, denied)
    await updated
    assert not channel.permissions_for(channel.guild.me).send_messages
    with pytest.raises(discord.Forbidden) as error:
        await channel.send("let me")
    assert error.value.code == (50013 if denied is Permission.SEND_MESSAGES else 50001)


async def test_no_messages_arrive_from_an_invisible_channel(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    sandbox.faults.deny(sandbox.bot, sandbox.text_channel, Permission.VIEW_CHANNEL)
    await ada.say(sandbox.text_channel, "secret")
    await ada.say(sandbox.home.side, "public")
    await bot.sees("message", lambda message: message.content == "public")
    assert [message.content for message in bot.read] == ["public"]


async def test_a_wait_that_times_out_names_the_messages_that_came_instead(
    sandbox: Sandbox, channel: discord.TextChannel
) -> None:
    ada = await sandbox.add_guest("Ada")
    await channel.send("something else")
    with pytest.raises(TimeoutError, match="something else"):
        await ada.wait_for_message(sandbox.text_channel, lambda message: message.content == "this", timeout=0.05)
