"""No request to an engine follows a redirect: words, voices and keys go only to the hosts that people were told of."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from config.project import ROOT

SESSIONS = frozenset({"http", "_http", "session", "_session", "_connections()"})
"""How the bot names its HTTP sessions."""
METHODS = frozenset({"delete", "get", "head", "options", "patch", "post", "put", "request"})
NO_ENGINES = {
    "bot/client.py": "Discord's own API",
    "bot/models/hub.py": "downloads; a hub leads to the store of its files, which gets no token",
}


def following() -> Iterator[str]:
    """The requests that do not say ``allow_redirects=False``."""
    for path in sorted((ROOT / "bot").rglob("*.py")):
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in METHODS
                and ast.unparse(node.func.value).rpartition(".")[2] in SESSIONS
                and not any(k.arg == "allow_redirects" and ast.unparse(k.value) == "False" for k in node.keywords)
                # ``get`` with a constant looks something up in a mapping.
                and not (node.args and node.func.attr == "get" and isinstance(node.args[0], ast.Constant))
                and name not in NO_ENGINES
            ):
                yield f"{name}:{node.lineno}"


def websockets() -> Iterator[str]:
    """The places that open a WebSocket by a function that follows redirects."""
    for path in sorted((ROOT / "bot").rglob("*.py")):
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                follows = node.attr == "ws_connect"
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("websockets"):
                follows = any(each.name in ("connect", "unix_connect") for each in node.names)
            else:
                continue
            if follows and name != "bot/redirects.py":
                yield f"{name}:{node.lineno}"


def test_no_request_to_an_engine_follows_a_redirect() -> None:
    assert list(following()) == []


def test_no_websocket_to_an_engine_follows_a_redirect() -> None:
    assert list(websockets()) == []
