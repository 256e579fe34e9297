"""System packages that this machine lacks: installed as root, else named in the one line to type."""

import os
import shutil
import subprocess
import sys


def install_packages(names: list[str]) -> None:
    if not names:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *names]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(
            f"This machine lacks {', '.join(names)}. Type: sudo apt-get update && sudo {' '.join(command)}"
        )
    print(f"Installing {', '.join(names)} with apt-get ...", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update"], command):
        done = subprocess.run(
            step, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if done.returncode:
            sys.exit(f"{done.stdout.decode(errors='replace')}\n{' '.join(step)} failed.")
