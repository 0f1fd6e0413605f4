"""Web addresses, origins of web pages, and paths of this machine: whether a text is one, and if not, what is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

HIGHEST_PORT = 65_535
ANY_ORIGIN = "*"
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def web_address(text: str, scheme: str, *, named: bool = False) -> str:
    """The address, when it is one.

    Args:
        scheme: ``http`` or ``ws``, which also stands for the one with TLS.
        named: several stand in one value, so an error names the one it means.

    Raises:
        ValueError: it is none; the text completes "X is not valid. …".
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
            return f"whose port is a number from 1 to {HIGHEST_PORT}"
    except ValueError:
        return f"whose port is a number from 1 to {HIGHEST_PORT}" if "[" not in text else begins
    return None


def read_origin(text: str) -> str:
    """An origin as a browser writes it, or :data:`ANY_ORIGIN`.

    Raises:
        ValueError: it is none; the text says how one looks.
    """
    origin = text.strip().lower().removesuffix("/")
    if origin == ANY_ORIGIN:
        return origin
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https", "app", "tauri") or not parts.netloc or parts.path or parts.query:
        raise ValueError(f"{text!r} is not an origin, which looks like http://localhost:8000")
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    # A browser leaves the usual port out.
    return f"{parts.scheme}://{parts.netloc.removesuffix(f':{usual}') if parts.port == usual else parts.netloc}"


def own_path(text: str) -> str:
    """A path of this machine, with the home folder in place of ``~``.

    Raises:
        ValueError: it is none.
    """
    text = text.strip()
    if _WINDOWS.match(text):
        raise ValueError("it must be a path as Linux writes it; in WSL, C:\\Users is /mnt/c/Users")
    if not text.startswith("~"):
        return text
    try:
        return str(Path(text).expanduser())
    except RuntimeError:
        raise ValueError(f"it must be a path: there is no user {text[1:].partition('/')[0][:40]!r} here") from None
