"""Typed conversation after the scripted call: a person at the terminal talks to the bot as a guest of the sandbox."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bot.demo.guests import CallFailedError
from bot.demo.typed_buttons import Choice, TypedButtons, choices_of
from bot.voice.events import CallEvent, NoticePosted, PromptTaken, ReplyEnded
from bot.watching.console import CallConsole, without_markdown
from config.reasons import reason
from config.tasks import end_tasks
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.voice.audio_receiver import TimedSound, save_mix
from sandbox.world.entities import Message

NAME = "You"
PROMPT = "you> "
ANSWER_LIMIT = 90.0
SETTLE_SECONDS = 1.5
"""Seconds without an edit after which the bot's messages count as complete. While the model writes an answer, the bot
edits its message."""
STAYING = "Staying. The bot and its local Discord run until Ctrl-C."
WELCOME = (
    "Now you: type something, and it is answered aloud. {prefix}help shows the commands. What you hear and read is "
    "kept in {out}. Ctrl-D or Ctrl-C ends it."
)
NO_SLASH_COMMANDS = "Slash commands work only in Discord itself. Here, type {prefix}{command}."
NO_ANSWER = "No answer came in {limit:.0f} s."
GONE = "That button is no longer there."
NOT_TAKEN = "The bot did not take that in time. Try it again."


def is_interactive() -> bool:
    """Whether stdin is a terminal, and this process is in its foreground."""
    try:
        return sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False


def is_slash_command(line: str) -> bool:
    """Whether the line looks like one of Discord's slash commands."""
    return re.match(r"/[a-z]", line) is not None


def with_names(text: str, channels: Mapping[int, str], people: Mapping[int, str]) -> str:
    """Replace the ids of channels and people in a text by their names, as Discord shows them."""

    def name(found: re.Match[str]) -> str:
        sign, number = found[1][0], int(found[2])
        known = (channels if sign == "#" else people).get(number)
        return found[0] if known is None else f"{sign}{known}"

    return re.sub(r"<(#|@!?)(\d+)>", name, text)


async def stay(
    sandbox: Sandbox, view: CallConsole, watchers: list[Callable[[CallEvent], None]], out: Path, prefix: str
) -> None:
    """Keep the sandbox running.

    With a terminal, a person can type to the bot until they end the input. Otherwise this never returns.

    Raises:
        CallFailedError: the bot does not answer the command to join.
    """
    if not is_interactive():
        view.note(STAYING)
        await asyncio.Event().wait()
    await TypedTalk(sandbox, view, watchers, out, prefix).run(TypedLines(sys.stdin.fileno()))
    view.note("Ended.")


class TypedLines:
    """Reads lines from a terminal or pipe on the event loop, without a thread.

    Args:
        descriptor: the file descriptor to read from.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._begun = b""

    @contextmanager
    def read(self) -> Iterator[None]:
        """A context manager that reads lines while its block runs."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._descriptor, self._take)
        try:
            yield
        finally:
            loop.remove_reader(self._descriptor)

    async def next(self) -> str | None:
        """Wait for the next line, and return it without its line end; ``None`` at the end of the input."""
        return await self._lines.get()

    def _take(self) -> None:
        try:
            data = os.read(self._descriptor, 4096)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            self._lines.put_nowait(None)
            return
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            self._lines.put_nowait(line.decode("utf-8", "replace").strip())


@dataclass(frozen=True, slots=True)
class _Shown:
    """A message of the bot as it is printed."""

    text: str
    choices: tuple[Choice, ...]

    @classmethod
    def of(cls, message: Message) -> Self:
        return cls(message.content, choices_of(message))


