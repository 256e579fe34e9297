"""Hashes by which equal things are found, and the folding before them."""

import hashlib
import unicodedata


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def short_hash(data: bytes) -> str:
    """16 hexadecimal digits: 64 bits, enough to find by, not to prove by."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def fold_text(text: str) -> str:
    """`text` in Unicode NFC with every run of white space as one space: equal for a reader."""
    text = unicodedata.normalize("NFC", text)
    if text.isprintable() and "  " not in text:  # the only white space that is printable is a space
        return text.strip()
    return " ".join(text.split())
