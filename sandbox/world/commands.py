"""Registered slash commands, and filling in their options."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any

from sandbox.world import message_payloads, payloads
from sandbox.world.bus import StateChanged
from sandbox.world.directory import Directory
from sandbox.world.entities import Application, Attachment, Channel, Json, Role, User
from sandbox.world.errors import RestError, invalid_form, unknown

MAX_COMMANDS = 100
MAX_OPTIONS = 25
_NAME = re.compile(r"[-_'\w]{1,32}")
CHAT_INPUT = 1


class OptionKind(IntEnum):
    """Types of command options."""

    SUB_COMMAND = 1
    SUB_COMMAND_GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


class CommandError(Exception):
    """A guest used a command in a way that Discord's client does not allow."""


class Commands:
    """The commands of all applications: global ones (guild ``None``) and those of single guilds."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._registered: dict[tuple[int, int | None], dict[int, Json]] = {}

    def registered(self, app: Application, guild_id: int | None) -> list[Json]:
        """The commands of an application in a guild, or its global ones."""
        return [*self._place(app, guild_id).values()]

    def replace_all(self, app: Application, guild_id: int | None, commands: list[Json]) -> list[Json]:
        """Replace all commands of an application in a guild. A command that keeps its name keeps its id.

        Raises:
            RestError: a command is malformed (50035) or there are too many (30032).
        """
        if len(commands) > MAX_COMMANDS:
            raise RestError(400, 30032, f"Maximum number of application commands reached ({MAX_COMMANDS})")
        ids = {(it["name"], it["type"]): it["id"] for it in self._place(app, guild_id).values()}
        made = [self._make(app, guild_id, command, ids, str(i)) for i, command in enumerate(commands)]
        self._registered[app.id, guild_id] = {int(it["id"]): it for it in made}
        self._directory.bus.publish(StateChanged())
        return made

    def put(self, app: Application, guild_id: int | None, command: Json) -> Json:
        """Register a command. It replaces a command of the same name."""
        others = [it for it in self.registered(app, guild_id) if it["name"] != command.get("name")]
        return self.replace_all(app, guild_id, [*others, command])[-1]

    def get(self, app: Application, guild_id: int | None, command_id: int) -> Json:
        """Get a command. Error 10063 if it does not exist."""
        command = self._place(app, guild_id).get(command_id)
        if command is None:
            raise unknown("application command")
        return command

    def delete(self, app: Application, guild_id: int | None, command_id: int) -> None:
        """Delete a command. Error 10063 if it does not exist."""
        self.get(app, guild_id, command_id)
        del self._place(app, guild_id)[command_id]

    def has(self, name: str, guild_id: int | None) -> bool:
        """Whether a command of this name can be used in the guild."""
        return any(
            place in (None, guild_id) and any(command["name"] == name for command in commands.values())
            for (_, place), commands in self._registered.items()
        )

    def find(self, name: str, guild_id: int | None) -> tuple[Application, Json]:
        """Find the command of this name that can be used in the guild. The guild's own commands come first.

        Raises:
            CommandError: there is no such command.
        """
        for place in dict.fromkeys((guild_id, None)):
            for (app_id, registered_in), commands in self._registered.items():
                for command in commands.values():
                    if registered_in == place and command["name"] == name:
                        return self._directory.applications[app_id], command
        known = sorted({it["name"] for commands in self._registered.values() for it in commands.values()})
        raise CommandError(f"there is no command /{name}; the registered commands are {known}")

    def fill(self, command: Json, words: list[str], values: Mapping[str, Any], guild_id: int | None) -> Json:
        """Fill in a command's options; returns the data of an interaction.

        Args:
            command: the registered command.
            words: the sub-command's names; empty for a plain command.
            values: the options by name. Users, channels, roles and files are passed as objects.
            guild_id: the guild; ``None`` for direct messages.

        Raises:
            CommandError: an option is missing, unknown or of the wrong type.
        """
        data: Json = {"id": command["id"], "name": command["name"], "type": command["type"], "resolved": {}}
        if command.get("guild_id"):
            data["guild_id"] = command["guild_id"]
        data["options"] = self._options(command, words, values, data["resolved"], guild_id)
        return data

    def _options(
        self, node: Json, words: list[str], values: Mapping[str, Any], resolved: Json, guild_id: int | None
    ) -> list[Json]:
        declared = {option["name"]: option for option in node.get("options", [])}
        if words:
            below = declared.get(words[0])
            if below is None or below["type"] not in (OptionKind.SUB_COMMAND, OptionKind.SUB_COMMAND_GROUP):
                raise CommandError(f"/{node['name']} has no sub-command {words[0]}")
            inner = self._options(below, words[1:], values, resolved, guild_id)
            return [{"name": below["name"], "type": below["type"], "options": inner}]
        missing = [name for name, option in declared.items() if option.get("required") and name not in values]
        if missing or values.keys() - declared.keys():
            raise CommandError(f"/{node['name']} takes {sorted(declared)}, not {sorted(values)}; missing: {missing}")
        return [self._filled(declared[name], value, resolved, guild_id) for name, value in values.items()]

    def _filled(self, option: Json, value: object, resolved: Json, guild_id: int | None) -> Json:
        kind = OptionKind(option["type"])
        filled: Json = {"name": option["name"], "type": int(kind)}
        match kind, value:
            case OptionKind.STRING, str():
                filled["value"] = value
            case OptionKind.BOOLEAN, bool():
                filled["value"] = value
            case (OptionKind.INTEGER, int()) | (OptionKind.NUMBER, int() | float()):
                filled["value"] = value
            case OptionKind.CHANNEL, Channel():
                filled["value"] = str(value.id)
                self._resolve(value, resolved, guild_id)
            case OptionKind.ROLE | OptionKind.MENTIONABLE, Role():
                filled["value"] = str(value.id)
                self._resolve(value, resolved, guild_id)
            case OptionKind.USER | OptionKind.MENTIONABLE, User():
                filled["value"] = str(value.id)
                self._resolve(value, resolved, guild_id)
            case OptionKind.ATTACHMENT, Attachment():
                filled["value"] = str(value.id)
                self._resolve(value, resolved, guild_id)
            case _:
                raise CommandError(f"{option['name']} is a {kind.name.lower()}, not {value!r}")
        return filled

    def _resolve(self, value: Attachment | Channel | Role | User, resolved: Json, guild_id: int | None) -> None:
        key = str(value.id)
        match value:
            case Attachment():
                resolved.setdefault("attachments", {})[key] = message_payloads.attachment(value)
            case Channel():
                # Discord gives the user's permissions in that channel. Here they are always 0.
                resolved.setdefault("channels", {})[key] = payloads.channel(value) | {"permissions": "0"}
            case Role():
                resolved.setdefault("roles", {})[key] = payloads.role(value)
            case User():
                resolved.setdefault("users", {})[key] = payloads.user(value)
                member = self._directory.find_member(guild_id, value.id)
                if member is not None:
                    resolved.setdefault("members", {})[key] = payloads.bare_member(member) | {"permissions": "0"}

    def _place(self, app: Application, guild_id: int | None) -> dict[int, Json]:
        return self._registered.setdefault((app.id, guild_id), {})

    def _make(self, app: Application, guild_id: int | None, command: Json, ids: Mapping[Any, str], path: str) -> Json:
        kind = command.get("type", CHAT_INPUT)
        if kind not in (1, 2, 3):
            raise invalid_form(f"{path}.type", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3}.")
        for field, code, message in _faults(command, kind):
            raise invalid_form(f"{path}.{field}", code, message)
        known = ids.get((command["name"], kind))
        made = {
            "description": "",
            "options": [],
            "default_member_permissions": None,
            "nsfw": False,
            **command,
            "id": known or str(self._directory.ids.next()),
            "application_id": str(app.id),
            "type": kind,
            "version": str(self._directory.ids.next()),
        }
        return made | ({"guild_id": str(guild_id)} if guild_id else {})


def _faults(node: Json, kind: int) -> Iterator[tuple[str, str, str]]:
    name = node.get("name")
    if not isinstance(name, str) or not name:
        yield "name", "BASE_TYPE_REQUIRED", "This field is required"
    elif kind == CHAT_INPUT and (not _NAME.fullmatch(name) or name != name.lower()):
        yield "name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid"
    if kind != CHAT_INPUT:
        return
    description = node.get("description")
    if not isinstance(description, str) or not 1 <= len(description) <= 100:
        yield "description", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."
    options = node.get("options", [])
    if not isinstance(options, list) or len(options) > MAX_OPTIONS:
        yield "options", "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_OPTIONS} or fewer in length."
        return
    for i, option in enumerate(options):
        if not isinstance(option, dict) or option.get("type") not in [*OptionKind]:
            yield f"options.{i}.type", "BASE_TYPE_CHOICES", "Not an option of a known type."
            return
        for field, code, message in _faults(option, CHAT_INPUT):
            yield f"options.{i}.{field}", code, message
