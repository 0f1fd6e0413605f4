"""Stored conversations are listed, opened and deleted over HTTP, and a deleted one is nowhere on disk."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from bot.conversations.records import ConversationPlace
from bot.database.opening import open_database
from bot.features.text_chat.chat_memory import ChatMemory
from bot.llm.history import Turn
from bot.voice.events import CallEnded, UtteranceHeard
from tests.bot.conversations.archives import ADA, BEN, CHANNEL, GENERAL, SERVER, answer
from tests.bot.http.api.api_stage import ApiStage, api_stage
from tests.bot.http.web_stage import SECRET, Answer, bearer

LIST = "/api/conversations"
NO_IDS = ("0", "-1", "01", "1.0", "+1", "%201", "٣", "1e3", "x", 30 * "9", "%00", "..%2F1", "7")
ELSEWHERE = ConversationPlace("chat", "other", SERVER, 4)


SEARCHES = {
    "evening": 1,
    "EVENING": 1,
    "good vening": 1,
    "good missing": 0,
    "über": 1,
    "ÜBER": 1,
    "добрый": 1,
    "100%": 1,
    "[a*]?": 1,
    "*": 1,
    "g*d": 0,
    "_ood": 0,
    "]^": 0,
    "": 2,
    "  ": 2,
}
"""Searches, and the number of conversations that are found."""


async def listed(stage: ApiStage, query: str = "") -> list[tuple[str, list[str]]]:
    answered = await stage.web.ask(LIST + query)
    assert answered.status == 200
    return [(each["place"], each["people"]) for each in answered.json["conversations"]]


async def open_newest(stage: ApiStage) -> Answer:
    newest = (await stage.web.ask(f"{LIST}?limit=1")).json["conversations"][0]["id"]
    return await stage.web.ask(f"{LIST}/{newest}")


def bytes_on_disk(file: Path) -> bytes:
    """All bytes of the database and its companions."""
    return b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))


async def test_a_call_is_listed_and_opened_with_who_said_what(stage: ApiStage) -> None:
    watch, _ = stage.archive.call()
    watch(UtteranceHeard(ADA, "Ada", "Good evening", True))
    watch(answer("Good ev", interrupted=True))
    (during,) = (await stage.web.ask(LIST)).json["conversations"]
    assert during["ended"] is None, "what was just said is listed while the call is on"
    watch(CallEnded("Lounge", "command"))
    opened = (await stage.web.ask(f"{LIST}/{during['id']}")).json
    now = stage.archive.now
    turns = [
        {
            "number": 1,
            "who": "Ada",
            "bot": False,
            "text": "Good evening",
            "at": now,
            "interrupted": False,
            "typed": False,
        },
        {"number": 2, "who": "Mia", "bot": True, "text": "Good ev", "at": now, "interrupted": True, "typed": False},
    ]
    assert opened == {
        "id": during["id"],
        "transport": "discord",
        "place": "Lounge",
        "started": now,
        "ended": now,
        "people": ["Ada"],
        "first_words": "Good evening",
        "turns": turns,
        "earlier": False,
        "later": False,
    }


async def test_the_list_begins_with_the_newest_and_goes_on_where_it_stopped(stage: ApiStage) -> None:
    for number in range(5):
        stage.archive.write(ADA, "Ada", "Hello", "Hi", ConversationPlace("chat", f"place {number}", SERVER, number))
    first = (await stage.web.ask(f"{LIST}?limit=3")).json["conversations"]
    assert [each["place"] for each in first] == ["place 4", "place 3", "place 2"]
    rest = await listed(stage, f"?limit=3&before={first[-1]['id']}")
    assert [place for place, _ in rest] == ["place 1", "place 0"]


async def test_a_deleted_conversation_is_nowhere_on_disk(stage: ApiStage) -> None:
    """SQLite moves rows between pages while tables grow. Copies that stay behind must go too."""
    rng = random.Random(16)
    memory = ChatMemory(stage.archive.database, 20)
    asked, answered = Turn.of_person("Zuleika", "zebrafish at the end", ADA), Turn.of_bot("zebrafish too", name="Mia")
    for number in range(400):
        words = " ".join(rng.choices(("some", "words", "there"), k=rng.randint(1, 60)))
        stage.archive.write(ADA, "Zuleika", f"zebrafish {number} {words}", words)
        stage.archive.write(BEN, "Ben", f"remains {number} {words}", words, ELSEWHERE)
        if number % 80 == 0:
            await stage.archive.turns()
    stage.archive.conversations.store_chat(GENERAL, asked, answered)
    await memory.remember(CHANNEL, asked, answered)
    ids = [each["id"] for each in (await stage.web.ask(LIST)).json["conversations"] if each["place"] == "general"]
    assert len(ids) > 1
    assert b"zebrafish" in await asyncio.to_thread(bytes_on_disk, stage.database_file)
    for number in ids:
        deleted = await stage.web.ask(f"{LIST}/{number}", "DELETE")
        assert (deleted.status, deleted.text) == (204, "")
        assert (await stage.web.ask(f"{LIST}/{number}")).code == "no_conversation"
    left = await asyncio.to_thread(bytes_on_disk, stage.database_file)
    assert b"zebrafish" not in left
    assert b"Zuleika" not in left
    assert b"remains" in left
    assert {place for place, _ in await listed(stage)} == {"other"}
    assert not (await memory.history(CHANNEL, 20)).newest(20)


async def test_a_call_goes_on_in_a_new_conversation_if_its_conversation_is_deleted(stage: ApiStage) -> None:
    watch, _ = stage.archive.call()
    watch(UtteranceHeard(ADA, "Ada", "before", True))
    first = (await open_newest(stage)).json["id"]
    watch(UtteranceHeard(ADA, "Ada", "not written yet", True))
    assert (await stage.web.ask(f"{LIST}/{first}", "DELETE")).status == 204
    assert await listed(stage) == []
    watch(UtteranceHeard(ADA, "Ada", "after", True))
    opened = (await open_newest(stage)).json
    assert opened["id"] != first
    assert [turn["text"] for turn in opened["turns"]] == ["after"]


async def test_words_names_and_answers_of_people_who_opted_out_are_not_shown(stage: ApiStage) -> None:
    watch, _ = stage.archive.call()
    watch(UtteranceHeard(BEN, "Ben", "Hello", True))
    watch(answer("Hello Ben"))
    watch(UtteranceHeard(ADA, "Ada", "my secret", True))
    watch(answer("Ada, your secret is safe"))
    stage.archive.write(ADA, "Ada", "another secret", "I see, Ada")
    assert len(await listed(stage)) == 2
    hidden = (await stage.web.ask(LIST)).json["conversations"][0]["id"]
    stage.archive.unwanted.add(ADA)
    assert await listed(stage) == [("Lounge", ["Ben"])]
    assert [turn["text"] for turn in (await open_newest(stage)).json["turns"]] == ["Hello", "Hello Ben"]
    assert (await stage.web.ask(f"{LIST}/{hidden}")).status == 404
    assert await listed(stage, "?q=secret") == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("name", NO_IDS)
async def test_only_ids_of_existing_conversations_are_found(stage: ApiStage, method: str, name: str) -> None:
    stage.archive.write(ADA, "Ada", "Hello", "Hi")
    answered = await stage.web.ask(f"{LIST}/{name}", method)
    assert answered.status == 404
    assert len(await listed(stage)) == 1


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=", "before=0", "before=1.5", "q=%00"]
)
async def test_bad_parameters_are_refused_in_words(stage: ApiStage, query: str) -> None:
    answered = await stage.web.ask(f"{LIST}?{query}")
    assert (answered.status, answered.code) == (400, "bad_parameter")


async def test_the_token_is_needed_for_stored_conversations(tmp_path: Path) -> None:
    async with api_stage(tmp_path, SECRET) as stage:
        stage.archive.write(ADA, "Ada", "Hello", "Hi")
        for method, path in (("GET", LIST), ("GET", f"{LIST}/1"), ("DELETE", f"{LIST}/1")):
            assert (await stage.web.ask(path, method)).status == 401
        assert len((await stage.web.ask(LIST, headers=bearer())).json["conversations"]) == 1


@pytest.mark.parametrize("words", SEARCHES)
async def test_conversations_are_found_by_words_in_any_case(stage: ApiStage, words: str) -> None:
    stage.archive.write(ADA, "Ada", "Good evening, über 100% [A*]?", "ДОБРЫЙ вечер")
    stage.archive.write(BEN, "Ben", "Something else", "I see", ELSEWHERE)
    answered = await stage.web.ask(LIST, params={"q": words})
    assert len(answered.json["conversations"]) == SEARCHES[words]


@pytest.mark.parametrize("words", [201 * "x", 21 * "x "])
async def test_a_search_that_is_too_long_is_refused(stage: ApiStage, words: str) -> None:
    answered = await stage.web.ask(LIST, params={"q": words})
    assert (answered.status, answered.code) == (413, "too_long")


async def test_while_the_database_is_in_use_elsewhere_a_deletion_is_refused_in_words(stage: ApiStage) -> None:
    stage.archive.write(ADA, "Ada", "Hello", "Hi")
    await stage.archive.turns()
    with open_database(stage.database_file) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = await stage.web.ask(f"{LIST}/1", "DELETE")
    assert (refused.status, refused.code) == (503, "database_away")
    assert "Retry-After" in refused.headers
    assert (await stage.web.ask(f"{LIST}/1", "DELETE")).status == 204


async def test_the_list_has_the_first_words_and_a_search_says_where_it_has_found_its_words(stage: ApiStage) -> None:
    stage.archive.write(BEN, "Ben", "Good morning", "Good morning, Ben")
    stage.archive.write(ADA, "Ada", f"{30 * 'and '}the Zebrafish swims {60 * 'on '}", "Does it?")
    (plain,) = (await stage.web.ask(LIST)).json["conversations"]
    assert plain["first_words"] == "Good morning"
    assert "hit" not in plain
    (found,) = (await stage.web.ask(f"{LIST}?q=swims%20zebrafish")).json["conversations"]
    assert (found["first_words"], found["hit"]["number"], found["hit"]["who"]) == ("Good morning", 3, "Ada")
    assert found["hit"]["text"].startswith("…and ")
    assert "the Zebrafish swims" in found["hit"]["text"]
    assert found["hit"]["text"].endswith(" on…")
    stage.archive.unwanted.add(BEN)
    (left,) = (await stage.web.ask(LIST)).json["conversations"]
    assert left["first_words"].startswith("and and"), "the first words of a person who opted out are not shown"


@pytest.mark.parametrize(
    ("query", "numbers", "earlier", "later"),
    [
        ("", [1, 2, 3, 4, 5, 6], False, False),
        ("?limit=2", [1, 2], False, True),
        ("?limit=2&after=2", [3, 4], True, True),
        ("?limit=2&after=4", [5, 6], True, False),
        ("?limit=2&before=6", [4, 5], True, True),
        ("?limit=2&before=3", [1, 2], False, True),
        ("?before=3", [1, 2], False, True),
        ("?after=6", [], True, False),
    ],
)
async def test_a_conversation_is_opened_in_pages(
    stage: ApiStage, query: str, numbers: list[int], earlier: bool, later: bool
) -> None:
    for number in range(3):
        stage.archive.write(ADA, "Ada", f"question {number}", "answer")
    opened = (await stage.web.ask(f"{LIST}/1{query}")).json
    assert [turn["number"] for turn in opened["turns"]] == numbers
    assert (opened["earlier"], opened["later"]) == (earlier, later)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "before=x", "after=0", "before=1&after=1"])
async def test_bad_pages_are_refused_in_words(stage: ApiStage, query: str) -> None:
    stage.archive.write(ADA, "Ada", "Hello", "Hi")
    refused = await stage.web.ask(f"{LIST}/1?{query}")
    assert (refused.status, refused.code) == (400, "bad_parameter")


async def test_the_conversation_of_a_call_is_found_by_the_call_while_it_is_on(stage: ApiStage) -> None:
    for call in ("c1", "c2"):
        watch, _ = stage.archive.call(call)
        watch(UtteranceHeard(ADA, "Ada", f"This is {call}", True))
    (found,) = (await stage.web.ask(f"{LIST}?call=c1")).json["conversations"]
    assert found["first_words"] == "This is c1"
    assert len((await stage.web.ask(f"{LIST}?call=c2&q=this")).json["conversations"]) == 1
    assert (await stage.web.ask(f"{LIST}?call=c3")).json == {"conversations": []}
    assert (await stage.web.ask(f"{LIST}?call={101 * 'c'}")).status == 413
    stage.archive.unwanted.add(ADA)
    assert (await stage.web.ask(f"{LIST}?call=c1")).json == {"conversations": []}, "she has opted out"
