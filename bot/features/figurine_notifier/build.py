"""Builds the figurine notifier, which sends news from web feeds, if ``FIGURINE_FEEDS`` is set."""

from __future__ import annotations

from bot.check_result import CheckResult
from bot.feature import Feature, FeatureBuilder, FeatureParts, OptionalCommands
from bot.features.figurine_notifier.commands import FigurineCommands
from bot.features.figurine_notifier.feature import FigurineNotifier
from bot.features.figurine_notifier.feeds import FeedRecords
from bot.features.figurine_notifier.fetching import FeedError, Validators, fetch_feed, read_items
from bot.features.figurine_notifier.subscriptions import SubscriptionRecords
from bot.fetching.fetcher import Fetcher
from bot.text import counted
from config.settings import Settings


async def _build(parts: FeatureParts) -> Feature | None:
    settings = parts.settings
    if not settings.figurine.feeds:
        return None
    feeds = FeedRecords(parts.database)
    subscriptions = SubscriptionRecords(parts.database)
    notifier = FigurineNotifier(parts.client, Fetcher(), feeds, subscriptions, settings.figurine)
    return Feature(notifier, (FigurineCommands(notifier, settings.command_prefix),), notifier.run)


async def check(settings: Settings) -> CheckResult:
    """The doctor's check: every feed can be fetched and read."""
    if not settings.figurine.feeds:
        return CheckResult("Feeds", None, "FIGURINE_FEEDS is not set: no figurines are looked for")
    faults, items = [], 0
    fetcher = Fetcher()
    for feed in settings.figurine.feeds:
        try:
            fetched = await fetch_feed(fetcher, feed, Validators())
            items += len(await read_items(fetched.data)) if fetched else 0
        except FeedError as error:
            faults.append(f"{feed}: {error}")
    if faults:
        return CheckResult("Feeds", False, "FIGURINE_FEEDS: " + "; ".join(faults))
    return CheckResult("Feeds", True, f"{len(settings.figurine.feeds)} answered, with {counted(items, 'item')}")


def _missing(settings: Settings) -> str | None:
    return None if settings.figurine.feeds else "FIGURINE_FEEDS"


FIGURINE_NOTIFIER = FeatureBuilder(
    _build,
    check,
    optional_commands=OptionalCommands(("figurines",), subject="News of figurines", missing=_missing),
)
