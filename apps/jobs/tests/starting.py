"""Starting jobs on another database than this process's: in a process of their own."""

import json
import subprocess
import sys
from typing import Any

from apps.jobs.handlers import Handler

_PROGRAM = """
import json, sys
import django
django.setup()
from apps.jobs.handlers import find_handler
from apps.jobs.start import start_job
handler = find_handler(sys.argv[1])
for arguments in json.loads(sys.argv[2]):
    print(start_job(handler, arguments, title=arguments.get("source", "Try"), created_by=None).pk)
"""


def start_jobs(environment: dict[str, str], handler: Handler, *arguments: dict[str, Any]) -> list[str]:
    """Their keys. `environment` is that of the server or worker that will perform them."""
    command = [sys.executable, "-c", _PROGRAM, handler.act, json.dumps(arguments)]
    own = {**environment, "DJANGO_SETTINGS_MODULE": "tunixrt.settings"}
    return subprocess.run(command, env=own, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
