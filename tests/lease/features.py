"""Drivers of all features and of requests over HTTP: each checks that its feature works, and tries it during a call."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Protocol

import aiohttp

from bot.features.figurine_notifier.feature import FigurineNotifier as Notifier
from bot.features.image_generation.feature import HELD as CANT_DRAW
from bot.features.scheduled_events.feature import ScheduledEvents as Scheduled
from bot.features.vision.feature import HELD as CANT_LOOK
from bot.features.voice_messages.feature import HELD as CANT_RECORD
from bot.features.voice_messages.feature import NO_VOICE
from bot.speech_server_process import SpeechServerProcess
from sandbox.world.entities import Channel, Message, MessageFlag, Upload
from tests.e2e.conftest import LIMIT, Stage
from tests.features.feed_server import Entry
from tests.features.moving_pictures import make
from tests.features.talk import written_by_bots
from tests.lease.engines import SHOP, Engines
from tests.timing import wait_until

WAITS = "🎤"


@dataclass(slots=True)
class World:
    """A bot with all features, Ada, who may manage the server, and a channel that is not the call's.

    ``speech_server`` is this world's own; ``None`` if several worlds share one.
    """

    stage: Stage
    engines: Engines
    speech_server: SpeechServerProcess | None
    numbers: count[int] = field(default_factory=lambda: count(1))

    @property
    def side(self) -> Channel:
        return self.stage.sandbox.home.side

    async def say(self, text: str, attachments: Sequence[Upload] = ()) -> Message:
        """Ada writes in the side channel."""
        return await self.stage.ada.say(self.side, text, attachments=attachments)

    async def address(self, text: str, attachments: Sequence[Upload] = ()) -> Message:
        """Ada writes to the bot in the side channel."""
        return await self.say(f"<@{self.stage.bot}> {text}", attachments)

    async def read(self, matches: Callable[[Message], bool], after: Message) -> Message:
        """The bot's next message in the side channel after a message."""
        return await self.stage.ada.wait_for_message(
            self.side, lambda m: m.author.bot and matches(m), LIMIT, after=after
        )

    async def reaction(self, emoji: str, message: Message) -> None:
        """Wait for a reaction to a message."""
        await self.stage.until(lambda: emoji in message.reactions, "the reaction")

    def written(self, text: str) -> list[Message]:
        """All messages of bots in the side channel with these words."""
        return [message for message in written_by_bots(self.stage.sandbox, self.side) if text in message.content]


class Feature(Protocol):
    """The driver of one feature."""

    async def works(self, world: World) -> None:
        """Check that the feature works."""
        ...

    async def tried_in_a_call(self, world: World) -> None:
        """Use the feature while it is held, and check the immediate answer."""
        ...


class TextChat:
    """Text chat: answers messages. Messages during a call are answered after it."""

    def __init__(self) -> None:
        self.waiting: list[str] = []

    async def works(self, world: World) -> None:
        text = f"hello {next(world.numbers)}"
        asked = await world.address(text)
        await world.read(lambda m: m.content == f"You said {text}.", asked)
        answers = [f"You said {waited}." for waited in self.waiting]
        await world.stage.until(lambda: len(self._answers(world)) >= len(answers), "the answers to what waited")
        assert self._answers(world) == answers, "the messages that waited are answered in order, and once each"

    def _answers(self, world: World) -> list[str]:
        everything = [message.content for message in written_by_bots(world.stage.sandbox, world.side)]
        return [text for text in everything if any(text == f"You said {waited}." for waited in self.waiting)]

    async def tried_in_a_call(self, world: World) -> None:
        for _ in range(2):
            self.waiting.append(f"hello {next(world.numbers)}")
            asked = await world.address(self.waiting[-1])
            await world.reaction(WAITS, asked)


