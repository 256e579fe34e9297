"""The environment is read once, when the settings are imported: each case needs a process of its own."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

OURS = ("DATABASE_URL", "TRACE_MAX_BYTES", "TUNIXRT_", "DJANGO_")

BAD: list[tuple[str, str]] = [
    ("DATABASE_URL", "mysql://localhost/traces"),
    ("DATABASE_URL", "traces.sqlite3"),
    ("DATABASE_URL", "postgres://user:pass[word@localhost/traces"),
    ("DATABASE_URL", "postgres://localhost:port/traces"),
    ("DATABASE_URL", "postgres://localhost:99999/traces"),
    ("TUNIXRT_DATA_DIR", "{file}"),
    ("TUNIXRT_DATA_DIR", "{file}/deeper"),
    ("TUNIXRT_SECRET_KEY", "short"),
    ("TUNIXRT_SECRET_KEY", "s" * 31),
    ("TUNIXRT_DEBUG", "maybe"),
    ("TUNIXRT_OPEN", "2"),
    ("TUNIXRT_URL", "traces.example.org"),
    ("TUNIXRT_URL", "ftp://traces.example.org"),
    ("TUNIXRT_URL", "https://"),
    ("TUNIXRT_URL", "https://traces.example.org/path"),
    ("TUNIXRT_URL", "https://traces.example.org?a=b"),
    ("TUNIXRT_URL", "https://traces.example.org:port"),
    ("TUNIXRT_URL", "https://[::1"),
    ("TUNIXRT_ALLOWED_HOSTS", "https://traces.example.org"),
    ("TUNIXRT_TRUSTED_PROXIES", "proxy.example.org"),
    ("TUNIXRT_TRUSTED_PROXIES", "10.0.0.1, 10.0.0.0/33"),
    ("TUNIXRT_API_RATE", "fast"),
    ("TUNIXRT_API_RATE", "600"),
    ("TUNIXRT_API_RATE", "0/minute"),
    ("TUNIXRT_API_RATE", "10/week"),
    ("TUNIXRT_LOG_LEVEL", "LOUD"),
    ("TUNIXRT_TASKS", "immediate"),
    ("TUNIXRT_TASKS", "redis"),
    ("TUNIXRT_TASKS", "redis://"),
    ("TUNIXRT_TASKS", "redis://localhost:port/0"),
    ("TUNIXRT_TASKS", "redis://localhost:99999"),
    ("TUNIXRT_TASKS", "redis://localhost/queue"),
    ("TUNIXRT_TASKS", "redis://localhost/0?db=1"),
    ("TUNIXRT_TASKS", "amqp://localhost/0"),
    ("TRACE_MAX_BYTES", "1MiB"),
    ("TRACE_MAX_BYTES", "0"),
    ("TRACE_MAX_BYTES", "1023"),
    ("TRACE_MAX_BYTES", "-1"),
    ("TRACE_MAX_BYTES", "16777217"),
]

GOOD: list[dict[str, str]] = [
    {},
    {"DATABASE_URL": "postgres://u:p%40ss@db.example.org:5432/traces?sslmode=require"},
    {"DATABASE_URL": "postgresql://localhost/traces"},
    {"TUNIXRT_TASKS": "database"},
    {"TUNIXRT_TASKS": "rediss://localhost"},
    {
        "TUNIXRT_URL": "https://traces.example.org:8443/",
        "TUNIXRT_ALLOWED_HOSTS": "traces.example.org, .example.org *",
        "TUNIXRT_TRUSTED_PROXIES": "127.0.0.1,10.0.0.0/8 fd00::/8",
        "TUNIXRT_API_RATE": "600/minute",
        "TUNIXRT_LOG_LEVEL": "WARNING",
        "TUNIXRT_TASKS": "redis://user:p%40ss@redis.example.org:6379/1",
        "TRACE_MAX_BYTES": "1024",
        "TUNIXRT_DEBUG": "on",
        "TUNIXRT_OPEN": "true",
    },
    {"TUNIXRT_DEBUG": "", "TUNIXRT_OPEN": "", "TRACE_MAX_BYTES": "", "TUNIXRT_URL": ""},
]


def run(tmp_path: Path, *arguments: str, **own: str) -> subprocess.CompletedProcess[str]:
    """A process whose environment has none of our variables but these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [sys.executable, *arguments],
        env={**inherited, "TUNIXRT_DATA_DIR": str(tmp_path), **own},
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def read_settings(tmp_path: Path, **own: str) -> subprocess.CompletedProcess[str]:
    return run(tmp_path, "-c", "import tunixrt.settings", **own)


def assert_is_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """That the process ended with one sentence; the sentence."""
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (1, "", 1), done.stderr
    assert lines[0].endswith(".")
    return lines[0]


