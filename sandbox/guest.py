"""A simulated person in the sandbox: writes, uses commands, joins voice channels, and waits for answers."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from sandbox.pressed import Pressed
from sandbox.voice.peer import VoicePeer
from sandbox.watch import HANG_LIMIT, Watch
from sandbox.world.entities import Channel, Draft, Guild, Message, MessageFlag, Upload, User, VoiceState
from sandbox.world.messages import draft_of, snapshot_of
from sandbox.world.payloads import timestamp
from sandbox.world.permissions import Permission
from sandbox.world.world import World

_T = TypeVar("_T")


class Deliveries(Protocol):
    """Reports when messages reached the bot."""

    async def wait_until_delivered(self, message_id: int) -> float:
        """Wait until the message is about to be written to a bot's socket; returns when, in monotonic seconds."""
        ...


class Guest:
    """One simulated person. :meth:`sandbox.server.Sandbox.add_guest` makes guests.

    Methods raise :class:`~sandbox.world.errors.RestError` if Discord's own client would show an error.
    """

    def __init__(
        self,
        user: User,
        guild: Guild,
        bot: User,
        world: World,
        watch: Watch,
        deliveries: Deliveries,
        enter: Callable[[VoiceState], Awaitable[VoicePeer]],
    ) -> None:
        self.user = user
        self._guild = guild
        self._bot = bot
        self._world = world
        self._watch = watch
        self._deliveries = deliveries
        self._enter = enter
        self._voice: VoicePeer | None = None
        self._token = ""
        self._seen: dict[int, int] = {}

    @property
    def id(self) -> int:
        """The guest's user id."""
        return self.user.id

    @property
    def dm_channel(self) -> Channel:
        """The guest's direct messages with the bot."""
        return self._world.directory.dm_between(self.user, self._bot)

    @property
    def voice(self) -> VoicePeer:
        """The guest's voice connection, which sends and receives sound.

        Raises:
            RuntimeError: the guest is not in a voice channel.
        """
        if self._voice is None:
            raise RuntimeError(f"{self.user.name} is not in a voice channel")
        return self._voice

    # Writing.

    async def say(
        self, channel: Channel, text: str, *, attachments: Sequence[Upload] = (), reply_to: Message | None = None
    ) -> Message:
        """Write a message, and wait until it is sent to the bot. The message's ``sent_at`` is the time of sending."""
        reference = reply_to.id if reply_to else None
        return await self._post(channel, Draft(text, uploads=tuple(attachments), reference_id=reference))

    async def share_link(self, channel: Channel, url: str, picture: Upload) -> Message:
        """Write a link with a preview picture. (Discord itself adds the preview a moment later, by an edit.)"""
        embeds = (self._world.messages.link_preview(url, picture),)
        return await self._post(channel, Draft(url, embeds=embeds))

    async def send_sticker(self, channel: Channel, name: str) -> Message:
        """Send a sticker, without text."""
        return await self._post(channel, Draft(stickers=(name,)))

    async def send_voice_message(
        self, channel: Channel, ogg: bytes, seconds: float, *, reply_to: Message | None = None
    ) -> Message:
        """Send a voice message: Opus in Ogg, ``seconds`` long, without text."""
        waveform = base64.b64encode(bytes(min(256, max(1, round(10 * seconds))))).decode()
        upload = Upload("voice-message.ogg", ogg, "audio/ogg", seconds=seconds, waveform=waveform)
        reference = reply_to.id if reply_to else None
        return await self._post(
            channel, Draft(uploads=(upload,), flags=MessageFlag.VOICE_MESSAGE, reference_id=reference)
        )

    async def forward(self, message: Message, channel: Channel) -> Message:
        """Forward a message to a channel."""
        return await self._post(channel, Draft(snapshot=snapshot_of(message), flags=MessageFlag.HAS_SNAPSHOT))

    async def ask_poll(self, channel: Channel, question: str, answers: Sequence[str]) -> Message:
        """Start a poll that is open for a day."""
        poll = {
            "question": {"text": question},
            "answers": [{"answer_id": i, "poll_media": {"text": text}} for i, text in enumerate(answers, 1)],
            "expiry": timestamp(self._world.directory.now() + 86_400),
            "allow_multiselect": False,
            "layout_type": 1,
            "results": {"is_finalized": False, "answer_counts": []},
        }
        return await self._post(channel, Draft(poll=poll))

    async def dm(self, text: str, *, attachments: Sequence[Upload] = (), reply_to: Message | None = None) -> Message:
        """Send the bot a direct message."""
        return await self.say(self.dm_channel, text, attachments=attachments, reply_to=reply_to)

    async def edit(self, message: Message, text: str) -> Message:
        """Change the text of one of the guest's messages."""
        return self._world.messages.edit(message, dataclasses.replace(draft_of(message), content=text))

    async def delete(self, message: Message) -> None:
        """Delete one of the guest's messages."""
        self._world.messages.delete(message)

    async def react(self, message: Message, emoji: str) -> None:
        """Add a reaction to a message."""
        self._world.messages.react(message, self.user, emoji)

    async def start_typing(self, channel: Channel) -> None:
        """Show the guest as typing."""
        self._world.messages.show_typing(channel, self.user)

    # Commands and buttons.

    async def press(self, channel: Channel, command: str, /, **options: Any) -> Pressed:
        """Use a slash command.

        Args:
            channel: the channel in which the guest uses the command.
            command: the command's name. The names of sub-commands follow, separated by spaces.
            options: the command's options by name. Users, channels, roles and files are passed as objects.

        Raises:
            CommandError: there is no such command, or an option is wrong.
        """
        self._world.directory.require(self.id, channel, Permission.USE_APPLICATION_COMMANDS)
        return Pressed(self._world.interactions.press(self.user, channel, command, options), self._watch)

    async def click(self, message: Message, custom_id: str, values: Sequence[str] | None = None) -> Pressed:
        """Press a button of a message, or choose ``values`` in a menu of texts."""
        return Pressed(self._world.interactions.click(self.user, message, custom_id, values), self._watch)

    async def suggestions(
        self, channel: Channel, command: str, option: str, typed: str, *, timeout: float
    ) -> list[Any]:
        """Type into an option of a command; returns the bot's suggestions, each with ``name`` and ``value``."""
        pressed = Pressed(self._world.interactions.complete(self.user, channel, command, option, typed), self._watch)
        await pressed.acknowledgement(timeout)
        return list(pressed.interaction.answer.get("choices", []))

    # Reading.

    def messages(self, channel: Channel) -> list[Message]:
        """The messages that the guest can read in a channel, oldest first, with ephemeral answers to the guest."""
        return self._world.messages.seen_by(self.id, channel.id)

    async def wait_for(self, probe: Callable[[], _T | None], what: str, timeout: float = HANG_LIMIT) -> _T:
        """Wait until ``probe`` returns a value other than ``None``, and return it. It is asked after each event.

        Args:
            what: a description of the value, for the error.
            timeout: seconds to wait at most.

        Raises:
            TimeoutError: there was no value in time.
        """
        return await self._watch.until(probe, timeout, what)

    async def wait_for_message(
        self,
        channel: Channel,
        matches: Callable[[Message], bool] = lambda _message: True,
        timeout: float = HANG_LIMIT,
        *,
        after: Message | None = None,
    ) -> Message:
        """Wait for a message of somebody else that ``matches`` accepts, either as it was posted or after an edit.

        Args:
            channel: the channel to read.
            matches: returns whether a message is the expected one.
            timeout: seconds to wait at most.
            after: only messages later than this one count. The default is the guest's own last message in the channel.

        Raises:
            TimeoutError: no message matched; the text lists the messages that came.
        """

        def since() -> list[Message]:
            read = self.messages(channel)
            own = [message.id for message in read if message.author is self.user]
            oldest = after.id if after else max(own, default=0)
            return [message for message in read if message.id > oldest and message.author is not self.user]

        try:
            return await self._watch.until(
                lambda: next((message for message in since() if matches(message)), None), timeout, "a fitting message"
            )
        except TimeoutError as error:
            seen = [f"{message.author.name}: {message.content}" for message in since()]
            raise TimeoutError(f"{error}; {self.user.name} read {seen}") from None

    async def next_message(
        self, channel: Channel, *, by_bot: bool = True, timeout: float = HANG_LIMIT
    ) -> Message | None:
        """Wait for a new message of a bot, or, if ``by_bot`` is false, of anybody but the guest.

        A message is new if it is later than the guest's own last message and the last message that this method returned
        for the channel.

        Returns:
            The message, or ``None`` if none came in time.
        """

        def probe() -> Message | None:
            found = (m for m in self.messages(channel) if m.id > self._seen.get(channel.id, 0))
            return next((m for m in found if m.author is not self.user and m.author.bot >= by_bot), None)

        try:
            message = await self._watch.until(probe, timeout, "a message")
        except TimeoutError:
            return None
        self._seen[channel.id] = message.id
        return message

    async def wait_for_reaction(self, message: Message, emoji: str, timeout: float = HANG_LIMIT) -> None:
        """Wait until somebody else has reacted with this emoji.

        Raises:
            TimeoutError: nobody reacted in time; the text lists the reactions to the message.
        """

        def probe() -> bool | None:
            return any(user_id != self.id for user_id in message.reactions.get(emoji, [])) or None

        try:
            await self._watch.until(probe, timeout, f"the reaction {emoji}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; there are {list(message.reactions)}") from None

    async def wait_for_status(self, user: User, words: str | None, timeout: float = HANG_LIMIT) -> None:
        """Wait until a user's status line is ``words``. ``None`` stands for an empty status line.

        Raises:
            TimeoutError: the status did not change in time; the text has the current status.
        """
        presences = self._world.presences

        def probe() -> bool | None:
            return presences.of(user.id).words == words or None

        try:
            await self._watch.until(probe, timeout, f"the status {words!r}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it is {presences.of(user.id).words!r}") from None

    # Voice.

    async def join_voice(self, channel: Channel) -> VoicePeer:
        """Enter a voice channel. Returns once sound can be sent and received.

        Raises:
            RestError: the channel is full, or the guest may not enter it.
            ConnectionError: the voice server refused the connection.
        """
        self._world.voice.join(self.id, channel.id)
        await self.follow_voice()
        return self.voice

    async def leave_voice(self) -> None:
        """Leave the current voice channel."""
        self._world.voice.leave(self._guild.id, self.id)
        await self.follow_voice()

    async def follow_voice(self) -> None:
        """Connect to the guest's current voice channel, or disconnect if there is none.

        Discord's client does the same after a move, a kick or a change of the voice server.
        """
        state = self._world.voice.find(self._guild.id, self.id)
        if self._voice is not None and (state is None or state.token != self._token):
            await self._voice.close()
            self._voice = None
        if state is not None and self._voice is None:
            self._token = state.token
            self._voice = await self._enter(state)

    async def close(self) -> None:
        """Close the voice connection, if there is one."""
        if self._voice is not None:
            await self._voice.close()
            self._voice = None

    async def _post(self, channel: Channel, draft: Draft) -> Message:
        needed = Permission.SEND_MESSAGES_IN_THREADS if channel.kind.is_thread else Permission.SEND_MESSAGES
        self._world.directory.require(self.id, channel, needed)
        message = self._world.messages.post(channel, self.user, draft)
        self._seen[channel.id] = message.id
        message.sent_at = await self._deliveries.wait_until_delivered(message.id)
        return message
