"""Slash commands, buttons and suggestions: used by a guest and answered by discord.py."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.world.commands import CommandError
from sandbox.world.entities import Draft, Upload
from sandbox.world.errors import RestError
from sandbox.world.interaction_entities import CallbackKind
from sandbox.world.interactions import FIRST_RESPONSE_S
from sandbox.world.world import World
from tests.sandbox.conftest import Bot


@pytest.fixture
async def ada(sandbox: Sandbox) -> Guest:
    return await sandbox.add_guest("Ada")


async def _offer(
    bot: Bot, sandbox: Sandbox, *offered: app_commands.Command[Any, ..., Any] | app_commands.Group
) -> None:
    for command in offered:
        bot.tree.add_command(command)
    await bot.tree.sync()
    await sandbox.command_registered(offered[0].name)


async def test_a_command_is_answered_at_once(sandbox: Sandbox, bot: Bot, ada: Guest) -> None:
    @app_commands.command(description="Say hello")
    async def hello(interaction: discord.Interaction[Bot], name: str, times: int = 1) -> None:
        await interaction.response.send_message(f"hello {name}! " * times)

    await _offer(bot, sandbox, hello)
    pressed = await ada.press(sandbox.text_channel, "hello", name="you", times=2)
    assert await pressed.acknowledgement() is CallbackKind.MESSAGE
    assert (await pressed.response()).content == "hello you! hello you! "
    assert [message.content for message in ada.messages(sandbox.text_channel)] == ["hello you! hello you! "]


async def test_the_first_answer_to_a_deferred_hybrid_command_is_its_original_response(
    sandbox: Sandbox, bot: Bot, ada: Guest
) -> None:
    go_on = asyncio.Event()

    @bot.hybrid_command(description="Think")
    async def think(ctx: commands.Context[Bot]) -> None:
        await ctx.defer()
        await go_on.wait()
        await ctx.send("first thought")
        await ctx.send("second thought")

    await bot.tree.sync()
    pressed = await ada.press(sandbox.text_channel, "think")
    assert await pressed.acknowledgement() is CallbackKind.DEFERRED_MESSAGE
    assert pressed.answers == []
    assert ada.messages(sandbox.text_channel) == []
    go_on.set()
    first, second = await pressed.responses(2)
    assert (first.content, second.content) == ("first thought", "second thought")
    assert first is pressed.interaction.original
    go_on.set()
    await ada.say(sandbox.text_channel, "!think")
    await ada.wait_for_message(sandbox.text_channel, lambda message: message.content == "second thought")


async def test_only_one_person_sees_an_ephemeral_answer(sandbox: Sandbox, bot: Bot, ada: Guest) -> None:
    @app_commands.command(description="Whisper")
    async def whisper(interaction: discord.Interaction[Bot]) -> None:
        await interaction.response.defer(ephemeral=True)
        await interaction.followup.send("psst")

    await _offer(bot, sandbox, whisper)
    ben = await sandbox.add_guest("Ben")
    pressed = await ada.press(sandbox.text_channel, "whisper")
    assert (await pressed.response()).is_ephemeral
    assert [message.content for message in ada.messages(sandbox.text_channel)] == ["psst"]
    assert ben.messages(sandbox.text_channel) == []


async def test_the_first_answer_can_be_fetched_edited_and_deleted(sandbox: Sandbox, bot: Bot, ada: Guest) -> None:
    done = asyncio.Event()

    @app_commands.command(description="Change your mind")
    async def waver(interaction: discord.Interaction[Bot]) -> None:
        await interaction.response.send_message("yes")
        await interaction.edit_original_response(content="no")
        assert (await interaction.original_response()).content == "no"
        followup = await interaction.followup.send("maybe", wait=True)
        await followup.edit(content="perhaps")
        await interaction.delete_original_response()
        done.set()

    await _offer(bot, sandbox, waver)
    await ada.press(sandbox.text_channel, "waver")
    async with asyncio.timeout(30):
        await done.wait()
    assert [message.content for message in ada.messages(sandbox.text_channel)] == ["perhaps"]


async def test_options_of_every_kind_arrive_with_their_type(sandbox: Sandbox, bot: Bot, ada: Guest) -> None:
    got: list[object] = []

    @app_commands.command(description="Take all")
    async def take(
        interaction: discord.Interaction[Bot],
        channel: discord.VoiceChannel,
        who: discord.Member,
        role: discord.Role,
        loud: bool,
        speed: float,
    ) -> None:
        got.extend([channel.id, who.id, role.name, loud, speed])
        await interaction.response.send_message("ok")

    await _offer(bot, sandbox, take)
    everyone = sandbox.guild.roles[sandbox.guild.id]
    pressed = await ada.press(
        sandbox.text_channel, "take", channel=sandbox.voice_channel, who=ada.user, role=everyone, loud=True, speed=1.5
    )
    await pressed.response()
    assert got == [sandbox.voice_channel.id, ada.id, "@everyone", True, 1.5]


async def test_a_sub_command_is_called_by_its_full_name(sandbox: Sandbox, bot: Bot, ada: Guest) -> None:
    group = app_commands.Group(name="voice", description="Voices")

    @group.command(name="list", description="List them")
    async def list_voices(interaction: discord.Interaction[Bot]) -> None:
        await interaction.response.send_message("three voices")

    await _offer(bot, sandbox, group)
    assert (await (await ada.press(sandbox.text_channel, "voice list")).response()).content == "three voices"


async def test_commands_of_one_guild_exist_only_there(sandbox: Sandbox, bot: Bot, ada: Guest) -> None:
    @app_commands.command(description="Only here")
    async def here(interaction: discord.Interaction[Bot]) -> None:
        await interaction.response.send_message("here")

    guild = discord.Object(sandbox.guild.id)
    bot.tree.add_command(here, guild=guild)
    registered = await bot.tree.sync(guild=guild)
    assert [command.name for command in await bot.tree.fetch_commands(guild=guild)] == ["here"]
    assert (await bot.tree.sync(guild=guild))[0].id == registered[0].id
    assert (await (await ada.press(sandbox.text_channel, "here")).response()).content == "here"
    with pytest.raises(CommandError):
        await ada.press(ada.dm_channel, "here")


async def test_a_command_works_in_direct_messages(sandbox: Sandbox, bot: Bot, ada: Guest) -> None:
    @app_commands.command(description="Anywhere")
    async def anywhere(interaction: discord.Interaction[Bot]) -> None:
        await interaction.response.send_message(f"guild: {interaction.guild}")

    await _offer(bot, sandbox, anywhere)
    assert (await (await ada.press(ada.dm_channel, "anywhere")).response()).content == "guild: None"


async def test_a_button_updates_its_message(sandbox: Sandbox, bot: Bot, ada: Guest) -> None:
    class Counter(discord.ui.View):
        @discord.ui.button(label="0", custom_id="count")
        async def count(self, interaction: discord.Interaction[Bot], button: discord.ui.Button[Any]) -> None:
            button.label = str(int(button.label or 0) + 1)
            await interaction.response.edit_message(content=f"pressed {button.label}", view=self)

        @discord.ui.button(label="quiet", custom_id="quiet")
        async def quiet(self, interaction: discord.Interaction[Bot], button: discord.ui.Button[Any]) -> None:
            await interaction.response.defer()

    channel = bot.get_channel(sandbox.text_channel.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("press me", view=Counter())
    message = ada.messages(sandbox.text_channel)[0]
    assert (await (await ada.click(message, "count")).response()).content == "pressed 1"
    assert (await (await ada.click(message, "count")).response()).content == "pressed 2"
    assert await (await ada.click(message, "quiet")).acknowledgement() is CallbackKind.DEFERRED_UPDATE


async def test_suggestions_appear_while_a_guest_types(sandbox: Sandbox, bot: Bot, ada: Guest) -> None:
    @app_commands.command(description="Choose a voice")
    async def choose(interaction: discord.Interaction[Bot], voice: str) -> None:
        await interaction.response.send_message(voice)

    @choose.autocomplete("voice")
    async def suggest(_: discord.Interaction[Bot], typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=name, value=name) for name in ("alto", "tenor") if name.startswith(typed)]

    await _offer(bot, sandbox, choose)
    choices = await ada.suggestions(sandbox.text_channel, "choose", "voice", "al", timeout=30)
    assert [choice["value"] for choice in choices] == ["alto"]


async def test_a_sub_command_takes_a_file_and_suggests_values(sandbox: Sandbox, bot: Bot, ada: Guest) -> None:
    voice = app_commands.Group(name="voice", description="Voices")

    @voice.command(description="Make one")
    async def clone(interaction: discord.Interaction[Bot], recording: discord.Attachment, name: str) -> None:
        sound = await recording.read()
        await interaction.response.send_message(f"{name}: {recording.filename}, {recording.content_type}, {sound!r}")

    @clone.autocomplete("name")
    async def suggest(_: discord.Interaction[Bot], typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=typed + "in", value=typed + "in")]

    await _offer(bot, sandbox, voice)
    file = Upload("robin.wav", b"RIFF", "audio/wav")
    pressed = await ada.press(sandbox.text_channel, "voice clone", name="Robin", recording=file)
    assert (await pressed.response()).content == "Robin: robin.wav, audio/wav, b'RIFF'"
    choices = await ada.suggestions(sandbox.text_channel, "voice clone", "name", "Rob", timeout=30)
    assert [choice["value"] for choice in choices] == ["Robin"]


async def test_commands_that_no_client_would_send_are_refused(sandbox: Sandbox, bot: Bot, ada: Guest) -> None:
    @app_commands.command(description="Say hello")
    async def hello(interaction: discord.Interaction[Bot], name: str) -> None:
        await interaction.response.send_message(name)

    await _offer(bot, sandbox, hello)
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("helo", {}),
        ("hello", {}),
        ("hello", {"name": 3}),
        ("hello", {"name": "x", "extra": 1}),
        ("hello there", {"name": "x"}),
    ]
    for name, options in wrong:
        with pytest.raises(CommandError):
            await ada.press(sandbox.text_channel, name, **options)


async def test_a_second_answer_to_the_same_interaction_is_refused(sandbox: Sandbox, bot: Bot, ada: Guest) -> None:
    codes: asyncio.Queue[int] = asyncio.Queue()

    @app_commands.command(description="Answer twice")
    async def twice(interaction: discord.Interaction[Bot]) -> None:
        await interaction.response.send_message("once")
        interaction.response._response_type = None
        try:
            await interaction.response.send_message("twice")
        except discord.HTTPException as error:
            codes.put_nowait(error.code)

    await _offer(bot, sandbox, twice)
    await ada.press(sandbox.text_channel, "twice")
    async with asyncio.timeout(30):
        assert await codes.get() == 40060


def test_an_answer_after_three_seconds_comes_too_late() -> None:
    now = [100.0]
    world = World(clock=lambda: now[0])
    owner = world.directory.add_user("Owner")
    app = world.directory.add_application("Bot", owner)
    guild = world.directory.add_guild("Guild", owner)
    channel = world.directory.add_channel(guild, "general")
    world.commands.put(app, None, {"name": "late", "description": "too late", "type": 1})
    in_time = world.interactions.press(owner, channel, "late", {})
    too_late = world.interactions.press(owner, channel, "late", {})
    now[0] += FIRST_RESPONSE_S
    world.interactions.respond(in_time.id, in_time.token, 4, {}, Draft("here"))
    now[0] += 0.1
    with pytest.raises(RestError) as error:
        world.interactions.respond(too_late.id, too_late.token, 4, {}, Draft("here"))
    assert (error.value.status, error.value.code) == (404, 10062)
