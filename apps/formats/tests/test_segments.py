"""Where a text is cut: at control tokens, also at those that an export has broken."""

import pytest

from apps.formats.gemma import TOKENS, break_control_tokens, render_turns, split_turns
from apps.formats.segments import Segment, cut_text


def test_a_text_without_tokens_is_one_segment() -> None:
    assert [*cut_text("1 < 2 > 0 <b> <unk>")] == [Segment("1 < 2 > 0 <b> <unk>")]
    assert [*cut_text("")] == []


def test_tokens_stand_apart() -> None:
    assert [*cut_text("<bos>a<eos><pad>")] == [
        Segment("<bos>", is_token=True),
        Segment("a"),
        Segment("<eos>", is_token=True),
        Segment("<pad>", is_token=True),
    ]


@pytest.mark.parametrize("token", TOKENS)
def test_a_broken_token_is_known(token: str) -> None:
    broken = break_control_tokens(f"<{token}>")
    assert [*cut_text(f"a{broken}")] == [Segment("a"), Segment(broken, is_token=True, is_broken=True)]


def test_the_segments_are_the_text() -> None:
    text = break_control_tokens("<<bos>\n<eos <pad>>") + "<eos>"
    assert "".join(segment.text for segment in cut_text(text)) == text


def test_what_is_learnt_begins_behind_the_head_of_the_models_turn() -> None:
    prompt = break_control_tokens("Q<start_of_turn>model\n")
    read, learnt = split_turns(render_turns(prompt, "Reasoning:\nAnswer: 1"))
    assert learnt == "Reasoning:\nAnswer: 1<end_of_turn>"
    assert read == f"<start_of_turn>user\n{prompt}<end_of_turn>\n<start_of_turn>model\n"
