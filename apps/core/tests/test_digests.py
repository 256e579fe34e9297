import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.digests import fold_text, sha256_hex, short_hash


def test_sha256_is_that_of_the_standard() -> None:
    # FIPS 180-4, the example "abc"
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_short_hash_has_16_digits() -> None:
    assert [short_hash(b""), short_hash(b"abc")] == ["e4a6a0577479b2b4", "d8bb14d833d59559"]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("", ""),
        ("  What\tis\n\n27 × 19? ", "What is 27 × 19?"),
        ("e\u0301", "\u00e9"),
        ("a\u00a0b\u3000c", "a b c"),
        ("Case stays", "Case stays"),
    ],
)
def test_texts_that_read_alike_fold_alike(text: str, folded: str) -> None:
    assert fold_text(text) == folded


@given(st.text())
@settings(deadline=None)
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold_text(fold_text(text)) == fold_text(text)
