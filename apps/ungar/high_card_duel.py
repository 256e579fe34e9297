"""High Card Duel: two players are dealt one card each, the higher one wins. An episode as a trace."""

import random
from importlib import import_module
from typing import Any

from apps.formats.trace import TracePayload
from apps.ungar.availability import has_ungar

SOURCE = "ungar"
GAME = "high_card_duel"
PROMPT = "High Card Duel: You have 1 hidden card. Action: reveal."

_SUITS = "SHDC"
_RANKS = "A23456789TJQK"
_RANK_NAMES = [
    *("ACE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN"),
    *("EIGHT", "NINE", "TEN", "JACK", "QUEEN", "KING"),
]
_DECK = [rank + suit for suit in _SUITS for rank in _RANKS]
_STRENGTH = {rank: strength for strength, rank in enumerate("23456789TJQKA")}


def deal(seed: int) -> tuple[str, str]:
    """My card and the opponent's, as rank and suit ("TS"); by the ungar package where it is installed."""
    if has_ungar():
        return _deal_by_package(seed)
    deck = [*_DECK]
    random.Random(seed).shuffle(deck)
    return deck[0], deck[1]


def _deal_by_package(seed: int) -> tuple[str, str]:
    spec = import_module("ungar.games.high_card_duel").make_high_card_duel_spec()
    episode = import_module("ungar.runner").play_random_episode(spec, seed=seed)
    mine, theirs = episode.states[-1].hands
    return _card_name(mine), _card_name(theirs)


def _card_name(card: Any) -> str:
    """`card` has two enums, whose names are such as ACE and SPADES."""
    return f"{_RANKS[_RANK_NAMES.index(card.rank.name)]}{card.suit.name[0]}"


def judge(mine: str, theirs: str) -> str:
    """Ace is high, suits do not count."""
    difference = _STRENGTH[mine[0]] - _STRENGTH[theirs[0]]
    return "tie" if difference == 0 else "win" if difference > 0 else "loss"


def play_episode(seed: int, episode_index: int) -> TracePayload:
    """The deal of `seed` + `episode_index`."""
    mine, theirs = deal(seed + episode_index)
    steps = [
        ("legal_moves", "Legal moves: [reveal]"),
        ("observation", f"My hand: {mine}"),
        ("unseen", f"Unseen cards: {len(_DECK) - 1}"),
        ("decision", "Action chosen: reveal"),
    ]
    return TracePayload(
        trace_version="1.0",
        prompt=PROMPT,
        final_answer="reveal",
        steps=[{"i": i, "type": type, "content": content} for i, (type, content) in enumerate(steps)],
        meta={
            "source": SOURCE,
            "game": GAME,
            "episode_index": episode_index,
            "my_card": mine,
            "opponent_card": theirs,
            "result": judge(mine, theirs),
            "seed": seed,
        },
    )
