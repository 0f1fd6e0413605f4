"""The phone calls whose streams are awaited, and the one-time tokens with which the streams are opened."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

TOKEN_SECONDS = 15.0
"""Number of seconds for which a token can be used. Twilio opens the stream as soon as it has the TwiML."""
MAX_EXPECTED = 16
"""Largest number of tokens at once. If there are more, the oldest one becomes invalid."""


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """A phone call whose stream has not been opened yet.

    Attributes:
        sid: Twilio's id of the phone call.
        number: the caller's number; empty if the caller withholds it.
        until: time at which its token becomes invalid, in monotonic seconds.
    """

    sid: str
    number: str
    until: float


class ExpectedCalls:
    """The phone calls whose streams are awaited. Use it on the event loop.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._calls: OrderedDict[bytes, ExpectedCall] = OrderedDict()

    def expect(self, sid: str, number: str) -> str:
        """Expect the stream of a phone call. Returns its token."""
        token = secrets.token_urlsafe(32)
        self._calls[_digest(token)] = ExpectedCall(sid, number, self._clock() + TOKEN_SECONDS)
        if len(self._calls) > MAX_EXPECTED:
            self._calls.popitem(last=False)
        return token

    def take(self, token: str, sid: str) -> ExpectedCall | None:
        """Use a token up. Returns its phone call; ``None`` if the token is not valid, or is of another phone call."""
        call = self._calls.get(_digest(token))
        if call is None or self._clock() > call.until:
            return None
        del self._calls[_digest(token)]
        return call if call.sid == sid else None

    def __len__(self) -> int:
        """Number of streams that are still awaited."""
        now = self._clock()
        return sum(now <= call.until for call in self._calls.values())

    @property
    def full(self) -> bool:
        """Whether a further token would make an older one invalid that could still be used."""
        return len(self) >= MAX_EXPECTED

    def drop_late(self) -> list[ExpectedCall]:
        """Forget the phone calls whose streams have not come in time. Returns them."""
        now = self._clock()
        late = {digest: call for digest, call in self._calls.items() if now > call.until}
        for digest in late:
            del self._calls[digest]
        return list(late.values())

    def forget(self, sid: str) -> ExpectedCall | None:
        """Forget a phone call that is over, so that its token is invalid.

        Returns the phone call; ``None`` if it is not expected any more, for example because its stream was opened.
        """
        digest = next((digest for digest, call in self._calls.items() if call.sid == sid), None)
        return self._calls.pop(digest) if digest is not None else None


def _digest(token: str) -> bytes:
    """What is looked up in place of the token, so that the time of a look-up reveals nothing about tokens."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
