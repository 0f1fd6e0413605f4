"""Tags of languages as programs write them (BCP 47): ``en``, ``de-AT``, ``zh_TW``."""

from __future__ import annotations

from types import MappingProxyType

_SAME_AS = MappingProxyType({"cmn": "zh", "yue": "zh", "nb": "no", "nn": "no", "iw": "he"})
"""Tags of languages that are treated as another one."""


def main_part(tag: str) -> str:
    """The language that a tag stands for, without its country: ``de`` for ``de-AT``, ``zh`` for ``cmn``."""
    main = tag.lower().replace("_", "-").partition("-")[0]
    return _SAME_AS.get(main, main)
