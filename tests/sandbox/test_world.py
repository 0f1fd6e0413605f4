"""The sandbox's state without sockets: permissions, mentions, ids, events."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.world.bus import Dispatch, Event, VoiceRevoked, VoiceTicket
from sandbox.world.entities import Channel, ChannelKind, Draft, Guild, Overwrite, User
from sandbox.world.errors import RestError
from sandbox.world.mentions import find_mentions
from sandbox.world.overwrites import permissions_in
from sandbox.world.permissions import EVERYTHING, NOTHING, Permission
from sandbox.world.snowflakes import Snowflakes
from sandbox.world.world import World


@dataclasses.dataclass
class Place:
    world: World
    guild: Guild
    text: Channel
    voice: Channel
    ada: User


@pytest.fixture
def place() -> Place:
    world = World()
    owner, ada = world.directory.add_user("Owner"), world.directory.add_user("Ada")
    guild = world.directory.add_guild("Guild", owner)
    world.directory.add_member(guild, ada)
    text = world.directory.add_channel(guild, "general")
    return Place(world, guild, text, world.directory.add_channel(guild, "Lounge", ChannelKind.VOICE), ada)


def test_overwrites_apply_in_the_order_of_discord(place: Place) -> None:
    directory, guild, text = place.world.directory, place.guild, place.text
    member = guild.members[place.ada.id]
    role = directory.add_role(guild, "Choir", NOTHING)
    directory.give_role(guild, place.ada.id, role.id)
    directory.set_overwrite(text, Overwrite(guild.id, is_member=False, deny=Permission.SEND_MESSAGES))
    assert Permission.SEND_MESSAGES not in permissions_in(guild, member, text)
    directory.set_overwrite(text, Overwrite(role.id, is_member=False, allow=Permission.SEND_MESSAGES))
    assert Permission.SEND_MESSAGES in permissions_in(guild, member, text)
    directory.set_overwrite(text, Overwrite(place.ada.id, is_member=True, deny=Permission.SEND_MESSAGES))
    assert Permission.SEND_MESSAGES not in permissions_in(guild, member, text)
    directory.set_role_permissions(guild, role.id, Permission.ADMINISTRATOR)
    assert permissions_in(guild, member, text) == EVERYTHING


def test_a_person_who_cannot_see_a_channel_can_do_nothing_there(place: Place) -> None:
    place.world.directory.set_overwrite(
        place.text, Overwrite(place.guild.id, is_member=False, deny=Permission.VIEW_CHANNEL)
    )
    assert place.world.directory.permissions(place.ada.id, place.text) == NOTHING
    assert place.world.directory.permissions(place.guild.owner_id, place.text) == EVERYTHING


@given(st.lists(st.floats(1.5e9, 2e9), min_size=1, max_size=50))
def test_ids_grow_even_when_the_clock_goes_back(times: list[float]) -> None:
    clock = iter(times)
    ids = Snowflakes(lambda: next(clock))
    made = [ids.next() for _ in times]
    assert made == sorted(set(made))


def test_only_allowed_mentions_count() -> None:
    text = "<@100000000000000001> <@!100000000000000002> <@&100000000000000003> @everyone <@12>"
    everything = find_mentions(text, None)
    assert everything.users == (100000000000000001, 100000000000000002)
    assert everything.roles == (100000000000000003,)
    assert everything.everyone
    chosen = find_mentions(text, {"parse": ["roles"], "users": ["100000000000000002"]})
    assert chosen.users == (100000000000000002,)
    assert chosen.roles == (100000000000000003,)
    assert not chosen.everyone
    assert not chosen.replied_user


def test_a_person_may_write_longer_messages_than_a_bot(place: Place) -> None:
    post = place.world.messages.post
    assert len(post(place.text, place.ada, Draft("x" * 4000)).content) == 4000
    with pytest.raises(RestError):
        post(place.text, place.ada, Draft("x" * 4001))
    bot = place.world.directory.add_user("Bot", bot=True)
    with pytest.raises(RestError):
        post(place.text, bot, Draft("x" * 2001))


def test_the_voice_server_is_notified_of_joining_moving_and_leaving(place: Place) -> None:
    other = place.world.directory.add_channel(place.guild, "Other", ChannelKind.VOICE)
    heard: list[Event] = []
    place.world.subscribe(heard.append)
    first = dataclasses.replace(_granted(place, place.voice, heard))
    heard.clear()
    place.world.voice.move(place.guild.id, place.ada.id, other.id)
    assert [type(event) for event in heard] == [VoiceRevoked, Dispatch, VoiceTicket]
    moved = heard[-1]
    assert isinstance(moved, VoiceTicket)
    assert moved.channel_id == other.id
    assert moved.token != first.token
    assert moved.session_id == first.session_id
    heard.clear()
    place.world.leave_voice(place.guild.id, place.ada.id)
    place.world.leave_voice(place.guild.id, place.ada.id)
    assert [type(event) for event in heard] == [Dispatch, VoiceRevoked]
    left = heard[0]
    assert isinstance(left, Dispatch)
    assert left.data["channel_id"] is None


def test_joining_the_same_channel_again_only_updates_the_voice_state(place: Place) -> None:
    heard: list[Event] = []
    place.world.subscribe(heard.append)
    before = _granted(place, place.voice, heard)
    heard.clear()
    state = place.world.voice.join(place.ada.id, place.voice.id, self_mute=True)
    assert [event.name for event in heard if isinstance(event, Dispatch)] == ["VOICE_STATE_UPDATE"]
    assert len(heard) == 1
    assert (state.self_mute, state.token) == (True, before.token)


def test_a_text_channel_cannot_be_joined(place: Place) -> None:
    with pytest.raises(RestError) as error:
        place.world.join_voice(place.ada.id, place.text.id)
    assert error.value.code == 50024


def test_after_the_end_of_a_subscription_no_events_come(place: Place) -> None:
    heard: list[Event] = []
    end = place.world.subscribe(heard.append)
    end()
    place.world.messages.post(place.text, place.ada, Draft("hello"))
    assert heard == []


def _granted(place: Place, channel: Channel, heard: list[Event]) -> VoiceTicket:
    place.world.join_voice(place.ada.id, channel.id)
    granted = heard[-1]
    assert isinstance(granted, VoiceTicket)
    return granted
