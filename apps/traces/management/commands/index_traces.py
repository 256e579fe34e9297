import time
from typing import Any

from apps.core.commands import ActCommand
from apps.traces.index import index_new_traces


class Command(ActCommand):
    help = "Index for search what is not indexed yet. A worker does the same beside the server."

    def act(self, **_: Any) -> None:
        started = time.monotonic()
        count = index_new_traces()
        self.stdout.write(f"Indexed {count} traces in {time.monotonic() - started:.1f} s")
