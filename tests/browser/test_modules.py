"""The page's modules that need no browser, tested in Node.js by the files in ``modules/``."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from config.project import ROOT
from tests.timing import LIMIT

PAGE = ROOT / "bot" / "http" / "page"
MODULES = Path(__file__).with_name("modules")


@pytest.mark.parametrize("name", sorted(file.name for file in MODULES.glob("*.test.mjs")))
async def test_the_modules_of_the_page_pass_their_tests(name: str, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js")
    shutil.copytree(PAGE, tmp_path / "page")
    # Node.js takes .js files for modules only if it is told so; browsers are told by the page.
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(MODULES / name, tmp_path / name)
    process = await asyncio.create_subprocess_exec(
        *(node, "--test", name), cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(LIMIT):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
