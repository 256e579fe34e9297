"""What each worker of the server loads: the application, and a quick end."""

import ctypes
import gc
import signal
import sys

from django.urls import get_resolver

# A terminal's Ctrl-C reaches the workers too, but it is their parent that ends them, by SIGTERM. A worker
# that gets both while it ends may hang until it is killed.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
signal.signal(signal.SIGTERM, signal.SIG_DFL)  # until granian has set its own

PR_SET_PDEATHSIG = 1
if sys.platform == "linux":
    # A parent that is killed ends nobody: then the kernel does (prctl(2)), or the port would stay taken.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

from tunixrt.wsgi import application  # noqa: E402 - after the signals

__all__ = ["application"]

# Views are loaded now and not with the first request. What is loaded stays: the collector need not walk
# through it again and again.
list(get_resolver().url_patterns)
gc.collect()
gc.freeze()
