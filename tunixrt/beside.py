"""Keeps one worker beside the server: started again when it dies, ended when the server ends.

The serve command starts it as a process of its own, without Django: it is there all the time and does little.
"""

import os
import signal
import subprocess
import sys
import time
from types import FrameType

LOOK_SECONDS = 0.1
PAUSE_SECONDS = 1.0
END_SECONDS = 0.6
# The server's answers come first.
NICENESS = 5


class Keeper:
    def __init__(self, server: int) -> None:
        self._server = server
        self._is_ended = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._is_ended = True

    @property
    def is_wanted(self) -> bool:
        return not self._is_ended and os.getppid() == self._server

    def keep(self) -> None:
        while self.is_wanted:
            worker = subprocess.Popen([sys.executable, "manage.py", "work", "--parent", str(os.getpid())])
            while self.is_wanted and worker.poll() is None:
                time.sleep(LOOK_SECONDS)
            _stop(worker)
            if self.is_wanted:
                time.sleep(PAUSE_SECONDS)


def _stop(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    try:
        worker.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


if __name__ == "__main__":
    os.nice(NICENESS)
    Keeper(server=int(sys.argv[1])).keep()
