"""A certificate authority for one run: the voice server's certificate, and a file for those who shall trust it."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

import trustme


class LocalAuthority:
    """Made anew each time; its file is gone after :meth:`close`."""

    def __init__(self) -> None:
        self._authority = trustme.CA()
        self._certificate = self._authority.issue_cert("localhost", "127.0.0.1")
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-ca-")
        self.file = Path(self._folder.name) / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.file))

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
        self._folder.cleanup()
