"""What is computed of a trace when it comes in, from its payload alone."""

from typing import NamedTuple

from apps.core.digests import fold_text, sha256_hex, short_hash
from apps.core.json import canonical_json, compact_json
from apps.formats.flags import flag_trace
from apps.formats.gemma import count_control_tokens
from apps.formats.meta import meta_terms
from apps.formats.trace import TracePayload, baseline_score


class Derived(NamedTuple):
    """The columns of a trace but for those that say when and how it came in."""

    source: str
    trace_version: str
    step_count: int
    char_count: int
    control_tokens: int
    flags: int
    score: float
    content_digest: str
    prompt_hash: str
    meta_terms: str
    prompt: str
    final_answer: str
    steps: str
    meta: str


def derive(payload: TracePayload, prompt_hash: str | None = None) -> Derived:
    """All that is derived from a trace is derived here; whoever knows the hash of its prompt gives it."""
    contents = payload.contents
    texts = [payload.prompt, payload.final_answer, *contents]
    chars, control_tokens = sum(map(len, texts)), count_control_tokens(texts)
    return Derived(
        source=payload.source,
        trace_version=payload.trace_version,
        step_count=len(contents),
        char_count=chars,
        control_tokens=control_tokens,
        flags=flag_trace(contents, payload.final_answer, chars=chars, control_tokens=control_tokens),
        score=baseline_score([*map(len, contents)])["score"],
        content_digest=sha256_hex(canonical_json(payload.fields)),
        prompt_hash=prompt_hash or hash_prompt(fold_text(payload.prompt)),
        meta_terms=meta_terms(payload.meta),
        prompt=payload.prompt,
        final_answer=payload.final_answer,
        steps=compact_json(payload.steps),
        meta=compact_json(payload.meta),
    )


def hash_prompt(folded: str) -> str:
    """Of a prompt that is folded."""
    return short_hash(folded.encode())
