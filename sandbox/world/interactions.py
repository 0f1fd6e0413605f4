"""Interactions: a person uses a command or button, and the bot responds. The first response must come within 3 s."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.world import payloads
from sandbox.world.bus import Dispatch, StateChanged
from sandbox.world.commands import Commands, OptionKind
from sandbox.world.directory import Directory
from sandbox.world.entities import Application, Channel, Draft, Json, Message, MessageFlag, Origin, Upload, User
from sandbox.world.errors import RestError, unknown
from sandbox.world.interaction_entities import CallbackKind, Interaction, InteractionKind
from sandbox.world.messages import Messages

FIRST_RESPONSE_S = 3.0
"""A first response that comes later than this many seconds after the interaction is refused."""
TOKEN_LIFE_S = 900.0
"""Seconds for which an interaction's token is valid."""
ATTACHMENT_LIMIT = 10 * 1024 * 1024


class Interactions:
    """All interactions with their responses and tokens.

    Args:
        directory: users and channels.
        messages: posts the responses.
        commands: the registered commands.
        clock: returns monotonic seconds, for the time limits.
    """

    def __init__(
        self, directory: Directory, messages: Messages, commands: Commands, clock: Callable[[], float]
    ) -> None:
        self._directory = directory
        self._messages = messages
        self._commands = commands
        self._clock = clock
        self._by_token: dict[str, Interaction] = {}

    # Actions of a person.

    def press(self, user: User, channel: Channel, command: str, values: Mapping[str, Any]) -> Interaction:
        """Use a slash command. ``command`` is the command's name, with sub-commands after spaces.

        Raises:
            CommandError: Discord's client would not allow it.
        """
        name, *words = command.split()
        app, registered = self._commands.find(name, channel.guild_id)
        files = {
            option: self._messages.store_upload(channel, value)
            for option, value in values.items()
            if isinstance(value, Upload)
        }
        data = self._commands.fill(registered, words, {**values, **files}, channel.guild_id)
        return self._begin(InteractionKind.COMMAND, app, user, channel, data)

    def complete(self, user: User, channel: Channel, command: str, option: str, typed: str) -> Interaction:
        """Type into an option that has suggestions. ``command`` is a command's name, with sub-commands after spaces."""
        name, *words = command.split()
        app, registered = self._commands.find(name, channel.guild_id)
        options: list[Json] = [{"name": option, "type": OptionKind.STRING, "value": typed, "focused": True}]
        for kind, word in zip((OptionKind.SUB_COMMAND, OptionKind.SUB_COMMAND_GROUP), reversed(words), strict=False):
            options = [{"name": word, "type": kind, "options": options}]
        data: Json = {"id": registered["id"], "name": name, "type": registered["type"], "options": options}
        return self._begin(InteractionKind.AUTOCOMPLETE, app, user, channel, data)

    def click(self, user: User, message: Message, custom_id: str, values: Sequence[str] | None = None) -> Interaction:
        """Press a button of a message, or choose ``values`` in a menu of texts.

        Raises:
            RestError: the message has no such button, or no bot posted it (10008).
        """
        app = self._directory.application_of_bot(message.author.id)
        if app is None or custom_id not in _custom_ids(list(message.components)):
            raise unknown("Message")
        data: Json = {"custom_id": custom_id, "component_type": 2}
        if values is not None:
            data |= {"component_type": 3, "values": [*values]}
        channel = self._directory.channel(message.channel_id)
        return self._begin(InteractionKind.COMPONENT, app, user, channel, data, source=message)

    # Actions of the bot.

    def respond(self, interaction_id: int, token: str, kind: int, data: Json, draft: Draft) -> Json:
        """Take the first response to an interaction.

        Args:
            interaction_id: the interaction's id.
            token: the interaction's token.
            kind: a :class:`CallbackKind`.
            data: the response's data, as the bot sent it.
            draft: the same data, read as a message.

        Returns:
            The JSON of the response, which Discord returns for ``with_response``.

        Raises:
            RestError: the interaction is unknown or more than three seconds old (10062), it was answered before
                (40060), or the kind of response does not fit the interaction (50035).
        """
        interaction = self._by_token.get(token)
        if interaction is None or interaction.id != interaction_id:
            raise unknown("interaction")
        if interaction.answered is not None:
            raise RestError(400, 40060, "Interaction has already been acknowledged.")
        if self._clock() - interaction.pressed_at > FIRST_RESPONSE_S:
            raise unknown("interaction")
        callback = _callback_for(interaction, kind)
        shown = self._first_message(interaction, callback, draft)
        interaction.answered, interaction.answered_at, interaction.answer = callback, self._clock(), data
        self._directory.bus.publish(StateChanged())
        if shown is not None:
            self._show(interaction, shown)
        return self._callback_payload(interaction, callback, shown)

    def follow_up(self, app_id: int, token: str, draft: Draft) -> Message:
        """Post a further response. The first response after "… is thinking" replaces that message."""
        interaction = self._answered(app_id, token)
        original = interaction.original
        if original is not None and original.is_loading:
            return self._fill(interaction, original, draft)
        message = self._post(interaction, draft)
        self._show(interaction, message)
        return message

    def message(self, app_id: int, token: str, message_id: int | None) -> Message:
        """Get a response. If ``message_id`` is ``None``, get the first response."""
        interaction = self._answered(app_id, token)
        if message_id is None:
            if interaction.original is None:
                raise unknown("Message")
            return interaction.original
        return self._messages.get(interaction.channel.id, message_id)

    def edit(self, app_id: int, token: str, message: Message, draft: Draft, keep: frozenset[int] | None) -> Message:
        """Edit a response. The message "… is thinking" becomes the draft."""
        interaction = self._answered(app_id, token)
        if message.is_loading:
            return self._fill(interaction, message, draft)
        self._messages.edit(message, draft, keep_attachments=keep)
        self._show(interaction, message)
        return message

    def delete(self, app_id: int, token: str, message: Message) -> None:
        """Delete a response."""
        interaction = self._answered(app_id, token)
        self._messages.delete(message)
        if message in interaction.shown:
            interaction.shown.remove(message)
        if interaction.original is message:
            interaction.original = None

    def _begin(
        self,
        kind: InteractionKind,
        app: Application,
        user: User,
        channel: Channel,
        data: Json,
        source: Message | None = None,
    ) -> Interaction:
        token = secrets.token_urlsafe(48)
        new = Interaction(self._directory.ids.next(), kind, app, user, channel, token, self._clock(), source)
        self._by_token[token] = new
        self._directory.bus.publish(
            Dispatch("INTERACTION_CREATE", self._payload(new, data), only=frozenset({app.bot.id}))
        )
        return new

    def _payload(self, interaction: Interaction, data: Json) -> Json:
        channel, user = interaction.channel, interaction.user
        guild_id = channel.guild_id
        payload: Json = {
            "id": str(interaction.id),
            "application_id": str(interaction.app.id),
            "type": int(interaction.kind),
            "data": data,
            "token": interaction.token,
            "version": 1,
            "channel_id": str(channel.id),
            "channel": payloads.channel(channel),
            "locale": "en-US",
            "app_permissions": str(int(self._directory.permissions(interaction.app.bot.id, channel))),
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(guild_id or 0)},
            "context": 0 if guild_id else 1,
            "attachment_size_limit": ATTACHMENT_LIMIT,
        }
        if interaction.source is not None:
            payload["message"] = self._messages.payload(interaction.source)
        if guild_id is None:
            return payload | {"user": payloads.user(user)}
        member = payloads.member(self._directory.member(guild_id, user.id))
        member["permissions"] = str(int(self._directory.permissions(user.id, channel)))
        guild = {"id": str(guild_id), "locale": "en-US", "features": []}
        return payload | {"guild_id": str(guild_id), "guild": guild, "guild_locale": "en-US", "member": member}

    def _answered(self, app_id: int, token: str) -> Interaction:
        interaction = self._by_token.get(token)
        if interaction is None or interaction.app.id != app_id or interaction.answered is None:
            raise unknown("Webhook")
        if self._clock() - interaction.pressed_at > TOKEN_LIFE_S:
            raise RestError(401, 50027, "Invalid Webhook Token")
        return interaction

    def _first_message(self, interaction: Interaction, callback: CallbackKind, draft: Draft) -> Message | None:
        match callback:
            case CallbackKind.MESSAGE:
                interaction.original = self._post(interaction, draft)
            case CallbackKind.DEFERRED_MESSAGE:
                loading = draft.flags & MessageFlag.EPHEMERAL | MessageFlag.LOADING
                interaction.original = self._post(interaction, Draft(flags=loading))
                return None
            case CallbackKind.UPDATE if interaction.source is not None:
                interaction.original = self._messages.edit(interaction.source, draft)
            case CallbackKind.DEFERRED_UPDATE:
                interaction.original = interaction.source
                return None
            case _:
                return None
        return interaction.original

    def _post(self, interaction: Interaction, draft: Draft) -> Message:
        origin = Origin(interaction.app.id, interaction.app.id, interaction.metadata)
        reader = interaction.user.id if MessageFlag.EPHEMERAL in draft.flags else None
        return self._messages.post(interaction.channel, interaction.app.bot, draft, origin=origin, visible_to=reader)

    def _fill(self, interaction: Interaction, loading: Message, draft: Draft) -> Message:
        # The deferred response has decided whether the message is ephemeral.
        flags = draft.flags & ~MessageFlag.EPHEMERAL | loading.flags & MessageFlag.EPHEMERAL
        self._messages.edit(loading, dataclasses.replace(draft, flags=flags & ~MessageFlag.LOADING))
        self._show(interaction, loading)
        return loading

    def _show(self, interaction: Interaction, message: Message) -> None:
        if message not in interaction.shown:
            interaction.shown.append(message)
        self._directory.bus.publish(StateChanged())

    def _callback_payload(self, interaction: Interaction, callback: CallbackKind, shown: Message | None) -> Json:
        original = interaction.original
        answer: Json = {"id": str(interaction.id), "type": int(interaction.kind)}
        resource: Json = {"type": int(callback)}
        if original is not None:
            answer |= {
                "response_message_id": str(original.id),
                "response_message_loading": original.is_loading,
                "response_message_ephemeral": original.is_ephemeral,
            }
            if shown is not None or original.is_loading:
                resource["message"] = self._messages.payload(original)
        return {"interaction": answer, "resource": resource}


def _callback_for(interaction: Interaction, kind: int) -> CallbackKind:
    fitting = {
        InteractionKind.COMMAND: (CallbackKind.MESSAGE, CallbackKind.DEFERRED_MESSAGE),
        InteractionKind.COMPONENT: tuple(set(CallbackKind) - {CallbackKind.AUTOCOMPLETE}),
        InteractionKind.AUTOCOMPLETE: (CallbackKind.AUTOCOMPLETE,),
    }[interaction.kind]
    if kind not in fitting:
        raise RestError(400, 50035, "Invalid Form Body", {"type": {"_errors": [{"code": "BASE_TYPE_CHOICES"}]}})
    return CallbackKind(kind)


def _custom_ids(components: list[Json]) -> set[str]:
    found = {str(each["custom_id"]) for each in components if "custom_id" in each}
    for each in components:
        found |= _custom_ids(each.get("components", []))
    return found