class TypedTalk:
    """Sends typed lines to the bot, prints its written answers, and saves its spoken answers as sound files.

    Direct messages of the bot, which some commands answer with, are printed too, and their files are saved. Buttons
    below its messages have numbers, by which they are pressed.

    Args:
        view: prints the conversation.
        watchers: the list of functions that get the bot's events. This object replaces ``view`` in the list.
        out: the folder for sound files and the log of the conversation.
        prefix: the prefix of the bot's commands.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        view: CallConsole,
        watchers: list[Callable[[CallEvent], None]],
        out: Path,
        prefix: str,
    ) -> None:
        self._sandbox = sandbox
        self._view = view
        self._out = out
        self._prefix = prefix
        self._notices: list[str] = []
        self._heard: list[str] = []
        self._spoken = asyncio.Event()
        self._answers = 0
        self._buttons = TypedButtons()
        self._shown: dict[int, _Shown] = {}
        """The messages with buttons that were printed, by id, as they were then."""
        self._joined = 0
        """The id of the message with which the person had the bot join. Buttons of earlier messages are not theirs."""
        watchers[:] = [each for each in watchers if each is not view]
        watchers.append(self._on_event)

    def _on_event(self, event: CallEvent) -> None:
        if isinstance(event, PromptTaken) and event.author == NAME:
            return  # The terminal shows the line already, because it was typed there.
        if isinstance(event, NoticePosted):
            self._notices.append(event.text)
            event = NoticePosted(self._named(event.text))
        elif isinstance(event, ReplyEnded):
            if event.heard or event.interrupted:
                self._heard.append(event.heard)
            self._spoken.set()
        self._view(event)

    async def run(self, lines: TypedLines) -> None:
        """Join the voice channel, have the bot join, and send it lines until the end of the input."""
        you = await self._join()
        self._view.note(WELCOME.format(prefix=self._prefix, out=self._out))
        following = (
            asyncio.create_task(self._show_direct_messages(you), name="direct messages"),
            asyncio.create_task(self._show_buttons(you), name="messages with buttons"),
        )
        try:
            with lines.read():
                while (line := await self._next(lines)) is not None:
                    if (found := self._buttons.find(line)) is not None:
                        await self._press(you, *found)
                    elif is_slash_command(line) and not line.startswith(self._prefix):
                        self._view.note(NO_SLASH_COMMANDS.format(prefix=self._prefix, command=line[1:]))
                    elif line:
                        await self._say(you, line)
        finally:
            await end_tasks(*following)

    async def _show_direct_messages(self, you: Guest) -> None:
        """Print each direct message when it comes, also one that comes later, such as a reminder."""
        while True:
            message = await you.next_message(you.dm_channel)
            if message is not None and not choices_of(message):
                self._show_private(message)

    async def _show_buttons(self, you: Guest) -> None:
        """Print each message with buttons when it comes, and again whenever its text or its buttons change."""
        while True:
            with suppress(TimeoutError):
                message = await you.wait_for(lambda: self._news(you), "a message with buttons")
                before = self._shown.get(message.id)
                self._shown[message.id] = _Shown.of(message)
                if before is None or before.text != message.content:
                    (self._show_private if self._is_private(you, message) else self._show_written)(message)
                if (line := self._buttons.line(message)) is not None:
                    self._view.note(line)

    def _news(self, you: Guest) -> Message | None:
        """A message whose buttons are not printed yet, or that has changed since they were printed."""
        for message in self._bots_messages(you):
            before = self._shown.get(message.id)
            if before != _Shown.of(message) and (before is not None or choices_of(message)):
                return message
        return None

    def _bots_messages(self, you: Guest) -> list[Message]:
        read = (*you.messages(self._sandbox.text_channel), *you.messages(you.dm_channel))
        return [message for message in read if self._is_the_bots(message) and message.id > self._joined]

    @staticmethod
    def _is_private(you: Guest, message: Message) -> bool:
        return message.is_ephemeral or message.channel_id == you.dm_channel.id

    async def _press(self, you: Guest, message: Message, choice: Choice) -> None:
        """Press a button, or choose an entry of a menu, and print what the bot answers."""
        self._keep(NAME, f"[{choice.label}]")
        before = self._texts(you)
        if message.id not in before:
            self._view.note(GONE)
            return
        try:
            pressed = await you.click(message, choice.custom_id, None if choice.value is None else [choice.value])
            await pressed.acknowledgement()
            async with asyncio.timeout(ANSWER_LIMIT):
                await you.wait_for(lambda: self._texts(you) != before or None, "an answer", ANSWER_LIMIT)
                await self._settled(lambda: self._texts(you))
        except TimeoutError:
            self._view.note(NOT_TAKEN)
        for answer in self._bots_messages(you):
            # Direct messages, and messages with buttons, are printed by those who follow them.
            if answer.id not in before and answer.id not in self._shown and answer.channel_id != you.dm_channel.id:
                (self._show_private if answer.is_ephemeral else self._show_written)(answer)

    def _texts(self, you: Guest) -> dict[int, _Shown]:
        """All messages of the bot, by id."""
        return {message.id: _Shown.of(message) for message in self._bots_messages(you)}

    def _show_private(self, message: Message) -> None:
        if message.content:
            text = self._named(message.content)
            self._keep(self._view.name, without_markdown(text))
            self._view.show_private(text)
        for attachment in message.attachments:
            upload = attachment.upload
            path = self._out / Path(upload.filename).name
            try:
                path.write_bytes(upload.data)
            except OSError as error:
                self._view.note(f"❌ The file with it can't be saved as {path}: {reason(error)}.")
            else:
                self._view.note(f"The file with it: {path}")

    async def _next(self, lines: TypedLines) -> str | None:
        self._view.ask(PROMPT)
        try:
            line = await lines.next()
        except asyncio.CancelledError:
            self._view.break_line()
            raise
        if line is None:
            self._view.break_line()
        self._view.end_input_line()
        return line

    async def _join(self) -> Guest:
        for guest in self._sandbox.guests:
            if guest.id in self._sandbox.guild.voice_states:
                await guest.leave_voice()
        you = await self._sandbox.add_guest(NAME)
        await you.join_voice(self._sandbox.voice_channel)
        asked = await you.say(self._sandbox.text_channel, f"{self._prefix}join")
        self._joined = asked.id
        # The bot writes messages when it joins. Wait for them, so that they don't count as the answer to the next line.
        try:
            await self._written_after(you, asked)
        except TimeoutError:
            raise CallFailedError(f"the bot did not answer {asked.content}") from None
        return you

    async def _say(self, you: Guest, line: str) -> None:
        is_command = line.startswith(self._prefix)
        in_call = self._sandbox.bot_id in self._sandbox.guild.voice_states
        text = line if is_command or in_call else f"<@{self._sandbox.bot_id}> {line}"
        self._spoken.clear()
        self._notices.clear()
        self._heard.clear()
        begin = you.voice.receiver.count(self._sandbox.bot_id) if in_call else 0
        self._keep(NAME, line)
        asked = await you.say(self._sandbox.text_channel, text)
        try:
            async with asyncio.timeout(ANSWER_LIMIT):
                if in_call and not is_command:
                    await self._answered_aloud(you, asked)
                else:
                    await self._answered_in_writing(you, asked)
        except TimeoutError:
            self._view.note(NO_ANSWER.format(limit=ANSWER_LIMIT))
        if in_call and not is_command:
            self._save(you, begin)

    async def _answered_aloud(self, you: Guest, asked: Message) -> None:
        """Wait for the end of a spoken reply, or for a written message, which the bot sends if it can't speak."""
        spoken = asyncio.create_task(self._spoken.wait(), name="spoken answer")
        refused = asyncio.create_task(self._written_after(you, asked), name="written answer")
        try:
            await asyncio.wait([spoken, refused], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(spoken, refused)

    async def _answered_in_writing(self, you: Guest, asked: Message) -> None:
        for message in await self._written_after(you, asked):
            if message.id not in self._shown:
                self._show_written(message)

    def _show_written(self, message: Message) -> None:
        text = self._named(message.content)
        self._keep(self._view.name, without_markdown(text))
        if message.content not in self._notices:
            self._view.show_written(text)

    async def _written_after(self, you: Guest, asked: Message) -> list[Message]:
        """Wait until the bot's messages after ``asked`` are complete, and return them."""
        channel = self._sandbox.text_channel
        await you.wait_for_message(channel, self._is_the_bots, ANSWER_LIMIT, after=asked)

        def written() -> list[Message]:
            return [each for each in you.messages(channel) if self._is_the_bots(each) and each.id > asked.id]

        await self._settled(lambda: [each.content for each in written()])
        return written()

    @staticmethod
    async def _settled(state: Callable[[], object]) -> None:
        """Wait until the state has not changed for :data:`SETTLE_SECONDS`."""
        before, now = None, state()
        while now != before:
            await asyncio.sleep(SETTLE_SECONDS)
            before, now = now, state()

    def _named(self, text: str) -> str:
        channels = {channel.id: channel.name for channel in self._sandbox.guild.channels.values()}
        return with_names(text, channels, {guest.id: guest.user.name for guest in self._sandbox.guests})

    def _is_the_bots(self, message: Message) -> bool:
        return message.author.id == self._sandbox.bot_id

    def _save(self, you: Guest, begin: int) -> None:
        for text in self._heard:
            self._keep(self._view.name, text)
        sound = you.voice.receiver.pcm(self._sandbox.bot_id, since=begin)
        if len(sound):
            self._answers += 1
            path = self._out / f"answer-{self._answers}.wav"
            save_mix(path, [TimedSound(0.0, sound)])
            self._view.note(f"What you heard: {path}")

    def _keep(self, who: str, text: str) -> None:
        with (self._out / "conversation.txt").open("a", encoding="utf-8") as file:
            file.write(f"{who}: {text}\n")