@pytest.mark.parametrize(("name", "value"), BAD, ids=range(len(BAD)))
def test_a_bad_value_is_a_sentence_that_names_the_variable(tmp_path: Path, name: str, value: str) -> None:
    file = tmp_path / "file"
    file.touch()
    sentence = assert_is_sentence(read_settings(tmp_path, **{name: value.replace("{file}", str(file))}))
    assert name in sentence


@pytest.mark.parametrize("own", GOOD, ids=range(len(GOOD)))
def test_good_values_and_none_are_accepted(tmp_path: Path, own: dict[str, str]) -> None:
    done = read_settings(tmp_path, **own)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_error_does_not_show_the_secret_key(tmp_path: Path) -> None:
    assert "my-secret" not in read_settings(tmp_path, TUNIXRT_SECRET_KEY="my-secret").stderr


def test_an_error_does_not_show_the_password_of_the_database(tmp_path: Path) -> None:
    assert "hunter2" not in read_settings(tmp_path, DATABASE_URL="mysql://user:hunter2@localhost/x").stderr
    assert "hunter2" not in read_settings(tmp_path, TUNIXRT_TASKS="redis://user:hunter2@localhost/x").stderr


def test_every_variable_has_its_bad_values(tmp_path: Path) -> None:
    program = "from tunixrt.environment import Environment; print(*Environment.model_fields)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert {*done.stdout.split()} == {name for name, _ in BAD}


def test_an_open_server_draws_its_key_once(tmp_path: Path) -> None:
    program = "import tunixrt.settings as settings; print(settings.SECRET_KEY)"
    first, second = (run(tmp_path, "-c", program, TUNIXRT_OPEN="1").stdout for _ in range(2))
    path = tmp_path / "secret_key"
    assert first == second == path.read_text() + "\n"
    assert len(first) >= 64
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "arguments", [["manage.py", "serve"], ["-c", "import tunixrt.wsgi"]], ids=["serve", "wsgi"]
)
def test_a_closed_server_without_a_key_does_not_start(tmp_path: Path, arguments: list[str]) -> None:
    assert assert_is_sentence(run(tmp_path, *arguments)) == (
        "Set TUNIXRT_SECRET_KEY to 32 or more random characters, or TUNIXRT_OPEN=1 for this machine only."
    )


def test_the_deployment_check_is_content_with_production_settings(tmp_path: Path) -> None:
    own = {"TUNIXRT_SECRET_KEY": secrets.token_urlsafe(48), "TUNIXRT_URL": "https://traces.example.org"}
    done = run(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **own)
    assert (done.returncode, done.stderr) == (0, "")


def test_https_turns_on_what_protects_it(tmp_path: Path) -> None:
    names = "SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE SECURE_SSL_REDIRECT SECURE_HSTS_SECONDS ALLOWED_HOSTS"
    program = f"import tunixrt.settings as s; print(*(getattr(s, name) for name in {names.split()}), sep='|')"
    https = run(tmp_path, "-c", program, TUNIXRT_URL="https://traces.example.org").stdout.strip()
    assert https == "True|True|True|31536000|['localhost', '127.0.0.1', '[::1]', 'traces.example.org']"
    plain = run(tmp_path, "-c", program).stdout.strip()
    assert plain == "False|False|False|0|['localhost', '127.0.0.1', '[::1]']"


@pytest.mark.parametrize(
    ("command", "url"),
    [
        ("migrate", "postgres://nobody:hunter2@127.0.0.1:1/none"),
        ("migrate", "sqlite:///{folder}/none/traces.sqlite3"),
        ("createtoken", "sqlite:///{folder}/none/traces.sqlite3"),
    ],
    ids=range(3),
)
def test_a_database_that_is_not_there_is_a_sentence(tmp_path: Path, command: str, url: str) -> None:
    name = ["script"] if command == "createtoken" else []
    done = run(tmp_path, "manage.py", command, *name, DATABASE_URL=url.replace("{folder}", str(tmp_path)))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("The database cannot be used: ")
    assert done.stderr.endswith("Check DATABASE_URL and that its server runs.\n")


def test_a_database_without_tables_is_a_sentence(tmp_path: Path) -> None:
    done = run(tmp_path, "manage.py", "createtoken", "script")
    assert (done.returncode, done.stderr) == (
        1,
        "CommandError: The database is not up to date. Run: manage.py migrate\n",
    )


def test_ctrl_c_shows_no_traceback(tmp_path: Path) -> None:
    arguments = ["manage.py", "shell", "--verbosity=0", "-c", "raise KeyboardInterrupt"]
    interrupted = run(tmp_path, *arguments, TUNIXRT_OPEN="1")
    assert (interrupted.returncode, interrupted.stdout, interrupted.stderr) == (130, "", "")
