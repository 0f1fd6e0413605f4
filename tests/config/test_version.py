"""Tests that the package, the code and the user agent have the same version."""

from __future__ import annotations

import tomllib

from bot.identity import USER_AGENT
from config.project import ROOT
from config.version import VERSION


def test_the_code_and_the_user_agent_have_the_version_of_the_package() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert package["version"] == VERSION
    assert USER_AGENT.startswith(f"Seiyuu/{VERSION} ")