class Vision:
    """Vision: describes pictures."""

    async def works(self, world: World) -> None:
        looks = len(world.engines.vision.looks)
        asked = await world.address("what is this?", [picture()])
        await world.read(lambda m: m.content.startswith("You said"), asked)
        assert len(world.engines.vision.looks) == looks + 1

    async def tried_in_a_call(self, world: World) -> None:
        asked = await world.address("", [picture()])
        await world.read(lambda m: m.content == CANT_LOOK, asked)


class ImageGeneration:
    """Image generation: draws."""

    async def works(self, world: World) -> None:
        asked = await world.say("!draw a red cat")
        await world.read(lambda m: bool(m.attachments), asked)

    async def tried_in_a_call(self, world: World) -> None:
        asked = await world.say("!draw a blue cat")
        await world.read(lambda m: m.content == CANT_DRAW, asked)
        await world.reaction(WAITS, asked)


class VoiceMessages:
    """Voice messages: a text is spoken. If the speech server is gone for good, people are told."""

    async def works(self, world: World) -> None:
        asked = await world.say("!voice-message Dinner is ready.")
        if await world.stage.app.core.engines.speech_server.answers(LIMIT):
            await world.read(lambda m: MessageFlag.VOICE_MESSAGE in m.flags, asked)
        else:
            await world.read(lambda m: m.content == NO_VOICE, asked)

    async def tried_in_a_call(self, world: World) -> None:
        asked = await world.say("!voice-message Dinner is ready.")
        await world.read(lambda m: m.content == CANT_RECORD, asked)


class DualPersona:
    """Dual persona: persona and twin argue. Their lines come through a webhook."""

    async def works(self, world: World) -> None:
        before = len(self._lines(world))
        await world.say("!argue")
        await world.stage.until(lambda: len(self._lines(world)) == before + 2, "an argument")

    async def tried_in_a_call(self, world: World) -> None:
        await world.say("!argue")

    @staticmethod
    def _lines(world: World) -> list[Message]:
        everything = written_by_bots(world.stage.sandbox, world.side)
        return [
            message for message in everything if message.origin is not None and message.origin.webhook_id is not None
        ]


class ProfilePicture:
    """Profile picture: the first change is made on schedule, the next one by command."""

    def __init__(self) -> None:
        self.shown: str | None = None

    async def works(self, world: World) -> None:
        bot = world.stage.sandbox.bot
        if self.shown is not None:
            world.stage.sandbox.world.avatars.reset_rate_limit()
            await world.say("!avatar next")
        await world.stage.until(lambda: bot.avatar not in (None, self.shown), "another picture")
        self.shown = bot.avatar

    async def tried_in_a_call(self, world: World) -> None:
        await world.say("!avatar next")


class AutonomousTalk:
    """Autonomous talk: a post some minutes after a message. The test changes the times in the database."""

    async def works(self, world: World) -> None:
        asked = await world.say("!autonomous on")
        await world.read(lambda m: m.content.startswith("💭"), asked)
        said = await self._say(world, "Nice weather today")
        await self._let_minutes_pass(world)
        await world.read(lambda m: m.content.startswith("You said Nice weather") and m.reference_id is None, said)

    async def tried_in_a_call(self, world: World) -> None:
        await self._say(world, "Nice weather still")
        await self._let_minutes_pass(world)

    @staticmethod
    async def _say(world: World, text: str) -> Message:
        """Ada writes in the side channel. Returns when the feature has recorded it."""
        began = time.time()
        said = await world.say(text)

        async def recorded() -> bool:
            row = await world.stage.app.database.row("SELECT max(heard_at) FROM autonomous_channel")
            return row is not None and row[0] is not None and row[0] >= began

        await wait_until(recorded)
        return said

    @staticmethod
    async def _let_minutes_pass(world: World) -> None:
        statement = "UPDATE autonomous_channel SET heard_at = ?, due_at = 0"
        await world.stage.app.database.write(statement, time.time() - 600)


