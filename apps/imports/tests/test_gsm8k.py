"""The rows are from GSM8K (Cobbe et al., 2021; MIT licence)."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.imports.gsm8k import is_gsm8k, trace_of

PLAIN = {
    "question": "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in "
    "May. How many clips did Natalia sell altogether in April and May?",
    "answer": "Natalia sold 48/2 = <<48/2=24>>24 clips in May.\n\n"
    "Natalia sold 48+24 = <<48+24=72>>72 clips altogether in April and May.\n#### 72",
}
SOCRATIC = {
    "question": "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total?",
    "answer": "How many bolts of white fiber does it take? ** It takes 2/2=<<2/2=1>>1 bolt of white fiber\n"
    "How many bolts in total does it take? ** So the total amount of fabric is 2+1=<<2+1=3>>3 bolts\n#### 3",
}


def test_plain_rows_become_traces() -> None:
    assert trace_of(PLAIN) == {
        "trace_version": "1.0",
        "prompt": PLAIN["question"],
        "final_answer": "72",
        "steps": [
            {"i": 0, "type": "reasoning", "content": "Natalia sold 48/2 = 24 clips in May."},
            {
                "i": 1,
                "type": "reasoning",
                "content": "Natalia sold 48+24 = 72 clips altogether in April and May.",
            },
        ],
        "meta": {"source": "gsm8k"},
    }


def test_socratic_rows_keep_the_question_of_a_step() -> None:
    assert trace_of(SOCRATIC)["steps"] == [
        {
            "i": 0,
            "type": "socratic",
            "content": "How many bolts of white fiber does it take? It takes 2/2=1 bolt of white fiber",
        },
        {
            "i": 1,
            "type": "socratic",
            "content": "How many bolts in total does it take? So the total amount of fabric is 2+1=3 bolts",
        },
    ]


def test_further_fields_go_to_meta() -> None:
    assert trace_of({**PLAIN, "split": "train"})["meta"] == {"source": "gsm8k", "split": "train"}


@pytest.mark.parametrize(
    ("change", "path"),
    [({"answer": "no mark"}, "answer"), ({"answer": 3}, "answer"), ({"question": None}, "question")],
)
def test_what_is_no_row_is_refused_by_field(change: dict[str, Any], path: str) -> None:
    with pytest.raises(ValidationError) as caught:
        trace_of({**PLAIN, **change})
    assert [*caught.value.message_dict] == [path]


@pytest.mark.parametrize(
    ("row", "expected"), [(PLAIN, True), ({"question": "?"}, False), ([], False), (None, False)]
)
def test_rows_are_recognised(row: Any, expected: bool) -> None:
    assert is_gsm8k(row) is expected
