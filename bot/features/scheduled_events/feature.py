"""Scheduled events: what is posted at set times, once each, also over calls and restarts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import discord
from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-untyped]

from bot.background import FINISH_LIMIT, undisturbed
from bot.features.scheduled_events.posting import Posted, Poster
from bot.features.scheduled_events.records import Event, EventDraft, ScheduleRecords
from bot.features.scheduled_events.times import next_time, require_future, trigger_of
from bot.work_gate import FeatureHeldError, WorkGate, WorkStoppedError

_log = logging.getLogger(__name__)

GRACE = 3600.0
"""Seconds for which an event that came due while nobody ran is still posted."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An event, and when it comes next: seconds since 1970, ``None`` for never again.

    ``missing`` are the permissions without which it can't be posted now, for people.
    """

    event: Event
    next_at: float | None
    missing: tuple[str, ...] = ()


class ScheduledEvents:
    """Posts what is due; start :meth:`run` when the bot is ready. A ``Lockable`` of the lease.

    The scheduler only wakes us, and all that it knows is made from our own rows at each start: what is due is judged
    by the rows, which are changed before anything is posted. So an event can be missed, but never posted twice.

    Args:
        bot: who posts.
        scheduler: not started yet, with its own store in memory.
        clock: seconds since 1970.
    """

    name = "scheduled events"

    def __init__(
        self,
        bot: discord.Client,
        records: ScheduleRecords,
        zone: ZoneInfo,
        scheduler: AsyncIOScheduler,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._poster = Poster(bot)
        self._records = records
        self._zone = zone
        self._scheduler = scheduler
        self._clock = clock
        self._gate = WorkGate(self.name)
        self._wake = asyncio.Event()

    async def hold(self, reason: str) -> None:
        """Post nothing; what comes due meanwhile is put off, or skipped where it says so."""
        await self._gate.hold(reason)

    async def release(self) -> None:
        """Post again, and first what was put off."""
        await self._gate.release()
        self._wake.set()

    async def run(self) -> None:
        """Keep to the schedule until cancelled."""
        self._scheduler.start()
        try:
            for event in await self._records.all():
                if not event.disabled:
                    self._wake_for(event)
                    await self._catch_up(event)
            while True:
                self._wake.clear()
                await self._pay_debts()
                await self._wake.wait()
        finally:
            # What is being posted is settled already: cut off, it would be lost.
            await self._gate.finish(FINISH_LIMIT)
            self._scheduler.shutdown(wait=False)

    async def add(self, draft: EventDraft) -> Planned:
        """Schedule something.

        Raises:
            TimesError: its times are none.
            ScheduleFullError: the server has too many already.
        """
        now = self._clock()
        await asyncio.to_thread(require_future, draft.cron, self._zone, self._moment(now))
        event = await self._records.find(await self._records.add(draft, now))
        if event is None:
            raise RuntimeError("an event was removed as it was added")
        self._wake_for(event)
        return self._planned(event)

    async def remove(self, guild: int, number: int) -> bool:
        """Take an event of a server off the schedule; False when it has none of that id."""
        removed = await self._records.remove(guild, number)
        if removed and self._scheduler.get_job(str(number)):
            self._scheduler.remove_job(str(number))
        return removed

    async def planned(self, guild: int) -> list[Planned]:
        """The schedule of a server, oldest entry first."""
        return [self._planned(event) for event in await self._records.all() if event.guild == guild]

    def _planned(self, event: Event) -> Planned:
        if event.disabled:
            return Planned(event, None)
        time = next_time(trigger_of(event.cron, self._zone), self._moment(self._clock()))
        missing = self._poster.missing(event)
        if missing is None:
            missing = ["write"] if event.refused else []
        return Planned(event, time.timestamp() if time else None, tuple(missing))

    def _wake_for(self, event: Event) -> None:
        self._scheduler.add_job(
            self._look_at,
            trigger_of(event.cron, self._zone),
            args=(event.id,),
            id=str(event.id),
            replace_existing=True,
            coalesce=True,
            misfire_grace_time=int(GRACE),
        )

    async def _look_at(self, number: int) -> None:
        event = await self._records.find(number)
        if event is None or not self._is_due(event, since=event.settled_at):
            return
        try:
            async with self._gate.work():
                if await self._records.settle(event, self._clock(), owed=False):
                    await self._post(event)
        except FeatureHeldError:
            await self._put_off(event)
        except WorkStoppedError:
            _log.warning("Scheduled event %d was being posted when %s were held", event.id, self.name)

    async def _catch_up(self, event: Event) -> None:
        """Deal with what came due while nobody ran."""
        if self._is_due(event, since=max(event.settled_at, self._clock() - GRACE)):
            await self._put_off(event)

    async def _put_off(self, event: Event) -> None:
        if await self._records.settle(event, self._clock(), owed=not event.skip):
            _log.info("Scheduled event %d is %s", event.id, "skipped" if event.skip else "put off")
            # The call may have ended since we were refused.
            self._wake.set()

    async def _pay_debts(self) -> None:
        for event in await self._records.all():
            if event.owed:
                await undisturbed(self._pay(event))

    async def _pay(self, event: Event) -> None:
        try:
            async with self._gate.work():
                if await self._records.pay(event):
                    await self._post(event)
        except FeatureHeldError:
            return
        except WorkStoppedError:
            _log.warning("Scheduled event %d was being posted when %s were held", event.id, self.name)

    async def _post(self, event: Event) -> None:
        match await self._poster.post(event, await self._records.file(event)):
            case Posted.YES if event.refused:
                await self._records.allow(event.id)
            case Posted.REFUSED if await self._records.refuse(event.id):
                await self._poster.tell_refused(event)
            case Posted.GONE:
                await self._give_up(event)
            case _:
                pass

    async def _give_up(self, event: Event) -> None:
        _log.warning("Scheduled event %d is disabled: its channel is gone", event.id)
        await self._records.disable(event)
        if self._scheduler.get_job(str(event.id)):
            self._scheduler.remove_job(str(event.id))
        await self._poster.tell_gone(event)

    def _is_due(self, event: Event, *, since: float) -> bool:
        time = next_time(trigger_of(event.cron, self._zone), self._moment(since))
        return time is not None and time.timestamp() <= self._clock()

    def _moment(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(seconds, self._zone)
