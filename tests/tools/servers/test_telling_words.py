"""What is reported of a program that has ended: of all that it wrote, the lines that say why."""

from __future__ import annotations

import pytest

from bot.tools.servers.program import telling_words

NPM = """npm error code E404
npm error 404 Not Found - GET https://registry.example.org/nosuch - Not found
npm error 404
npm error 404  The requested resource 'nosuch@*' could not be found
npm error A complete log of this run can be found in: /home/ada/.npm/_logs/debug-0.log"""
OLD_NPM = NPM.replace("npm error", "npm ERR!")
NODE = """node:internal/modules/cjs/loader:1228
  throw err;
  ^
Error: Cannot find module '/home/ada/server.js'
    at Function._resolveFilename (node:internal/modules/cjs/loader:1225:15)
  code: 'MODULE_NOT_FOUND',
  requireStack: []
}
Node.js v22.11.0"""
PYTHON = """Traceback (most recent call last):
  File "/srv/server.py", line 1, in <module>
ModuleNotFoundError: No module named 'mcp'"""


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", ""),
        ("Starting\nReady on stdio", "Ready on stdio"),
        (NPM, "npm error code E404; npm error 404 Not Found - GET https://registry.example.org/nosuch - Not found"),
        (OLD_NPM, "npm ERR! code E404; npm ERR! 404 Not Found - GET https://registry.example.org/nosuch - Not found"),
        (NODE, "Error: Cannot find module '/home/ada/server.js'"),
        (PYTHON, "ModuleNotFoundError: No module named 'mcp'"),
        ("sh: 1: uvx: command not found\nexit 127", "sh: 1: uvx: command not found"),
        ("TypeError: x is null\nTypeError: x is null\nbye", "TypeError: x is null"),
    ],
)
def test_the_lines_that_say_why_are_reported(written: str, told: str) -> None:
    assert telling_words(written.splitlines()) == told
