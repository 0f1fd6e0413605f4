"""Asks ``pip-audit`` for known weaknesses of the installed packages."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

LIMIT = 300.0
"""Seconds that pip-audit may take."""
NOT_INSTALLED = (
    "not looked up: pip-audit is not installed here. It is no part of this project; install it where you like, "
    "and run it with -r requirements.txt."
)


def advisories() -> tuple[list[str], str]:
    """Returns a line for each known weakness, and a remark: how many packages were looked up, or why none was."""
    if importlib.util.find_spec("pip_audit") is None:
        return [], NOT_INSTALLED
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--skip-editable"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return [], "not looked up: no advisories could be reached."
    found = [
        f"{package['name']} {package.get('version', '?')}: {weakness['id']}"
        for package in packages
        for weakness in package.get("vulns", ())
    ]
    return found, f"{len(packages)} packages were looked up."
