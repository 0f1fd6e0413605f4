"""Finds the mentions in a text that may notify people according to ``allowed_mentions``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.world.entities import Json

_USER = re.compile(r"<@!?(\d{15,20})>")
_ROLE = re.compile(r"<@&(\d{15,20})>")
_EVERYONE = re.compile(r"@(everyone|here)\b")


@dataclass(frozen=True, slots=True)
class Mentions:
    """The mentions of a text. Ids are in their order in the text, without repeats."""

    users: tuple[int, ...]
    roles: tuple[int, ...]
    everyone: bool
    replied_user: bool


def find_mentions(content: str, allowed: Json | None) -> Mentions:
    """Find the mentions of a text. ``allowed`` is the message's ``allowed_mentions``; ``None`` allows all."""
    users = tuple(dict.fromkeys(int(found) for found in _USER.findall(content)))
    roles = tuple(dict.fromkeys(int(found) for found in _ROLE.findall(content)))
    everyone = _EVERYONE.search(content) is not None
    if allowed is None:
        return Mentions(users, roles, everyone, replied_user=True)
    parse = allowed.get("parse", [])
    return Mentions(
        users if "users" in parse else _listed(users, allowed.get("users")),
        roles if "roles" in parse else _listed(roles, allowed.get("roles")),
        everyone and "everyone" in parse,
        bool(allowed.get("replied_user", False)),
    )


def _listed(found: tuple[int, ...], listed: list[str | int] | None) -> tuple[int, ...]:
    wanted = {int(each) for each in listed or []}
    return tuple(each for each in found if each in wanted)
