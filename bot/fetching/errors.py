"""Errors of fetching."""

from __future__ import annotations


class FetchError(Exception):
    """A file can't be fetched. The text says why, for people, as a part of a sentence: "its server does not answer"."""


class AddressRefusedError(FetchError):
    """An address may not be fetched: it is no web address, or it is not on the public internet."""


class TooLargeError(FetchError):
    """The file has more bytes than allowed, as it comes or when it is unpacked."""
