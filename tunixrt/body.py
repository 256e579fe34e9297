"""Bodies that break off: granian gives no sign of it, and half of a form or of a file would count as all."""

from collections.abc import Callable
from typing import Any, BinaryIO

Application = Callable[[dict[str, Any], Any], Any]


class WholeBody:
    """A wsgi.input that ends too early with an error, of which Django makes UnreadablePostError."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        self._stream, self._missing = stream, length
        self.is_broken = False

    def read(self, size: int = -1, /) -> bytes:
        """Less than `size` only at the end: whoever asks for all of it does not ask once more."""
        wanted = self._missing if size < 0 else min(size, self._missing)
        parts = []
        while wanted:
            parts.append(self._noted(self._stream.read(wanted)))
            wanted -= len(parts[-1])
        return b"".join(parts)

    def readline(self, size: int = -1, /) -> bytes:
        wanted = self._missing if size < 0 else min(size, self._missing)
        return self._noted(self._stream.readline(wanted)) if wanted else b""

    def _noted(self, part: bytes) -> bytes:
        self._missing -= len(part)
        if not part:
            self.is_broken = True
            raise ConnectionResetError(f"The client broke off, {self._missing} bytes before the end")
        return part


def expecting_whole_bodies(application: Application) -> Application:
    """Of those that say their length: whether a chunked one is whole cannot be told."""

    def perform(environ: dict[str, Any], start_response: Any) -> Any:
        length = environ.get("CONTENT_LENGTH", "")
        if length.isdecimal() and "HTTP_TRANSFER_ENCODING" not in environ:
            environ["wsgi.input"] = WholeBody(environ["wsgi.input"], int(length))
        return application(environ, start_response)

    return perform
