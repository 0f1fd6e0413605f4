"""Configuration and fixtures of all tests."""

from __future__ import annotations

import gc
import logging
import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from config.settings import Settings
from config.speech_settings import SpeechSettings
from tests.stalls import RepeatAfterStall
from tests.temporary import use_memory
from toys.whisper.weights import toy_whisper

# Results must not depend on real weights in this machine's cache. Tests of real weights set this themselves.
os.environ["WEIGHTS"] = "toys"

# Tests in the background (`nohup`, `&`) start with these signals ignored. Programs that tests start would inherit that.
for _ignored in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_ignored) is signal.SIG_IGN:
        signal.signal(_ignored, signal.default_int_handler if _ignored is signal.SIGINT else signal.SIG_DFL)

CI = "CI"
"""Variable of continuous integration. If it is ``true``, a skipped test counts as failed."""


def pytest_configure(config: pytest.Config) -> None:
    """Keep the folders of tests in memory, repeat tests after stalls of the machine, and let hypothesis measure no
    time.
    """
    use_memory()
    config.pluginmanager.register(RepeatAfterStall())
    settings.register_profile("untimed", settings(deadline=None, suppress_health_check=[HealthCheck.too_slow]))
    settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without garbage collection. The tests are half a million objects that stay until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Collect garbage before a test that reads the log, so that it reads what is logged during this test alone.

    The garbage collector logs the errors of tasks that earlier tests left behind. The objects that survive are frozen:
    otherwise, before each of these tests, the collector would look at everything that the session keeps.
    """
    if "caplog" in getattr(item, "fixturenames", ()):
        gc.collect()
        gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Fail a test that leaves another log level behind: later tests would then read lines that they don't expect.

    Raises:
        AssertionError: the root logger's level is not what it was before the session.
    """
    yield
    root, level = logging.getLogger(), logging.WARNING
    left = root.level
    root.setLevel(level)
    assert left == level, f"{item.nodeid} has left the root logger at {logging.getLevelName(left)}"


@pytest.fixture(scope="session")
def cache_dir() -> Path:
    """The cache of toy weights, kept between runs. A hash in their names keeps stale ones from being used.

    The folder is the bot's default one, since tests also start programs as users do: with another folder, those would
    make a second set of toys.
    """
    folder: Path = Settings.settings()["cache_dir"].get_default(call_default_factory=True)
    return folder


@pytest.fixture(scope="session")
def toy_ears(cache_dir: Path) -> Path:
    """The folder of the toy Whisper, which ``make test`` has made before the other tests begin."""
    return toy_whisper(cache_dir, lambda *_: None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skipped test as failed under ``CI=true``, so that a missing package does not look like success.

    The tests of XTTS and Kokoro skip whole modules, which does not count. ``make test-xtts`` and ``make test-kokoro``
    run them.
    """
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get(CI, "").lower() in ("1", "true"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason}\nA skip counts as a failure where {CI}=true."
    return report


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run a test in an empty folder, without this machine's settings from variables or an ``.env`` file."""
    monkeypatch.chdir(tmp_path)
    for name in {*Settings.settings(), *SpeechSettings.settings()}:
        monkeypatch.delenv(name.upper(), raising=False)
