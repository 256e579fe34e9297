"""The indexed form of a trace's top-level meta: a set of terms, one for each key with its value.

A term is a hash of the key and the canonical value, so the two databases agree to the bit on what
equals what, which their own JSON comparisons do not: `1` equals `1.0`, but neither `"1"` nor `true`.
"""

from collections.abc import Mapping
from typing import Any

from apps.core.digests import short_hash
from apps.core.json import INT64, JSONError, canonical_json, parse_json


def meta_term(key: str, value: Any) -> str:
    return short_hash(key.encode() + b"\0" + canonical_json(_normal(value)))


def meta_terms(meta: Mapping[str, Any] | None) -> str:
    return " ".join(sorted(meta_term(key, value) for key, value in (meta or {}).items()))


def spelled_terms(key: str, text: str) -> set[str]:
    """What `text` from a query string may stand for: that string, and the JSON scalar that it spells."""
    terms = {meta_term(key, text)}
    try:
        value = parse_json(text)
    except JSONError:
        return terms
    return terms if isinstance(value, dict | list) else terms | {meta_term(key, value)}


def _normal(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < INT64 else value
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in value.items()}
    return [_normal(item) for item in value] if isinstance(value, list) else value
