import os
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from apps.core.commands import check_migrations, positive
from tunixrt.first_run import prepare_first_run
from tunixrt.preflight import check_port, check_secret_key


class Command(BaseCommand):
    help = "Serve pages and API with granian, after a look at what would stop it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=positive, default=8000)
        parser.add_argument("--workers", type=positive, default=min(os.cpu_count() or 1, 4))
        parser.add_argument(
            "--first-run",
            action="store_true",
            help="migrate; give an empty database sample data and an admin, whose password is printed",
        )

        parser.add_argument(
            "--no-worker",
            action="store_false",
            dest="has_worker",
            help="leave the jobs to others (manage.py work)",
        )

    def handle(
        self, *, host: str, port: int, workers: int, first_run: bool, has_worker: bool, **_: Any
    ) -> None:
        check_secret_key()
        check_port(host, port)
        if first_run:
            prepare_first_run(self.stdout)
        check_migrations()
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--http", "1"]
        command += ["--host", host, "--port", str(port), "--workers", str(workers)]
        command += ["--blocking-threads", str(settings.SERVER_THREADS), "--log-level", "error"]
        # A download that is still running must not hold up the end.
        command += ["--workers-kill-timeout", "2", "tunixrt.worker:application"]
        self.stdout.write(f"tunix-rt serves on http://{host}:{port} (Ctrl-C ends it)")
        self.stdout.flush()
        os.chdir(settings.BASE_DIR)  # where the worker's modules are found
        if has_worker:
            # A child of the server, which takes the place of this process.
            subprocess.Popen([sys.executable, "-m", "tunixrt.beside", str(os.getpid())])
        os.execv(sys.executable, command)
