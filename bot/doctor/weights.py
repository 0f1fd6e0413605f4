"""The doctor's check of the weights of the bot's own engines, by their checksums."""

from __future__ import annotations

import asyncio

from bot.check_result import CheckResult
from bot.models.model_store import Condition
from bot.own_weights import OwnWeights, RealWeightsMissingError, choose_weights
from config.settings import Settings, Weights


async def examine_weights(settings: Settings) -> tuple[CheckResult, OwnWeights]:
    """Check the weights. Returns the result, and the weights that a start would use."""
    try:
        weights = await asyncio.to_thread(choose_weights, settings, thorough=True)
    except RealWeightsMissingError as error:
        lenient = settings.changed(weights=Weights.AUTO)
        return CheckResult("Weights", False, str(error)), await asyncio.to_thread(choose_weights, lenient)
    # Notices for the log begin with "Weights: ". The doctor shows this subject itself.
    text = "\n  ".join(_lines(settings, weights)).removeprefix("Weights: ")
    return CheckResult("Weights", _verdict(settings, weights), text), weights


def _verdict(settings: Settings, weights: OwnWeights) -> bool | None:
    """``False`` if weights are damaged, ``None`` for toys and other notices, and otherwise ``True``."""
    if Condition.DAMAGED in weights.conditions.values():
        return False
    return None if weights.notices or settings.weights is Weights.TOYS else True


def _lines(settings: Settings, weights: OwnWeights) -> list[str]:
    whole = [name for name, condition in weights.conditions.items() if condition is Condition.COMPLETE]
    lines = [*weights.notices, *(f"{name} is here, and its checksums are right" for name in whole)]
    if settings.weights is Weights.TOYS and (weights.toy_stt or weights.toy_llm):
        lines.append("toys, as WEIGHTS=toys says")
    return lines or ["the bot loads none itself: other servers run its models"]
