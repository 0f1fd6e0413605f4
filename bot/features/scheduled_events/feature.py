"""The scheduled events feature: posts texts and files at set times, or after a call that is on then."""

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

from bot.background import FINISH_LIMIT, finish_within_limit
from bot.features.scheduled_events.posting import Poster, PostResult
from bot.features.scheduled_events.records import EventDraft, ScheduledEvent, ScheduleRecords
from bot.features.scheduled_events.times import last_time, next_time, require_future, trigger_of
from bot.work_gate import FeatureHeldError, WorkGate, WorkStoppedError

_log = logging.getLogger(__name__)

GRACE = 3600.0
"""If an event came due while the bot was not running, it is still posted within this number of seconds.

An event with ``skip`` is left out instead.
"""


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """An event and the time of its next post.

    ``next_at`` is in seconds since 1970; ``None`` means that there is no next post. ``missing`` names the permissions
    that the bot lacks to post it.
    """

    event: ScheduledEvent
    next_at: float | None
    missing: tuple[str, ...] = ()


class ScheduledEvents:
    """Posts events that are due. It is paused during a call (:class:`~bot.lease.Lockable`).

    Start :meth:`run` when the bot is ready. The scheduler only wakes this object at the right times. The database row
    of an event decides whether it is due, and is changed before the post. So a post can be missed, but it is never
    made twice.

    Args:
        bot: the client that posts.
        scheduler: an APScheduler scheduler with its job store in memory. It must not be started yet.
        clock: returns seconds since 1970.
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
        self._failed: set[int] = set()
        """The ids of the events of which Discord did not take the last post. Their authors were told so."""
        self._records = records
        self._zone = zone
        self._scheduler = scheduler
        self._clock = clock
        self._gate = WorkGate(self.name)
        self._wake = asyncio.Event()

    async def hold(self, reason: str) -> None:
        """Pause. An event that comes due is postponed, or left out if it has ``skip``."""
        await self._gate.hold(reason)

    async def release(self) -> None:
        """Resume. Postponed events are posted first, in the order in which they were due."""
        await self._gate.release()
        self._wake.set()

    async def run(self) -> None:
        """Post events at their times, until cancelled."""
        self._scheduler.start()
        try:
            for event in await self._records.all():
                if not event.disabled:
                    self._add_job(event)
                    await self._catch_up(event)
            while True:
                self._wake.clear()
                await self._post_postponed()
                await self._wake.wait()
        finally:
            # An event that is being posted counts as handled already. If its posting were cancelled, the post would be
            # lost.
            await self._gate.finish(FINISH_LIMIT)
            self._scheduler.shutdown(wait=False)

    async def add(self, draft: EventDraft) -> PlannedEvent:
        """Add an event to the schedule.

        Raises:
            TimesError: the event's times are not valid, or never come.
            ScheduleFullError: the server has as many events as allowed.
        """
        now = self._clock()
        await asyncio.to_thread(require_future, draft.cron, self._zone, self._local_time(now))
        event = await self._records.find(await self._records.add(draft, now))
        if event is None:
            raise RuntimeError("an event was removed as it was added")
        self._add_job(event)
        return self._planned(event)

    async def remove(self, guild: int, number: int) -> bool:
        """Remove an event of a server from the schedule. Returns False if the server has no event with this id."""
        removed = await self._records.remove(guild, number)
        if removed:
            self._failed.discard(number)
        if removed and self._scheduler.get_job(str(number)):
            self._scheduler.remove_job(str(number))
        return removed

    async def planned(self, guild: int) -> list[PlannedEvent]:
        """The events of a server, oldest first."""
        return [self._planned(event) for event in await self._records.all() if event.guild == guild]

    def _planned(self, event: ScheduledEvent) -> PlannedEvent:
        if event.disabled:
            return PlannedEvent(event, None)
        time = next_time(trigger_of(event.cron, self._zone), self._local_time(self._clock()))
        missing = self._poster.missing(event)
        if missing is None:
            missing = ["write"] if event.refused else []
        return PlannedEvent(event, time.timestamp() if time else None, tuple(missing))

    def _add_job(self, event: ScheduledEvent) -> None:
        self._scheduler.add_job(
            self._fire,
            trigger_of(event.cron, self._zone),
            args=(event.id,),
            id=str(event.id),
            replace_existing=True,
            coalesce=True,
            misfire_grace_time=int(GRACE),
        )

    async def _fire(self, number: int) -> None:
        event = await self._records.find(number)
        if event is None or not self._is_due(event, since=event.handled_until):
            return
        try:
            async with self._gate.work():
                if await self._records.mark_handled(event, self._clock(), postponed=False):
                    await self._post(event)
        except FeatureHeldError:
            await self._postpone(event)
        except WorkStoppedError:
            _log.warning("Scheduled event %d was being posted when %s were paused", event.id, self.name)

    async def _catch_up(self, event: ScheduledEvent) -> None:
        """Postpone an event that came due while the bot was not running, so that it is posted soon.

        If it has ``skip``, this post is left out instead. After more than :data:`GRACE`, its author is told that it was
        not posted.
        """
        if self._is_due(event, since=max(event.handled_until, self._clock() - GRACE)):
            await self._postpone(event)
        elif not event.postponed and self._is_due(event, since=event.handled_until):
            await self._miss(event)

    async def _miss(self, event: ScheduledEvent) -> None:
        if not await self._records.mark_handled(event, self._clock(), postponed=False):
            return
        _log.warning("Scheduled event %d was not posted: the bot was not running when it came due", event.id)
        if not event.skip:
            await self._poster.notify_missed(event)

    async def _postpone(self, event: ScheduledEvent) -> None:
        if await self._records.mark_handled(event, self._clock(), postponed=not event.skip):
            _log.info("Scheduled event %d is %s", event.id, "skipped" if event.skip else "put off")
            # The call may have ended in the meantime. In this case the event is posted now.
            self._wake.set()

    async def _post_postponed(self) -> None:
        """Post the postponed events in the order of their due times, until there are none or this object is paused.

        They are read again before each post. So if a pause prevents a post, this post is made first after the pause.
        """
        while not self._gate.held:
            postponed = [event for event in await self._records.all() if event.postponed and not event.disabled]
            if not postponed:
                return
            await finish_within_limit(self._post_late(min(postponed, key=self._due_order)))

    def _due_order(self, event: ScheduledEvent) -> tuple[float, int]:
        """When the postponed post was due, in seconds since 1970, and the event's id."""
        handled = event.handled_until
        trigger = trigger_of(event.cron, self._zone)
        due = last_time(trigger, self._local_time(handled - GRACE), self._local_time(handled))
        return (due.timestamp() if due else handled, event.id)

    async def _post_late(self, event: ScheduledEvent) -> None:
        try:
            async with self._gate.work():
                if await self._records.take_postponed(event):
                    await self._post(event)
        except FeatureHeldError:
            return
        except WorkStoppedError:
            _log.warning("Scheduled event %d was being posted when %s were paused", event.id, self.name)

    async def _post(self, event: ScheduledEvent) -> None:
        match await self._poster.post(event, await self._records.file(event)):
            case PostResult.POSTED:
                self._failed.discard(event.id)
                if event.refused:
                    await self._records.clear_refusal(event.id)
            case PostResult.REFUSED if await self._records.note_refusal(event.id):
                await self._poster.notify_refused(event)
            case PostResult.FAILED if event.id not in self._failed:
                self._failed.add(event.id)
                await self._poster.notify_failed(event)
            case PostResult.GONE:
                await self._give_up(event)
            case _:
                pass

    async def _give_up(self, event: ScheduledEvent) -> None:
        _log.warning("Scheduled event %d is disabled: its channel is gone", event.id)
        await self._records.disable(event)
        if self._scheduler.get_job(str(event.id)):
            self._scheduler.remove_job(str(event.id))
        await self._poster.notify_gone(event)

    def _is_due(self, event: ScheduledEvent, *, since: float) -> bool:
        time = next_time(trigger_of(event.cron, self._zone), self._local_time(since))
        return time is not None and time.timestamp() <= self._clock()

    def _local_time(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(seconds, self._zone)
