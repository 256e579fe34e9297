"""Grouping texts that are equal or alike, without a database."""

import tracemalloc
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from apps.curation import group
from apps.curation.group import PERMUTATIONS, Alike, Beside, Equal, Grouping, bands
from apps.curation.likeness import jaccard, shingles

VOCABULARY = [f"word{n}" for n in range(3_000)]


def write(random: Random, words: int) -> list[str]:
    return random.choices(VOCABULARY, k=words)


def with_one_changed(random: Random, words: list[str], start: int = 0) -> list[str]:
    changed = [*words]
    changed[random.randrange(start, len(words))] = "changed"
    return changed


def grouped(grouping: Grouping, texts: Iterable[str]) -> list[Beside]:
    with closing(grouping):
        listed = [*texts]
        for text in listed:
            grouping.add([text])
        return [*grouping.group(range(len(listed)), lambda _: None)]


def alike(texts: Iterable[str], folder: Path, threshold: float = 0.7) -> dict[int, int]:
    return {beside.number: beside.kept for beside in grouped(Alike(threshold, folder), texts)}


def test_equal_is_what_a_reader_takes_for_equal() -> None:
    texts = ["a  b", "A b", "a\nb ", "e\u0301", "", "\u00e9", " ", "a b"]
    found = grouped(Equal(), texts)
    assert found == [Beside(2, 0, 1), Beside(5, 3, 1), Beside(6, 4, 1), Beside(7, 0, 1)]


def test_equal_parts_must_stand_in_their_places() -> None:
    grouping = Equal()
    for parts in (["a", "b c"], ["a b", "c"], ["a", "b  c"]):
        grouping.add(parts)
    assert [*grouping.group([2, 1, 0], lambda _: None)] == [Beside(0, 2, 1)]


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8])
def test_nearly_all_that_are_alike_are_found(threshold: float, tmp_path: Path) -> None:
    random = Random(0)
    texts = [write(random, random.randrange(25, 90)) for _ in range(600)]
    copies = [with_one_changed(random, text) for text in texts]
    said = [" ".join(text) for text in texts + copies]
    found = alike(said, tmp_path, threshold)
    expected = {
        n + 600: n for n in range(600) if jaccard(shingles([said[n]]), shingles([said[n + 600]])) >= threshold
    }
    assert len(expected) > 300
    assert found.items() <= expected.items()
    assert len(found) >= 0.996 * len(expected)


def test_whoever_goes_is_alike_to_what_is_kept(tmp_path: Path) -> None:
    """Each is like the one before it: as a chain all would be one group."""
    random = Random(0)
    words = write(random, 400)
    texts = [" ".join(words[start : start + 60]) for start in range(0, 340, 4)]
    found = grouped(Alike(0.7, tmp_path), texts)
    assert len({beside.kept for beside in found}) > 10
    for beside in found:
        similarity = jaccard(shingles([texts[beside.number]]), shingles([texts[beside.kept]]))
        assert beside.similarity == similarity >= 0.7
    assert {beside.kept for beside in found}.isdisjoint(beside.number for beside in found)


def test_the_first_in_order_is_kept(tmp_path: Path) -> None:
    for grouping in (Equal(), Alike(0.7, tmp_path)):
        for _ in range(3):
            grouping.add(["a b c d e f g"])
        with closing(grouping):
            found = [*grouping.group([1, 2, 0], lambda _: None)]
        assert found == [Beside(2, 1, 1), Beside(0, 1, 1)]


def test_a_search_finds_the_same_again(tmp_path: Path) -> None:
    random = Random(1)
    texts = [" ".join(VOCABULARY[:16] + write(random, 5)) for _ in range(500)]
    assert grouped(Alike(0.5, tmp_path), texts) == grouped(Alike(0.5, tmp_path), texts) != []


@pytest.mark.parametrize(("own", "share"), [(40, 0.26), (20, 0.55)])
def test_a_boilerplate_costs_each_text_the_same(
    own: int, share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it hide those that are alike beside it."""
    random = Random(2)
    boilerplate = write(random, 70 - own)
    texts = [boilerplate + write(random, own) for _ in range(600)]
    copies = [with_one_changed(random, text, len(boilerplate)) for text in texts]
    said = [" ".join(text) for text in texts + copies]
    assert jaccard(shingles(said[:1]), shingles(said[1:2])) == pytest.approx(share, abs=0.02)
    compared = []

    def compare(a: set[int], b: set[int]) -> float:
        compared.append(a)
        return jaccard(a, b)

    monkeypatch.setattr(group, "jaccard", compare)
    assert alike(said, tmp_path) == {n + 600: n for n in range(600)}
    assert len(compared) <= len(said) * len(bands(0.7))


def test_short_and_empty_texts(tmp_path: Path) -> None:
    texts = ["", "a", "a b", "A.", "?", "!", "a, b", "?", " "]
    assert alike(texts, tmp_path) == {3: 1, 6: 2, 7: 4, 8: 0}


def test_none_at_all(tmp_path: Path) -> None:
    assert alike([], tmp_path) == {}
    assert grouped(Equal(), []) == []


def test_bands_lie_within_a_signature() -> None:
    for hundredths in range(50, 101):
        found = bands(hundredths / 100)
        assert {n for band in found for n in band} <= {*range(PERMUTATIONS)}
        assert len(found) <= 64


def test_long_texts_do_not_stay_in_memory(tmp_path: Path) -> None:
    words = [f"w{n}" for n in range(5_000)]
    grouping = Alike(0.7, tmp_path)
    grouping.add([" ".join(words)])
    tracemalloc.start()
    for _ in range(30):
        grouping.add([" ".join(words)])
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 4_000_000  # 30 texts have 150,000 shingles, each of 8 bytes as a number and of 60 in a set
    with closing(grouping):
        assert len([*grouping.group(range(31), lambda _: None)]) == 30
