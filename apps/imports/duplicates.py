"""Which traces are there already: equal for a reader, in Unicode NFC and with white space folded."""

import sqlite3
from collections.abc import Sequence

import orjson
from django.db import connection

from apps.core.digests import fold_text, short_hash
from apps.formats.trace import TracePayload
from apps.traces.models import Trace

_PAGE = 500

# Any number that no other lock of this kind has.
_LOCK = 0x696D70

Content = tuple[str, ...]


def _folded(prompt: str, final_answer: str, contents: Sequence[str]) -> Content:
    return (fold_text(prompt), fold_text(final_answer), *map(fold_text, contents))


def keep_others_out(*, is_keeping: bool) -> None:
    """Until the end of the transaction no other import looks for duplicates: it could not see what this one
    stores meanwhile. Those that keep duplicates do not look: they keep out only those that do.

    SQLite has one writer at a time anyway.
    """
    if connection.vendor == "postgresql":
        kind = "_shared" if is_keeping else ""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_xact_lock{kind}(%s, 0)", [_LOCK])


class Seen:
    """What a dry run would have stored, of which the database does not know; on the disk where it is much."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE seen (hash INTEGER PRIMARY KEY)")

    def unseen(self, payloads: Sequence[TracePayload]) -> list[TracePayload]:
        """Those that are not equal for a reader to any before. From now on they are seen."""
        return [payload for payload in payloads if self._note(payload)]

    def _note(self, payload: TracePayload) -> bool:
        folded = _folded(payload.prompt, payload.final_answer, payload.contents)
        digest = short_hash("\0".join(folded).encode())  # no text has a NUL
        number = int.from_bytes(bytes.fromhex(digest), signed=True)
        return self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", [number]).rowcount == 1


def without_duplicates(payloads: Sequence[TracePayload]) -> list[TracePayload]:
    """The first of each content, and none whose content is stored.

    What is stored is found by the hash of its prompt and then compared text by text.
    """
    new: dict[Content, TracePayload] = {}
    for payload in payloads:
        new.setdefault(_folded(payload.prompt, payload.final_answer, payload.contents), payload)
    hashes = {short_hash(content[0].encode()) for content in new}
    alike = Trace.objects.with_prompts(hashes).values_list("prompt", "final_answer", "steps")
    for prompt, final_answer, steps in alike.iterator(_PAGE):
        contents = [step["content"] for step in orjson.loads(steps)]
        new.pop(_folded(prompt, final_answer, contents), None)
    return [*new.values()]