class ScheduledEvents:
    """Scheduled events: posts an event. One that comes due during a call is posted after it. The test makes it due."""

    def __init__(self) -> None:
        self.owed: str | None = None

    async def works(self, world: World) -> None:
        text = f"It is Monday {next(world.numbers)}"
        asked = await world.say(f"!schedule add 0 12 * * * {text}")
        await world.read(lambda m: text in m.content or "scheduled" in m.content.lower(), asked)
        await self._come_due(world)
        await world.stage.until(lambda: [m for m in world.written(text) if m.content == text], "the event")
        if self.owed is not None:
            assert len([m for m in world.written(self.owed) if m.content == self.owed]) >= 2, (
                "the event that came due during the call was not posted after it"
            )
        self.owed = text

    async def tried_in_a_call(self, world: World) -> None:
        await self._come_due(world)

    @staticmethod
    async def _come_due(world: World) -> None:
        await world.stage.app.database.write("UPDATE scheduled_event SET settled_at = settled_at - 200000")
        for job in world.stage.app.features.get(Scheduled)._scheduler.get_jobs():
            job.modify(next_run_time=datetime.now(UTC))


class FigurineNotifier:
    """Figurine notifier: tells people of new items. Items that appear during a call are told after it. The test makes
    the next look at the feed due.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def works(self, world: World) -> None:
        if not self.entries:
            await world.say("!figurines subscribe")

            async def ready() -> bool:
                """Whether the subscription and the result of the first look are stored."""
                found = "SELECT (SELECT count(*) FROM figurine_subscription), (SELECT count(*) FROM figurine_feed)"
                row = await world.stage.app.database.row(found)
                return row is not None and min(row) == 1

            await wait_until(ready)
        await self._publish(world)

        async def told() -> bool:
            """Whether people were told of all items. Each check makes the bot look at the feed at once: after a look
            that misses the newest item, the next one would come much later.
            """
            await self._make_due(world)
            return all(world.written(entry.title) for entry in self.entries)

        await wait_until(told)
        assert [len(world.written(entry.title)) for entry in self.entries] == [1] * len(self.entries)

    async def tried_in_a_call(self, world: World) -> None:
        await self._publish(world)

    async def _publish(self, world: World) -> None:
        number = next(world.numbers)
        self.entries.insert(0, Entry(f"item-{number}", f"Figurine {number}"))
        world.engines.feeds.source(SHOP).rss(self.entries)
        await self._make_due(world)

    @staticmethod
    async def _make_due(world: World) -> None:
        notifier = world.stage.app.features.get(Notifier)
        await world.stage.app.database.write("UPDATE figurine_feed SET next_look_at = 0")
        notifier._wake.set()


class ProgramRequests:
    """Requests of programs over HTTP: the bot answers them; during a call it refuses them at once."""

    async def works(self, world: World) -> None:
        text = f"hello {next(world.numbers)}"
        status, answer = await self._ask(world, text)
        assert (status, answer.get("reply")) == (200, f"You said {text}."), answer

    async def tried_in_a_call(self, world: World) -> None:
        status, answer = await self._ask(world, "hello")
        assert (status, answer["error"]["code"]) == (409, "in_call")

    @staticmethod
    async def _ask(world: World, text: str) -> tuple[int, dict[str, Any]]:
        url = f"{world.stage.app.web.url}chat"
        async with aiohttp.ClientSession() as session, session.post(url, json={"message": text}) as answer:
            return answer.status, await answer.json()


def picture() -> Upload:
    """A small picture."""
    return Upload("cat.png", make("png"), "image/png", width=64, height=48)


def all_features() -> list[Feature]:
    """One new driver of each kind."""
    return [
        TextChat(),
        Vision(),
        ImageGeneration(),
        VoiceMessages(),
        DualPersona(),
        ProfilePicture(),
        AutonomousTalk(),
        ScheduledEvents(),
        FigurineNotifier(),
        ProgramRequests(),
    ]
