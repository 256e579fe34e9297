"""Which traces are duplicates: equal for a reader, in Unicode NFC and with white space folded."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from apps.core.digests import fold_text
from apps.traces.derive import hash_prompt


class Content(NamedTuple):
    """Folded: the hash of the prompt to find by, and one of all texts that is long enough to prove by."""

    prompt: str
    digest: bytes


def content_of(prompt: str, final_answer: str, contents: Iterable[str]) -> Content:
    prompt = fold_text(prompt)
    texts = "\0".join((prompt, fold_text(final_answer), *map(fold_text, contents)))
    return Content(hash_prompt(prompt), hashlib.blake2b(texts.encode(), digest_size=16).digest())
