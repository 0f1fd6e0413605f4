"""The measurement of replies: typed prompts to the real bot with a stand-in model and voice, and the times of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from audio.samples import FRAME_SECONDS
from benchmarks.bare_clock_control import BareClockControl
from benchmarks.bare_floor_control import BareFloorControl
from benchmarks.call_music import CallMusic, newest_packet, packets_with_voice
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import (
    AFTER_A_REPLY,
    NO_FURTHER_SETTINGS,
    TAIL_SECONDS,
    TURN_LIMIT,
    MeasuredCall,
    StandIns,
    no_collections,
)
from benchmarks.reply_times import ReplyTimes
from bot.voice.turn import Outcome
from sandbox.guest import Guest
from sandbox.world.entities import Message

PROMPT = "What do you think?"
FIRST_SENTENCE = "Well, that is a good question, and I am glad that you asked it today."
REPLY = (
    f"{FIRST_SENTENCE} There are many ways to look at it, but the simplest one is often the best. "
    "Let me think about it for a moment, and then we can go on from there."
)

Company = Callable[[MeasuredCall], Awaitable[None]]
"""What others do in the call during the measurement, such as talking. It is cancelled at the end."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The times of one run.

    Attributes:
        turns: the bot's replies.
        control: when the packets of the bare clock arrived, in monotonic seconds. The bare clock is another process,
            which does nothing but send packets on time.
        floor: the bare floor's replies, one after each of the bot's; empty if the floor was not measured.
        over_music: the replies over music, which alternated with those in ``turns``; ``None`` if there were none.
    """

    turns: Sequence[ReplyTimes]
    control: Sequence[float]
    floor: Sequence[ReplyTimes] = ()
    over_music: Measured | None = None


async def _nobody(call: MeasuredCall) -> None:
    """Do nothing: nobody else is in the call."""


class ReplyMeasurement:
    """One run of the measurement.

    Args:
        stand_ins: the speed of the engines.
        folder: the bot's data and log.
        progress: called after each turn without music with the number of such turns and of all packets so far.
        settings: further settings of the bot.
        company: the activity of others in the call.
        with_floor: whether the bare floor answers each prompt too, after the bot.
        with_music: whether every second reply is spoken over music.
    """

    def __init__(
        self,
        stand_ins: StandIns,
        folder: Path,
        progress: Callable[[int, int], None],
        *,
        settings: Mapping[str, str] = NO_FURTHER_SETTINGS,
        company: Company = _nobody,
        with_floor: bool = False,
        with_music: bool = False,
    ) -> None:
        self._stand_ins = stand_ins
        self._folder = folder
        self._progress = progress
        self._settings = settings
        self._company = company
        self._with_floor = with_floor
        self._music = CallMusic(folder) if with_music else None
        self._random = Random(1)

    async def run(self, turns: int, packets: int) -> Measured:
        """Measure at least this many turns and packets.

        Raises:
            MeasurementError: the bot or the bare floor ended, did not join, or did not speak to the end.
        """
        async with AsyncExitStack() as stack:
            settings = {**self._settings, **(await self._music.settings() if self._music is not None else {})}
            call = await stack.enter_async_context(MeasuredCall(self._stand_ins, REPLY, self._folder, settings))
            control = await stack.enter_async_context(BareClockControl())
            floor = None
            if self._with_floor:
                floor = await stack.enter_async_context(BareFloorControl(call.model, self._stand_ins.first_audio))
            return await call.while_alive(self._measure(call, control, floor, turns, packets))

    async def _measure(
        self, call: MeasuredCall, control: BareClockControl, floor: BareFloorControl | None, turns: int, packets: int
    ) -> Measured:
        (ada,) = await call.join("Ada")
        turns_of: dict[bool, list[ReplyTimes]] = {False: [], True: []}
        floor_of: dict[bool, list[ReplyTimes]] = {False: [], True: []}
        heard = 0
        # The first replies of the bot and of the floor open connections, so they do not count.
        await self._turns(call, ada, floor)
        async with self._in_company(call):
            control.begin()
            with no_collections():
                while len(turns_of[False]) < turns or heard < packets:
                    for music in (False, True) if self._music is not None else (False,):
                        turn, floor_turn = await self._turns(call, ada, floor, music=music)
                        turns_of[music].append(turn)
                        if floor_turn is not None:
                            floor_of[music].append(floor_turn)
                        heard += len(turn.received)
                    self._progress(len(turns_of[False]), heard)
        over_music = Measured(turns_of[True], control.stream(), floor_of[True]) if self._music is not None else None
        return Measured(turns_of[False], control.stream(), floor_of[False], over_music)

    @asynccontextmanager
    async def _in_company(self, call: MeasuredCall) -> AsyncIterator[None]:
        company = asyncio.ensure_future(self._company(call))
        try:
            yield
        finally:
            company.cancel()
            (failure,) = await asyncio.gather(company, return_exceptions=True)
        if isinstance(failure, Exception):
            raise MeasurementError(f"the activity of others in the call failed: {failure!r}") from failure

    async def _turns(
        self, call: MeasuredCall, ada: Guest, floor: BareFloorControl | None, *, music: bool = False
    ) -> tuple[ReplyTimes, ReplyTimes | None]:
        """Have the bot answer a prompt, and right afterwards the bare floor. So a busy machine slows both down."""
        if self._music is not None:
            await self._music.switch(call, ada, on=music)
            # A reply over music waits for the music's next frame. A prompt follows the frames of the reply before,
            # so without this random pause all replies would wait equally long.
            await asyncio.sleep(self._random.uniform(0.0, FRAME_SECONDS))
        prompt = await ada.say(call.sandbox.text_channel, PROMPT)
        phase = prompt.sent_at - newest_packet(call, prompt.sent_at) if music else None
        turn = await self._turn(call, ada, prompt, music=music)
        if floor is None:
            return turn, None
        return turn, await floor.answer(call.sandbox.world.messages.payload(prompt), FIRST_SENTENCE, phase)

    async def _turn(self, call: MeasuredCall, ada: Guest, prompt: Message, *, music: bool) -> ReplyTimes:
        bot, receiver = call.sandbox.bot_id, ada.voice.receiver
        trace = await call.reply_ended()
        if music:
            await asyncio.sleep(AFTER_A_REPLY)
        else:
            await receiver.wait_for_silence(bot, TAIL_SECONDS, TURN_LIMIT)
        if trace.outcome is not Outcome.SPOKEN:
            raise MeasurementError(f"a reply ended as {trace.outcome.value}, not as spoken")
        try:
            asked = next(times for times in call.model.times if times.requested >= prompt.sent_at)
            spoken = call.first_segment(prompt.sent_at)
            clause = asked.tokens_until(spoken.text.strip())
            sentence = asked.tokens_until(FIRST_SENTENCE)
            received = tuple(packets_with_voice(call, ada, prompt.sent_at) if music else call.voiced(prompt.sent_at))
            if not received:
                raise MeasurementError("a reply was spoken, but no packet of it reached the voice server")
            heard = next(p.arrival for p in receiver.packets(bot) if p.arrival > received[0] and not p.silent)
        except (StopIteration, ValueError) as error:
            raise MeasurementError(f"a turn's times do not fit together: {error!r}") from error
        return ReplyTimes(
            sent=prompt.sent_at,
            model_asked=asked.requested,
            first_token=asked.first_token,
            clause_written=asked.written_at(clause),
            clause_tokens=clause,
            sentence_written=asked.written_at(sentence),
            voice_asked=spoken.received_at,
            first_audio=spoken.first_audio_at,
            received=received,
            heard=heard,
            underruns=trace.underruns,
        )
