"""Error messages for failures of RealtimeTTS's engines: whole sentences that say what to do."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator, Mapping

MAX_REASON = 300
"""A library's own error message is cut to about this many characters."""
_UNREACHABLE = frozenset(
    {"APIConnectionError", "ConnectError", "ConnectionError", "ClientConnectorError", "NewConnectionError"}
)
_LATE = frozenset({"APITimeoutError", "ConnectTimeout", "ReadTimeout", "Timeout", "TimeoutException"})


def missing_keys(name: str, variables: Collection[str]) -> str:
    """Return the message for an engine that lacks the keys which ``variables`` should hold."""
    lines = " and ".join(f"{variable}=…" for variable in variables)
    return f"{name} needs a key of its service: write {lines} into .env, with what the service gave you"


def no_sound(name: str, variables: Collection[str], *, online: bool) -> str:
    """Return the message for an engine that made no sound and raised no error."""
    if not online:
        return f"{name} gave no sound for the text; its own messages are in the speech server's log"
    key = f", or does not accept {' or '.join(variables)}" if variables else ""
    return (
        f"{name} gave no sound for the text: its service can't be reached{key}, or does not know the voice; "
        "its own messages are in the speech server's log"
    )


def explain(name: str, error: BaseException, keys: Mapping[str, str]) -> str:
    """Return the message for an engine's error, without a full stop.

    Args:
        name: the engine's name.
        error: the exception that it raised.
        keys: the values of its secrets, by the names of their variables; the message never contains the values.
    """
    variables = " or ".join(keys) or "what it is given"
    status, words = _status(error), one_line(error, keys.values())
    if status in (401, 403):
        return (
            f"{name}'s service does not accept {variables} (it answered {status}): check that it was copied completely"
        )
    if status == 429:
        return f"{name}'s service wants fewer requests, or your quota is used up (it answered 429). It said: {words}"
    if status is not None and status >= 500:
        return f"{name}'s service has a fault of its own (it answered {status}). It said: {words}"
    names = {type(each).__name__ for each in _chain(error)}
    if names & _LATE or any(isinstance(each, TimeoutError) for each in _chain(error)):
        return f"{name}'s service did not answer in time"
    if names & _UNREACHABLE or any(isinstance(each, ConnectionError | socket.gaierror) for each in _chain(error)):
        advice = "check that this machine is online, and that the service's address is right"
        return f"{name}'s service can't be reached: {advice}"
    return f"{name} failed. It said: {words}"


def one_line(error: BaseException, secrets: Collection[str] = ()) -> str:
    """Return an error's message on one line, without ``secrets``; if it is too long, it is cut between words."""
    text = " ".join(str(error).split()) or "nothing"
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    if len(text) > MAX_REASON:
        text = text[:MAX_REASON].rpartition(" ")[0] + " …"
    return text.rstrip(".:")


def _status(error: BaseException) -> int | None:
    for each in _chain(error):
        for place in (each, getattr(each, "response", None)):
            status = getattr(place, "status_code", None)
            if isinstance(status, int):
                return status
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
