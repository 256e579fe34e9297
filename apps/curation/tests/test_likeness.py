"""How alike two texts are."""

import subprocess
import sys

import pytest

from apps.curation.likeness import jaccard, shingles


def likeness(a: str, b: str) -> float:
    return jaccard(shingles([a]), shingles([b]))


@pytest.mark.parametrize(
    ("a", "b", "share"),
    [
        ("a b c d e", "a b c d e", 1),
        ("A b, c: D! (e)", "a  B c\nd e", 1),
        ("a b c d", "a b c x", 1 / 3),  # abc bcd, abc bcx
        ("a b c d e f", "b c d e f", 3 / 4),
        ("a b c", "c b a", 0),
        ("27 × 19 = 513", "27 + 19 = 513", 1 / 5),  # signs are words
        ("Stra\u00dfe caf\u00e9 \u00e0", "STRASSE cafe\u0301 a\u0300", 1),
        ("彼は本を買いました", "彼は本を買いました。", 1),
        ("彼は本を買いました", "彼は本を売りました", 3 / 11),  # characters are words
    ],
)
def test_the_share_of_words_in_threes(a: str, b: str, share: float) -> None:
    assert likeness(a, b) == pytest.approx(share)
    assert likeness(b, a) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "a", "a b", "?!", "🙂", "a b c", " "])
def test_what_is_shorter_than_three_words_is_like_its_equals_alone(text: str) -> None:
    others = [other for other in ("x", "x y", "x y z", ";", "🙃", "b a") if other != text]
    assert likeness(text, text) == 1
    assert [likeness(text, other) for other in others] == [0] * len(others)


def test_words_of_two_texts_do_not_stand_in_a_row() -> None:
    assert shingles(["a b c", "d e f"]) == shingles(["a b c"]) | shingles(["d e f"])


def test_the_numbers_are_those_of_every_process() -> None:
    program = "from apps.curation.likeness import shingles; print(sorted(shingles(['a b c d é'])))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(sorted(shingles(["a b c d é"])))
