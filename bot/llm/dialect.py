"""What one model server takes, as far as its refusals have told."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from bot.llm.refused_fields import FieldPath, RefusedField

_log = logging.getLogger(__name__)


class Dialect:
    """The fields that a server refuses for one model: left out of every request, or sent by another name.

    ``told`` holds the names that were logged already; the dialects of one server share it.
    """

    def __init__(self, told: set[str]) -> None:
        self._told = told
        self._refused: dict[FieldPath, str | None] = {}
        self._folds_system = False

    def learn(self, refused: RefusedField) -> None:
        """The server refuses this field: remembered, and logged once."""
        self._refused[refused.path] = refused.renamed
        self._tell(refused.name, f"The model server refuses {refused.name}; left out from now on.")
        if refused.renamed is not None:
            _log.info("It takes %s instead.", refused.renamed)

    def learn_no_system_role(self) -> None:
        """The model takes no system message: its text opens the first message of the user."""
        self._folds_system = True
        self._tell("system", "The model server refuses the system role; its text opens the first message from now on.")

    def _tell(self, name: str, sentence: str) -> None:
        if name not in self._told:
            self._told.add(name)
            _log.warning("%s", sentence)

    def applied(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The request as this server takes it."""
        spoken = dict(body)
        for path, renamed in self._refused.items():
            spoken = _changed(spoken, path, renamed)
        if self._folds_system:
            spoken = _folded(spoken)
        return spoken


def changed(body: Mapping[str, Any], refused: RefusedField) -> dict[str, Any]:
    """The body without the field, or with it under its new name."""
    return _changed(dict(body), refused.path, refused.renamed)


def folded(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with its system message as the beginning of the user's first."""
    return _folded(dict(body))


def _changed(fields: dict[str, Any], path: FieldPath, renamed: str | None) -> dict[str, Any]:
    name, *deeper = path
    if name not in fields:
        return fields
    rest = {key: value for key, value in fields.items() if key != name}
    if not deeper:
        return rest if renamed is None else {**rest, renamed: fields[name]}
    if not isinstance(fields[name], Mapping):
        return fields
    inner = _changed(dict(fields[name]), tuple(deeper), renamed)
    return {**rest, name: inner} if inner else rest


def _folded(body: dict[str, Any]) -> dict[str, Any]:
    messages = body.get("messages")
    if not isinstance(messages, list):
        return body
    system = [message["content"] for message in messages if message["role"] == "system"]
    rest = [message for message in messages if message["role"] != "system"]
    if not system:
        return body
    if rest and rest[0]["role"] == "user":
        first = {**rest[0], "content": "\n\n".join([*system, rest[0]["content"]])}
        return {**body, "messages": [first, *rest[1:]]}
    return {**body, "messages": [{"role": "user", "content": "\n\n".join(system)}, *rest]}
