"""How much computing power an engine needs, compared with other engines. Low-performance mode uses this."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tts_server.engines.base import SpeechEngine

_LIGHT: Mapping[str, int] = MappingProxyType({"espeak": 0, "espeak-ng": 0, "piper": 1, "kokoro": 2})
"""The engines that are light enough for a processor, by their names for people. The lightest has the lowest number."""


def needs_more_computing(engine: SpeechEngine, than: SpeechEngine) -> bool:
    """Whether ``engine`` needs more computing power than the engine ``than``.

    Engines that are not known to be light count as equally heavy.
    """
    heaviest = len(_LIGHT)
    return _LIGHT.get(engine.name, heaviest) > _LIGHT.get(than.name, heaviest)
