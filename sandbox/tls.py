"""A certificate authority for one run: it issues the voice server's certificate, and clients trust its file."""

from __future__ import annotations

import os
import ssl
import tempfile
from contextlib import ExitStack
from pathlib import Path

import trustme


class LocalAuthority:
    """A new certificate authority. :meth:`close` removes its file; on Linux, the end of the process does so too."""

    def __init__(self) -> None:
        self._authority = trustme.CA()
        self._certificate = self._authority.issue_cert("localhost", "127.0.0.1")
        self._kept = ExitStack()
        self.file = _temporary_file(self._authority.cert_pem.bytes(), self._kept)

    def server_context(self) -> ssl.SSLContext:
        """The TLS context for a server on localhost."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._certificate.configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        """The TLS context for a client that trusts only this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._authority.configure_trust(context)
        return context

    def close(self) -> None:
        """Remove the file."""
        self._kept.close()


def _temporary_file(content: bytes, kept: ExitStack) -> Path:
    """Write a file that this user's processes can read until ``kept`` is closed."""
    if not hasattr(os, "memfd_create"):
        folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-ca-")))
        (folder / "ca.pem").write_bytes(content)
        return folder / "ca.pem"
    # A file on the disk would stay when the process is killed. This file is in memory, and the kernel removes it.
    file = kept.enter_context(open(os.memfd_create("sandbox-ca"), "wb", buffering=0))  # noqa: PTH123, SIM115
    file.write(content)
    return Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
