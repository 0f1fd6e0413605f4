"""Checks of web addresses, origins and paths in settings."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from config.errors import shown

MAX_PORT = 65_535
ANY_ORIGIN = "*"
PROTOCOL, PLAIN = "protocol", "plain"
"""The parameter of a speech server's address that says how the server answers, and the parameter's only value: the
server sends bare sound, and no events."""
_WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def web_address(text: str, scheme: str, *, named: bool = False) -> str:
    """Return ``text`` if it is a valid address.

    Args:
        scheme: ``http`` or ``ws``. The same scheme with TLS (``https`` or ``wss``) is allowed too.
        named: whether the setting holds several addresses, so that an error must name the wrong one.

    Raises:
        ValueError: the address is not valid. The message completes "X is not valid. …".
    """
    wrong = _wrong_with(text, scheme)
    if wrong is not None:
        which = f"{text[:60]!r} must be" if named and "@" not in text else "each must be" if named else "it must be"
        raise ValueError(f"{which} an address {wrong}")
    return text


def _wrong_with(text: str, scheme: str) -> str | None:
    begins = f"that begins with {scheme}:// or {scheme}s://"
    try:
        parts = urlsplit(text)
        if parts.scheme not in (scheme, f"{scheme}s") or not parts.hostname:
            return begins
        if re.search(r"\s", text):
            return "without blanks"
        if "@" in parts.netloc:
            return "without a user name and a password in it"
        if parts.netloc.endswith(":") or parts.port == 0:
            return f"whose port is a number from 1 to {MAX_PORT}"
        if scheme == "ws" and parse_qs(parts.query, keep_blank_values=True).get(PROTOCOL, [PLAIN]) != [PLAIN]:
            return f"that ends with ?{PROTOCOL}={PLAIN} if the server sends bare sound, and otherwise names no protocol"
    except ValueError:
        return f"whose port is a number from 1 to {MAX_PORT}" if "[" not in text else begins
    return None


def read_origin(text: str) -> str:
    """An origin as browsers write it, or :data:`ANY_ORIGIN`.

    Raises:
        ValueError: the origin is not valid. The message has an example.
    """
    origin = text.strip().lower().removesuffix("/")
    if origin == ANY_ORIGIN:
        return origin
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https", "app", "tauri") or not parts.netloc or parts.path or parts.query:
        raise ValueError(f"{shown(text)} is not an origin, which looks like http://localhost:8000")
    default_port = {"http": 80, "https": 443}.get(parts.scheme)
    # Browsers omit the default port.
    return f"{parts.scheme}://{parts.netloc.removesuffix(f':{default_port}') if port == default_port else parts.netloc}"


def read_host(text: str) -> str:
    """The name of a host on the internet as DNS knows it: in lower case, without a dot at its end.

    A whole address without a path counts as its host.

    Raises:
        ValueError: it is not the name of a host. The message has an example.
    """
    name = re.sub(r"^https?://", "", text.strip().lower()).removesuffix("/").removesuffix(".")
    try:
        name = name.encode("idna").decode() if not name.isascii() else name
    except UnicodeError:
        name = ""
    if len(name) > 253 or re.fullmatch(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", name) is None:
        raise ValueError(f"{shown(text)} is not the name of a host, which looks like music.example.org")
    return name


def host_and_port(bind: str) -> tuple[str, int]:
    """Split the address on which a server listens, such as ``[::1]:8765``. The host has no brackets."""
    host, _, port = bind.rpartition(":")
    return host.strip("[]"), int(port)


def only_this_machine_can_connect(bind: str) -> bool:
    """Whether only programs on this machine can connect to a server that listens on this address."""
    host, _ = host_and_port(bind)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def local_path(text: str) -> str:
    """A path of this machine, with ``~`` replaced by the home folder.

    Raises:
        ValueError: the path is not valid.
    """
    text = text.strip()
    if _WINDOWS_PATH.match(text):
        raise ValueError("it must be a path as Linux writes it; in WSL, C:\\Users is /mnt/c/Users")
    if not text.startswith("~"):
        return text
    try:
        return str(Path(text).expanduser())
    except RuntimeError:
        raise ValueError(f"it must be a path: there is no user {text[1:].partition('/')[0][:40]!r} here") from None
