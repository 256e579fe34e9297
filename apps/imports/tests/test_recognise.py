from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.imports.recognise import FORMATS, recognise, with_cut
from apps.imports.rows import Row
from apps.imports.tests.test_gsm8k import PLAIN, SOCRATIC
from apps.traces.tests.factories import make_payload

TURNS = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "<think>a</think>b"}]
SHAREGPT = [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "<think>a</think>b"}]
MARKED = "<reasoning>a</reasoning><answer>b</answer>"


def rows(*values: Any) -> list[Row]:
    return [Row(n, value, b"", 0) for n, value in enumerate(values, 1)]


@pytest.mark.parametrize(
    ("row", "description"),
    [
        (make_payload(), "trace"),
        (make_payload(steps=[]), "trace"),
        ({"id": "1", "prompts": "P", "trace_steps": ["a"], "final_answer": "b", "metadata": {}}, "trace"),
        ({"id": "1", "prompts": "<start_of_turn>...", "final_answer": "b", "metadata": {}}, "tunix_sft"),
        ({"prompt": "P", "response": "R", "metadata": {"source_trace_id": "x"}}, "training_example"),
        (PLAIN, "gsm8k"),
        (SOCRATIC, "gsm8k"),
        ({"messages": TURNS}, "messages (conversation: messages)"),
        ({"conversations": SHAREGPT}, "conversations (conversation: conversations)"),
        (
            {"instruction": "P", "input": "", "output": MARKED},
            "alpaca (prompt: instruction, context: input, answer: output)",
        ),
        (
            {"instruction": "P", "output": MARKED},
            "alpaca (prompt: instruction, context: input, answer: output)",
        ),
        ({"prompt": "P", "response": MARKED}, "prompt_response (prompt: prompt, answer: response)"),
        ({"prompt": "P", "completion": MARKED}, "prompt_completion (prompt: prompt, answer: completion)"),
        ({"question": "P", "answer": MARKED}, "question_answer (prompt: question, answer: answer)"),
        (
            {"question": "P", "reasoning": "a", "answer": "b"},
            "columns (prompt: question, steps: reasoning, answer: answer)",
        ),
        (
            {"prompt": "P", "steps": ["a"], "final_answer": "b"},
            "columns (prompt: prompt, steps: steps, answer: final_answer)",
        ),
        ({"problem": "P", "solution": MARKED}, "columns (prompt: problem, answer: solution)"),
    ],
)
def test_a_format_is_told_from_its_content_and_reads_it(row: Any, description: str) -> None:
    recipe = recognise(rows(row), "line")
    assert recipe.description == description
    if recipe.mapping:
        trace = recipe.read(row)
        assert [trace["prompt"][:1], [step["content"] for step in trace["steps"]], trace["final_answer"]] in (
            ["P", ["a"], "b"],
            ["Q", ["a"], "b"],
        )


def test_a_row_that_is_damaged_does_not_hide_the_format() -> None:
    bad = Row(1, None, b"{", 1, ValidationError("bad"))
    assert recognise([bad, *rows({**PLAIN, "answer": "none"}, PLAIN)], "line").name == "gsm8k"


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ([], "The file holds no rows."),
        ([Row(3, None, b"{", 1, ValidationError({"a": "Bad."}))], "row 3: a: Bad."),
        (rows([1]), "row 1: The row is no object."),
        (rows({}), "The format is not recognised: row 1 has no columns. Say which columns hold"),
        (rows({"title": 1, "text": 2}), "The format is not recognised: row 1 has title, text. Say which"),
        (rows({"prompt": "alone"}), "The format is not recognised: row 1 has prompt. Say which"),
        (
            rows({f"c{n}": 1 for n in range(40)}),
            "The format is not recognised: row 1 has c0, c1, c2, c3, c4, ",
        ),
    ],
)
def test_what_has_no_format_is_said(head: list[Row], reason: str) -> None:
    with pytest.raises(ValidationError) as caught:
        recognise(head, "row")
    assert caught.value.messages[0].startswith(reason)


def test_a_cut_replaces_that_of_a_mapping_only() -> None:
    recipe = with_cut(FORMATS["messages"], "one")
    assert recipe.description == "messages (conversation: messages, cut: one)"
    with pytest.raises(ValidationError, match="The format gsm8k says itself where its steps begin"):
        with_cut(FORMATS["gsm8k"], "one")
