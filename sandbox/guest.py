"""A person on the sandbox, as an object: writes, presses commands, joins voice channels, and waits for answers."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from sandbox.pressed import Pressed
from sandbox.voice.peer import VoicePeer
from sandbox.watch import Watch
from sandbox.world.entities import Channel, Draft, Guild, Message, MessageFlag, Upload, User, VoiceState
from sandbox.world.messages import resend, snapshot_of
from sandbox.world.payloads import timestamp
from sandbox.world.permissions import Permission
from sandbox.world.world import World


class Deliveries(Protocol):
    """Knows when messages reached the bot."""

    async def delivered(self, message_id: int) -> float:
        """When the message was written to a bot's socket, in monotonic seconds."""
        ...


class Guest:
    """One person and what they can do. Made by :meth:`sandbox.server.Sandbox.add_guest`.

    Methods raise :class:`~sandbox.world.errors.RestError` where Discord's own client would show an error.
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
        """Their user id."""
        return self.user.id

    @property
    def dm_channel(self) -> Channel:
        """Their direct messages with the bot."""
        return self._world.directory.dm_between(self.user, self._bot)

    @property
    def voice(self) -> VoicePeer:
        """Their microphone and ears.

        Raises:
            RuntimeError: they are in no voice channel.
        """
        if self._voice is None:
            raise RuntimeError(f"{self.user.name} is in no voice channel")
        return self._voice

    # Writing.

    async def say(
        self, channel: Channel, text: str, *, attachments: Sequence[Upload] = (), reply_to: Message | None = None
    ) -> Message:
        """Write a message; returns when it has been written to the bot's socket, the time of which is ``sent_at``."""
        reference = reply_to.id if reply_to else None
        return await self._post(channel, Draft(text, uploads=tuple(attachments), reference_id=reference))

    async def share_link(self, channel: Channel, url: str, picture: Upload) -> Message:
        """Write a link, of which Discord shows this picture. (There it comes a moment later, by an edit.)"""
        embeds = (self._world.messages.link_preview(url, picture),)
        return await self._post(channel, Draft(url, embeds=embeds))

    async def send_sticker(self, channel: Channel, name: str) -> Message:
        """Send a sticker: a message without a word."""
        return await self._post(channel, Draft(stickers=(name,)))

    async def send_voice_message(
        self, channel: Channel, ogg: bytes, seconds: float, *, reply_to: Message | None = None
    ) -> Message:
        """Send a voice message: Opus in Ogg, ``seconds`` long, without a word."""
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
        """Write to the bot in private."""
        return await self.say(self.dm_channel, text, attachments=attachments, reply_to=reply_to)

    async def edit(self, message: Message, text: str) -> Message:
        """Change one's own message."""
        return self._world.messages.edit(message, dataclasses.replace(resend(message), content=text))

    async def delete(self, message: Message) -> None:
        """Delete one's own message."""
        self._world.messages.delete(message)

    async def react(self, message: Message, emoji: str) -> None:
        """React to a message."""
        self._world.messages.react(message, self.user, emoji)

    async def start_typing(self, channel: Channel) -> None:
        """Show that they are typing."""
        self._world.messages.show_typing(channel, self.user)

    # Commands and buttons.

    async def press(self, channel: Channel, command: str, /, **options: Any) -> Pressed:
        """Use a slash command, sub-commands after spaces; users, channels, roles and files are given as objects.

        Raises:
            CommandError: no such command, or its options are wrong.
        """
        self._world.directory.require(self.id, channel, Permission.USE_APPLICATION_COMMANDS)
        return Pressed(self._world.interactions.press(self.user, channel, command, options), self._watch)

    async def click(self, message: Message, custom_id: str) -> Pressed:
        """Press a button below a message."""
        return Pressed(self._world.interactions.click(self.user, message, custom_id), self._watch)

    async def suggestions(
        self, channel: Channel, command: str, option: str, typed: str, *, timeout: float
    ) -> list[Any]:
        """Type into a command's option; returns what the bot suggests, each with ``name`` and ``value``."""
        pressed = Pressed(self._world.interactions.complete(self.user, channel, command, option, typed), self._watch)
        await pressed.acknowledged(timeout)
        return list(pressed.interaction.answer.get("choices", []))

    # Reading.

    def messages(self, channel: Channel) -> list[Message]:
        """What they can read there, oldest first; ephemeral answers to them too."""
        return self._world.messages.seen_by(self.id, channel.id)

    async def wait_for_message(
        self,
        channel: Channel,
        matches: Callable[[Message], bool] = lambda _message: True,
        timeout: float = 10.0,
        *,
        after: Message | None = None,
    ) -> Message:
        """Wait for somebody else's message that ``matches``, as it is posted or as it is edited.

        Args:
            channel: where.
            matches: what is looked for.
            timeout: seconds.
            after: only what came after this one; without it, after their own last words there.

        Raises:
            TimeoutError: none came; the text lists those that did.
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

    async def next_message(self, channel: Channel, *, by_bot: bool = True, timeout: float = 10.0) -> Message | None:
        """The next message after their own last words and after the last one returned here; ``None`` in time-out."""

        def probe() -> Message | None:
            found = (m for m in self.messages(channel) if m.id > self._seen.get(channel.id, 0))
            return next((m for m in found if m.author is not self.user and m.author.bot >= by_bot), None)

        try:
            message = await self._watch.until(probe, timeout, "a message")
        except TimeoutError:
            return None
        self._seen[channel.id] = message.id
        return message

    async def wait_for_reaction(self, message: Message, emoji: str, timeout: float = 10.0) -> None:
        """Wait until somebody else has reacted with this emoji.

        Raises:
            TimeoutError: nobody did; the text lists the reactions there are.
        """

        def probe() -> bool | None:
            return any(user_id != self.id for user_id in message.reactions.get(emoji, [])) or None

        try:
            await self._watch.until(probe, timeout, f"the reaction {emoji}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; there are {list(message.reactions)}") from None

    async def wait_for_status(self, user: User, words: str | None, timeout: float = 10.0) -> None:
        """Wait until these words stand below somebody's name; ``None``: until there are none.

        Raises:
            TimeoutError: it did not come to that; the text says what stands there.
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
        """Enter a voice channel; returns when they hear and can speak.

        Raises:
            RestError: full, or not allowed.
            ConnectionError: the voice server did not let them in.
        """
        self._world.voice.join(self.id, channel.id)
        await self.follow_voice()
        return self.voice

    async def leave_voice(self) -> None:
        """Leave the voice channel they are in."""
        self._world.voice.leave(self._guild.id, self.id)
        await self.follow_voice()

    async def follow_voice(self) -> None:
        """Do what Discord's client does after a move, a kick or a change of server: connect to where they are now."""
        state = self._world.voice.find(self._guild.id, self.id)
        if self._voice is not None and (state is None or state.token != self._token):
            await self._voice.close()
            self._voice = None
        if state is not None and self._voice is None:
            self._token = state.token
            self._voice = await self._enter(state)

    async def close(self) -> None:
        """Hang up."""
        if self._voice is not None:
            await self._voice.close()
            self._voice = None

    async def _post(self, channel: Channel, draft: Draft) -> Message:
        needed = Permission.SEND_MESSAGES_IN_THREADS if channel.kind.is_thread else Permission.SEND_MESSAGES
        self._world.directory.require(self.id, channel, needed)
        message = self._world.messages.post(channel, self.user, draft)
        self._seen[channel.id] = message.id
        message.sent_at = await self._deliveries.delivered(message.id)
        return message
