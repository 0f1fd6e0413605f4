"""What tests of several packages share."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from config.settings import Settings
from config.speech_settings import SpeechSettings
from tests.stalls import RepeatAfterStall

# What is tested here is exact, whatever weights the cache of this machine holds; tests of real ones say so themselves.
os.environ["WEIGHTS"] = "toys"

# Whoever runs the tests in the background (`nohup`, `&`) has these ignored, and so would the programs that tests start.
for _ignored in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_ignored) is signal.SIG_IGN:
        signal.signal(_ignored, signal.default_int_handler if _ignored is signal.SIGINT else signal.SIG_DFL)

CI = "CI"
"""Set to ``true`` by whoever runs the tests for others: then what can't be tested counts as broken."""


def pytest_configure(config: pytest.Config) -> None:
    """What the machine spoils is tried again, and no example of hypothesis has to be quick: benchmarks measure time."""
    config.pluginmanager.register(RepeatAfterStall())
    settings.register_profile("untimed", settings(deadline=None))
    settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Half a million objects are made here that stay until the end: nobody looks for garbage among them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(scope="session")
def cache_dir(pytestconfig: pytest.Config) -> Path:
    """Toy weights are named after what they are made of, so those of an earlier run are as good as new ones."""
    return pytestconfig.cache.mkdir("seiyuu")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under ``CI=true`` a skipped test has failed: a package that is missing must not look like success.

    The tests of XTTS skip whole modules, which is no skipped test: their gigabytes are ``make test-xtts``'s.
    """
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get(CI, "").lower() in ("1", "true"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason}\nA skip counts as a failure where {CI}=true."
    return report


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run a test in an empty folder and without a setting of this machine, neither in variables nor in an ``.env``."""
    monkeypatch.chdir(tmp_path)
    for name in {*Settings.settings(), *SpeechSettings.settings()}:
        monkeypatch.delenv(name.upper(), raising=False)
