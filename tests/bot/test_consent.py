"""Tests of people's consent to being listened to: a choice takes effect immediately, and is kept after a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.consent import ListeningConsent, ListeningGate
from bot.lone_people import passing_person
from bot.store import Store
from config.sections import ListeningPolicy

ADA, BOB = 1, 2


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store.opened(tmp_path / "seiyuu.sqlite3") as store:
        yield store


@pytest.mark.parametrize("policy", ListeningPolicy)
async def test_whoever_calls_without_a_number_is_listened_to_and_no_choice_is_stored(
    store: Store, policy: ListeningPolicy
) -> None:
    consent, caller = await ListeningConsent.load(store, policy), passing_person()
    assert consent.admits(caller) and consent.choice(caller) is None
    await consent.opt_out(caller)
    assert not consent.admits(caller)


@pytest.mark.parametrize(("policy", "heard"), [(ListeningPolicy.OPT_OUT, True), (ListeningPolicy.OPT_IN, False)])
async def test_the_policy_decides_for_those_who_have_not_chosen(
    store: Store, policy: ListeningPolicy, heard: bool
) -> None:
    consent = await ListeningConsent.load(store, policy)
    assert consent.admits(ADA) is heard
    await consent.opt_in(ADA)
    await consent.opt_out(BOB)
    assert consent.admits(ADA)
    assert not consent.admits(BOB)


async def test_choices_survive_a_restart_and_the_last_one_holds(tmp_path: Path) -> None:
    async with Store.opened(tmp_path / "seiyuu.sqlite3") as store:
        consent = await ListeningConsent.load(store, ListeningPolicy.OPT_OUT)
        await consent.opt_out(ADA)
        await consent.opt_out(BOB)
        await consent.opt_in(BOB)
    async with Store.opened(tmp_path / "seiyuu.sqlite3") as store:
        consent = await ListeningConsent.load(store, ListeningPolicy.OPT_IN)
    assert not consent.admits(ADA)
    assert consent.admits(BOB)


async def test_listeners_are_notified_at_once_and_the_person_is_no_longer_heard_by_then(store: Store) -> None:
    consent = await ListeningConsent.load(store, ListeningPolicy.OPT_OUT)
    told: list[tuple[int, bool]] = []

    def fail(_: int) -> None:
        raise ValueError

    consent.watch(fail)
    stop = consent.watch(lambda person: told.append((person, consent.admits(person))))
    await consent.opt_out(ADA)
    assert told == [(ADA, False)], "a listener is notified even after another one has failed"
    stop()
    await consent.opt_out(BOB)
    assert told == [(ADA, False)]


async def test_a_choice_that_cannot_be_stored_holds_anyway_and_the_failure_is_returned(tmp_path: Path) -> None:
    async with Store.opened(tmp_path / "seiyuu.sqlite3") as store:
        consent = await ListeningConsent.load(store, ListeningPolicy.OPT_OUT)
        with sqlite3.connect(tmp_path / "seiyuu.sqlite3") as other:
            other.execute("DROP TABLE listening_choice")
        assert not await consent.opt_out(ADA)
        assert not consent.admits(ADA)


async def test_a_call_that_does_not_listen_admits_nobody(store: Store) -> None:
    consent = await ListeningConsent.load(store, ListeningPolicy.OPT_OUT)
    gate = ListeningGate(consent)
    await consent.opt_out(BOB)
    assert (gate.admits(ADA), gate.admits(BOB)) == (True, False)
    gate.listening = False
    assert (gate.admits(ADA), gate.admits(BOB)) == (False, False)
    gate.listening = True
    assert (gate.admits(ADA), gate.admits(BOB)) == (True, False)
