"""The guides name all features that a call pauses, in the order in which they are paused."""

from __future__ import annotations

import importlib
import pkgutil
import re

from bot.feature_set import FEATURES
from tests.docs.pages import DEVELOPER, OPERATOR, lines


def listed(page: str, begin: str, end: str) -> list[str]:
    """The names between two texts of a page, separated by commas."""
    text = " ".join(line.text.strip() for line in lines(page))
    (names,) = re.findall(f"{re.escape(begin)} ([^;:.]+){re.escape(end)}", text)
    return [name.strip() for name in names.split(",")]


def packages() -> list[str]:
    return [builder.build.__module__.rpartition(".")[0] for builder in FEATURES]


def name_in(package: str) -> str:
    """The feature's name in ``!voice-status``. Its package's class with ``hold`` and ``release`` has this name."""
    modules = [module.name for module in pkgutil.iter_modules(importlib.import_module(package).__path__)]
    members = [
        member
        for module in modules
        for member in vars(importlib.import_module(f"{package}.{module}")).values()
        if isinstance(member, type) and hasattr(member, "hold") and hasattr(member, "release")
    ]
    (name,) = {name for member in members if isinstance(name := getattr(member, "name", None), str)}
    return name


def test_the_operator_guide_names_the_features_as_the_status_does() -> None:
    assert listed(OPERATOR, "paused in this order:", "; and they") == [name_in(package) for package in packages()]


def test_the_developer_guide_has_the_packages() -> None:
    listed_packages = listed(DEVELOPER, "paused during a call, in this order:", "; in each")
    assert [f"bot.features.{name}" for name in listed_packages] == packages()
