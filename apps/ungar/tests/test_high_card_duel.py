"""The deals, with the standard library and with the ungar package, and the traces made of them."""

import importlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.traces.tests.factories import make_payload
from apps.ungar.availability import has_ungar, ungar_version
from apps.ungar.high_card_duel import deal, judge, play_episode

# Seed 42: my card, the opponent's, the result.
SEED_42 = [
    ("TS", "JH", "loss"),
    ("2H", "QH", "loss"),
    ("AH", "5S", "win"),
    ("QC", "8D", "win"),
    ("3C", "7D", "loss"),
]

_CARDS = """\
from dataclasses import dataclass
from enum import Enum, auto

Suit = Enum("Suit", "SPADES HEARTS DIAMONDS CLUBS")
Rank = Enum("Rank", "ACE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN JACK QUEEN KING")


@dataclass(frozen=True)
class Card:
    suit: Suit
    rank: Rank
"""
_GAME = """\
import random

from ungar.cards import Card, Rank, Suit


class Spec:
    def deal(self, seed):
        deck = [Card(suit, rank) for suit in Suit for rank in Rank]
        random.Random(seed).shuffle(deck)
        return deck[0], deck[1]


def make_high_card_duel_spec():
    return Spec()
"""
_RUNNER = """\
from dataclasses import dataclass


@dataclass(frozen=True)
class State:
    hands: tuple


@dataclass(frozen=True)
class Episode:
    states: list
    moves: list
    rewards: list


def play_random_episode(spec, *, seed):
    hands = spec.deal(seed)
    return Episode([State(()), State(hands)], ["reveal"], [0.0, 0.0])
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package named ungar that deals as the real one does."""
    games = tmp_path / "site" / "ungar" / "games"
    games.mkdir(parents=True)
    for path in (games.parent / "__init__.py", games / "__init__.py"):
        path.touch()
    (games.parent / "cards.py").write_text(_CARDS)
    (games.parent / "runner.py").write_text(_RUNNER)
    (games / "high_card_duel.py").write_text(_GAME)
    monkeypatch.syspath_prepend(tmp_path / "site")
    has_ungar.cache_clear()
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "ungar"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    has_ungar.cache_clear()


def test_the_deals_of_seed_42() -> None:
    deals = [deal(42 + index) for index in range(5)]
    assert [(mine, theirs, judge(mine, theirs)) for mine, theirs in deals] == SEED_42


def test_a_deal_is_a_function_of_its_seed() -> None:
    assert [deal(seed) for seed in range(-50, 50)] == [deal(seed) for seed in range(-50, 50)]
    assert all(mine != theirs for mine, theirs in map(deal, range(200)))


@pytest.mark.parametrize(
    ("mine", "theirs", "result"),
    [
        ("AS", "KS", "win"),
        ("2S", "AS", "loss"),
        ("TS", "9S", "win"),
        ("JS", "TS", "win"),
        ("QS", "JS", "win"),
        ("KS", "QS", "win"),
        ("3C", "2S", "win"),
        ("AS", "AC", "tie"),
        ("7D", "7H", "tie"),
    ],
)
def test_ace_is_high_and_suits_do_not_count(mine: str, theirs: str, result: str) -> None:
    assert judge(mine, theirs) == result


def test_an_episode_is_a_trace() -> None:
    assert play_episode(42, 0).fields == make_payload(
        prompt="High Card Duel: You have 1 hidden card. Action: reveal.",
        final_answer="reveal",
        steps=[
            {"i": 0, "type": "legal_moves", "content": "Legal moves: [reveal]"},
            {"i": 1, "type": "observation", "content": "My hand: TS"},
            {"i": 2, "type": "unseen", "content": "Unseen cards: 51"},
            {"i": 3, "type": "decision", "content": "Action chosen: reveal"},
        ],
        meta={
            "source": "ungar",
            "game": "high_card_duel",
            "episode_index": 0,
            "my_card": "TS",
            "opponent_card": "JH",
            "result": "loss",
            "seed": 42,
        },
    )


def test_the_seed_of_the_series_is_recorded_with_the_index() -> None:
    meta = play_episode(42, 3).meta
    assert meta is not None
    assert (meta["seed"], meta["episode_index"], meta["my_card"], meta["result"]) == (42, 3, "QC", "win")


def test_without_the_package_there_is_no_version() -> None:
    has_ungar.cache_clear()
    assert (has_ungar(), ungar_version()) == (False, None)


def test_the_package_gives_the_same_cards(package: None) -> None:
    deck = [rank + suit for suit in "SHDC" for rank in "A23456789TJQK"]
    for seed in range(100):
        dealt = [*deck]
        random.Random(seed).shuffle(dealt)
        assert deal(seed) == (dealt[0], dealt[1])
    assert [(*deal(42 + index), result) for index, (_, _, result) in enumerate(SEED_42)] == SEED_42
    assert "ungar.runner" in sys.modules


def test_a_package_that_is_not_installed_has_no_version(package: None) -> None:
    assert (has_ungar(), ungar_version()) == (True, None)
