"""Errors of fetching."""

from __future__ import annotations


class FetchError(Exception):
    """A file can't be fetched. The text says why, for people, as a part of a sentence: "its server does not answer"."""


class AddressRefusedError(FetchError):
    """An address may not be fetched: it is no web address, or it is not on the public internet."""


class HostRefusedError(AddressRefusedError):
    """An address may not be fetched, because its host is not one of those that were allowed.

    Attributes:
        host: the host, as it was asked for. A server that redirects may have chosen it.
    """

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is not an allowed host")
        self.host = host


class TooLargeError(FetchError):
    """The file has more bytes than allowed, as it comes or when it is unpacked."""
