"""A certificate authority for one run: the voice server's certificate, and a file for those who shall trust it."""

from __future__ import annotations

import os
import ssl
import tempfile
from contextlib import ExitStack
from pathlib import Path

import trustme


class LocalAuthority:
    """Made anew each time; its file is gone after :meth:`close`, and on Linux also when the process was killed."""

    def __init__(self) -> None:
        self._authority = trustme.CA()
        self._certificate = self._authority.issue_cert("localhost", "127.0.0.1")
        self._kept = ExitStack()
        self.file = _passing_file(self._authority.cert_pem.bytes(), self._kept)

    def server_context(self) -> ssl.SSLContext:
        """For a server on localhost."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._certificate.configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        """For a client that trusts this authority and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._authority.configure_trust(context)
        return context

    def close(self) -> None:
        """Remove the file."""
        self._kept.close()


def _passing_file(content: bytes, kept: ExitStack) -> Path:
    """A file for this process and others of the same person, for as long as ``kept`` is open."""
    if not hasattr(os, "memfd_create"):
        folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-ca-")))
        (folder / "ca.pem").write_bytes(content)
        return folder / "ca.pem"
    # In memory alone, which the kernel frees with the process: a file on the disk would outlive a kill.
    file = kept.enter_context(open(os.memfd_create("sandbox-ca"), "wb", buffering=0))  # noqa: PTH123, SIM115
    file.write(content)
    return Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
