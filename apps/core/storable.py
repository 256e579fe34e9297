"""Texts of any origin, as every database takes them."""


def storable(text: str) -> str:
    """PostgreSQL takes neither NUL nor half characters."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
