"""The cards that PyTorch can use. Needs PyTorch: import it by ``libraries``."""

from __future__ import annotations

import logging

import torch

from tts_server.engines.xtts.device import Card

_log = logging.getLogger(__name__)


def find_cards() -> list[Card]:
    """Every card, with what is free on it."""
    if not torch.cuda.is_available():
        return []
    return [_describe(index) for index in range(torch.cuda.device_count())]


def _describe(index: int) -> Card:
    properties = torch.cuda.get_device_properties(index)
    capability = (properties.major, properties.minor)
    free = _free(index, properties.total_memory)
    return Card(index, properties.name, capability, free, properties.total_memory)


def _free(index: int, total: int) -> int:
    try:
        # From the driver: to ask CUDA itself takes some hundred megabytes of every card that is asked.
        used: int = torch.cuda.device_memory_used(index)
    except Exception as error:  # of the driver's library, of which there are several, and which may not be installed
        _log.debug("The driver doesn't tell how full card %d is: %r", index, error)
        return int(torch.cuda.mem_get_info(index)[0])
    return max(0, total - used)
