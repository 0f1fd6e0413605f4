"""Language tags (BCP 47) such as ``en``, ``de-AT`` and ``zh_TW``."""

from __future__ import annotations

from types import MappingProxyType

_SAME_AS = MappingProxyType({"cmn": "zh", "yue": "zh", "nb": "no", "nn": "no", "iw": "he"})
"""Tags of languages that are treated as another language."""


def primary_language(tag: str) -> str:
    """The primary language of a tag, without script and region: ``de`` for ``de-AT``, ``zh`` for ``cmn``."""
    main = tag.lower().replace("_", "-").partition("-")[0]
    return _SAME_AS.get(main, main)
