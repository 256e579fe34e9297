"""Which traces are there already."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from uuid import UUID

import orjson
from django.db import connection

from apps.core.sql import by_index
from apps.imports.content import Content, content_of
from apps.imports.prepare import Ready
from apps.traces.models import Trace, TraceQuerySet

_PAGE = 500

# Where a prompt has so many traces they are remembered, rather than read again for each chunk; in all as many
# as take 100 MB. What is beyond that is read again.
CROWD = 200
MOST = 1_000_000

# Any number that no other lock of this kind has.
_LOCK = 0x696D70


def keep_others_out(*, is_keeping: bool) -> None:
    """Until the end of the transaction no other import looks for duplicates: it could not see what this one
    stores meanwhile. Those that keep duplicates do not look: they keep out only those that do.

    SQLite has one writer at a time anyway.
    """
    if connection.vendor == "postgresql":
        kind = "_shared" if is_keeping else ""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_xact_lock{kind}(%s, 0)", [_LOCK])


class Known:
    """What is there already, for the length of one act that brings traces."""

    def __init__(self) -> None:
        self._crowds: dict[str, set[bytes]] = {}
        self._newest = UUID(int=0)  # the crowds have all that is stored up to this one

    def new_of(self, ready: Sequence[Ready], act: UUID) -> list[Ready]:
        """The first of each content, and none whose content is stored; `act` is to store them."""
        new: dict[Content, Ready] = {}
        for item in ready:
            new.setdefault(item.content, item)
        self._learn(act)
        with by_index():
            for content in self._stored({content.prompt for content in new}):
                new.pop(content, None)
        return [item for content, item in new.items() if self._is_new(content)]

    def _is_new(self, content: Content) -> bool:
        """From now on it is not."""
        crowd = self._crowds.get(content.prompt)
        if crowd is None:
            return True
        size = len(crowd)
        crowd.add(content.digest)
        return len(crowd) > size

    def _learn(self, act: UUID) -> None:
        """What others have brought meanwhile."""
        newest = Trace.objects.newest_ids(1).first() or self._newest
        if self._crowds:
            brought = Trace.objects.brought_after(self._newest, but_by=act, prompts=self._crowds)
            for content in _read(brought):
                self._crowds[content.prompt].add(content.digest)
        self._newest = newest

    def _stored(self, prompts: set[str]) -> Iterator[Content]:
        """Of those prompts that are not remembered. If they are many, they are from now on."""
        counts: Counter[str] = Counter()
        found: defaultdict[str, set[bytes]] = defaultdict(set)
        room = MOST - sum(map(len, self._crowds.values()))
        for content in _read(Trace.objects.with_prompts(prompts - self._crowds.keys())):
            yield content
            counts[content.prompt] += 1
            room -= 1
            if room >= 0:
                found[content.prompt].add(content.digest)
        if room >= 0:
            self._crowds |= {prompt: found[prompt] for prompt, count in counts.items() if count >= CROWD}


class Seen:
    """What a dry run would have stored, of which the database does not know; on the disk where it is much."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")

    def unseen(self, ready: Sequence[Ready]) -> list[Ready]:
        """Those that are not equal for a reader to any before. From now on they are seen."""
        return [item for item in ready if self._note(item.content)]

    def _note(self, content: Content) -> bool:
        return self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", [content.digest]).rowcount == 1


def _read(traces: TraceQuerySet) -> Iterator[Content]:
    for prompt, answer, steps in traces.values_list("prompt", "final_answer", "steps").iterator(_PAGE):
        yield content_of(prompt, answer, [step["content"] for step in orjson.loads(steps)])
