"""Tests of parts of image generation: the operator's workflow is filled in, and wishes for drawings are recognised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.features.image_generation.drawing_request import drawing_subject
from bot.features.image_generation.job import Progress
from bot.features.image_generation.progress_message import progress_line
from bot.features.image_generation.workflow import Slots, Workflow, WorkflowError


def _node(**inputs: object) -> dict[str, object]:
    return {"class_type": "Node", "inputs": inputs}


def test_slots_are_filled_and_numbers_stay_numbers() -> None:
    workflow = Workflow.parse(
        json.dumps(
            {
                "1": _node(
                    a="{{prompt}}", b="{{seed}}", c="size {{width}}x{{height}}", d=["2", 0], e={"f": ["{{negative}}"]}
                )
            }
        )
    )
    filled = workflow.fill(Slots("a {{seed}} cat", "dogs", 5, 640, 480))
    assert filled["1"]["inputs"] == {
        "a": "a {{seed}} cat",
        "b": 5,
        "c": "size 640x480",
        "d": ["2", 0],
        "e": {"f": ["dogs"]},
    }
    assert workflow.graph["1"]["inputs"]["b"] == "{{seed}}", "the workflow itself stays as it is"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a JSON object with at least one node"),
        ("{}", "must be a JSON object with at least one node"),
        (json.dumps({"nodes": [], "links": [], "version": 0.4}), "Export (API)"),
        (json.dumps({"1": {"inputs": {}}}), "no class_type"),
        (json.dumps({"1": {"class_type": "Node"}}), "no inputs"),
        (json.dumps({"1": _node(text="a cat")}), "holds {{prompt}}"),
        (json.dumps({"1": _node(text="{{prompt}} {{style}}")}), "it uses {{style}}, which is an unknown slot"),
    ],
)
def test_a_workflow_that_can_not_be_used_is_refused_with_the_reason(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "workflow.json"
    path.write_text(text)
    with pytest.raises(WorkflowError) as error:
        Workflow.load(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_a_missing_workflow_is_reported(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match="can't be read"):
        Workflow.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("draw a cat", "a cat"),
        ("Draw me a picture of the sea, please!", "the sea"),
        ("Seiyuu, could you please draw two dogs?", "two dogs"),
        ("paint us\na blue house", "a blue house"),
        ("draw a line of ducks", "a line of ducks"),
        ("draw", None),
        ("draw a conclusion", None),
        ("Where do you draw the line?", None),
        ("draw the line at insults", None),
        ("I can't draw a cat", None),
        ("what a lucky draw it was", None),
    ],
)
def test_a_wish_for_a_drawing_is_distinguished_from_other_talk(text: str, what: str | None) -> None:
    assert drawing_subject(text) == what


def test_the_progress_is_shown_in_one_line() -> None:
    assert progress_line(Progress(3)) == "⏳ In the queue, 3 before yours."
    assert progress_line(Progress(0)) == "🖌️ Drawing …"
    assert progress_line(Progress(0, 5, 10)) == "🖌️ `▰▰▰▰▰▰▱▱▱▱▱▱` 50%"
    assert "100%" in progress_line(Progress(0, 11, 10))
    assert "100%" in progress_line(Progress(0, 10**400, 1))
    assert "0%" in progress_line(Progress(0, -(10**400), 1))
