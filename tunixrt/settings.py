"""Every setting, and the only place that reads the environment.

A bad value ends the process with one sentence that names the variable.
"""

import os
import secrets
import sys
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import django_stubs_ext
from pydantic import ValidationError

from apps.core.wording import message_of
from tunixrt.environment import BASE_DIR, DATABASE_TASKS, Environment

# Django's classes take type arguments, as their type stubs say, also when the program runs.
django_stubs_ext.monkeypatch()

LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]


def _read_environment() -> Environment:
    try:
        return Environment()
    except ValidationError as error:
        first = error.errors()[0]
        sys.exit(
            f"The environment variable {first['loc'][0]} cannot be used: {message_of(first).rstrip('.')}."
        )


env = _read_environment()

DATA_DIR = env.TUNIXRT_DATA_DIR.resolve()
OPEN = env.TUNIXRT_OPEN
DEBUG = env.TUNIXRT_DEBUG
TRACE_MAX_BYTES = env.TRACE_MAX_BYTES
TRUSTED_PROXIES = env.TUNIXRT_TRUSTED_PROXIES


def _prepare_data_dir() -> None:
    try:
        DATA_DIR.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(f"The data folder TUNIXRT_DATA_DIR={DATA_DIR} cannot be made: {error.strerror}.")
    if not os.access(DATA_DIR, os.W_OK | os.X_OK):
        sys.exit(f"The data folder TUNIXRT_DATA_DIR={DATA_DIR} cannot be written to.")


def _secret_key() -> str:
    if env.TUNIXRT_SECRET_KEY:
        return env.TUNIXRT_SECRET_KEY
    if not (DEBUG or OPEN):
        return ""  # commands such as migrate need none; what serves refuses to, see wsgi.py
    path = DATA_DIR / "secret_key"
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    # Another process that starts at the same moment may have made the file and not yet filled it.
    return path.read_text() or sys.exit(f"{path} is empty. Delete it and start again.")


_prepare_data_dir()
SECRET_KEY = _secret_key()

# --- Where it is reached -----------------------------------------------------------------------

_url = urlsplit(env.TUNIXRT_URL)
ALLOWED_HOSTS = env.TUNIXRT_ALLOWED_HOSTS or [*LOOPBACK, *filter(None, [_url.hostname])]
_is_https = _url.scheme == "https"
CSRF_TRUSTED_ORIGINS = [env.TUNIXRT_URL] if _is_https else []
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SECURE_SSL_REDIRECT = _is_https
SECURE_REDIRECT_EXEMPT = [r"^api/health$"]  # asked from inside, before any proxy
SECURE_HSTS_SECONDS = 31_536_000 if _is_https else 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
# W005, W021: whether HSTS also binds the subdomains is for the owner of the domain to say.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_HTTPONLY = True
APPEND_SLASH = False
X_FRAME_OPTIONS = "DENY"
# What a form may send: a trace grows up to threefold when percent-encoded, and beside it stand the names of
# its fields; 1,000 steps have several each, and a selection of the admin may have 10,000.
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * TRACE_MAX_BYTES + 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 12_000
# A file to be imported goes to the disk as it comes.
IMPORT_MAX_BYTES = 2 << 30
CSRF_FAILURE_VIEW = "tunixrt.refusals.csrf_failure"

# What answers JSON, which runs nothing. The API's docs, which are a page, are not among these.
PATHS_OF_JSON = tuple(
    f"/api/{name}" for name in ("health", "traces", "datasets", "imports", "jobs", "tunix", "ungar", "audit")
)
# Everything comes from this server, and no script or style from within a page.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    },
    "EXCLUDE_URL_PREFIXES": PATHS_OF_JSON,
}

# --- What it is made of ------------------------------------------------------------------------

INSTALLED_APPS = [
    "tunixrt",
    "apps.accounts",
    "apps.core",
    "apps.audit",
    "apps.jobs",
    "apps.traces",
    "apps.curation",
    "apps.imports",
    "apps.datasets",
    "apps.ungar",
    "apps.tunix",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",  # its templates, of which this project replaces one
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "axes",
    "django_tasks",
    "django_tasks_db",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.audit.middleware.CallerMiddleware",
    "apps.accounts.middleware.MemberMiddleware",
    "apps.accounts.middleware.PageMessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "tunixrt.middleware.PagePolicyMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "tunixrt.middleware.RefusalMiddleware",
]

ROOT_URLCONF = "tunixrt.urls"
WSGI_APPLICATION = "tunixrt.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tunixrt.navigation.navigation",
            ]
        },
    }
]

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Files are found where the apps keep them and read once at start: no collecting step to forget.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = "tunixrt.formats"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Database ----------------------------------------------------------------------------------

_SQLITE_OPTIONS = {
    # Without IMMEDIATE a transaction that reads before it writes fails with "database is locked".
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
        "PRAGMA mmap_size=134217728;PRAGMA cache_size=-20000;"
        # A batch of traces fills the default of 1000 pages: each would wait for the disk.
        "PRAGMA wal_autocheckpoint=4000;"
    ),
}
# Threads of a server process (see the serve command): more of them wait for each other's interpreter lock,
# fewer are soon all taken by slow downloads. As many connections, so that none waits for one.
SERVER_THREADS = 4
_POSTGRESQL_OPTIONS = {
    "pool": {"min_size": 1, "max_size": SERVER_THREADS + 2, "timeout": 5},
    # Holds for the statements of apps.core.sql.planned_once alone; Django's own are sent with their values.
    "prepare_threshold": 5,
}


def _database() -> dict[str, Any]:
    config: dict[str, Any] = dict(
        dj_database_url.parse(env.DATABASE_URL or f"sqlite:///{DATA_DIR / 'tunixrt.sqlite3'}")
    )
    is_sqlite = config["ENGINE"] == "django.db.backends.sqlite3"
    options = _SQLITE_OPTIONS if is_sqlite else _POSTGRESQL_OPTIONS
    # Opening SQLite and setting its pragmas takes longer than most requests: each thread keeps its own.
    # PostgreSQL's connections are kept by the pool.
    max_age = None if is_sqlite else 0
    return {**config, "CONN_MAX_AGE": max_age, "OPTIONS": {**options, **config.get("OPTIONS", {})}}


DATABASES = {"default": _database()}
# In the database, so that a limit counts over all workers; its table comes with a migration.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "accounts_cache"}}

# --- Accounts ----------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "accounts:login"

# Sign-in attempts are counted in the database: over all workers, and for the admin's form alike.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "tunixrt.refusals.locked"
AXES_VERBOSE = False

KNOX_TOKEN_MODEL = "accounts.ApiToken"
# Knox's own would make a table that nothing uses and that is in the way of emptying the users'.
MIGRATION_MODULES: dict[str, str | None] = {"knox": None}
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_TTL": None, "TOKEN_MODEL": KNOX_TOKEN_MODEL}

# --- Jobs --------------------------------------------------------------------------------------

if env.TUNIXRT_TASKS == DATABASE_TASKS:
    TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    JOBS_ENGINE = "apps.jobs.engines.database"
else:
    TASKS = {"default": {"BACKEND": "django_tasks_rq.RQBackend"}}
    JOBS_ENGINE = "apps.jobs.engines.redis"
    INSTALLED_APPS += ["django_rq", "django_tasks_rq"]
    RQ_QUEUES = {
        "default": {
            "URL": f"{env.TUNIXRT_TASKS}?socket_connect_timeout=2",  # a request waits for it
            "DEFAULT_TIMEOUT": -1,  # a long act may take as long as it takes
        }
    }
    RQ_SHOW_ADMIN_LINK = False
    MIGRATION_MODULES["django_rq"] = None  # it has no table

# What workers look after now and then beside the jobs themselves: jobs know no app above theirs.
JOBS_SWEEPS = ["apps.imports.settle.settle_imports", "apps.curation.settle.settle_duplicates"]

# --- API ---------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.accounts.authentication.BearerAuthentication",
        "apps.accounts.authentication.CookieAuthentication",
        "apps.accounts.authentication.OpenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["apps.accounts.authentication.IsMember"],
    "DEFAULT_THROTTLE_CLASSES": (
        ["rest_framework.throttling.UserRateThrottle"] if env.TUNIXRT_API_RATE else []
    ),
    "DEFAULT_THROTTLE_RATES": {"user": env.TUNIXRT_API_RATE},
    "NUM_PROXIES": 0,  # the peer is settled before Django runs, see wsgi.py
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "apps.core.negotiation.AlwaysJSON",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.core.problems.handle_exception",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "tunix-rt",
    "DESCRIPTION": "Reasoning traces become frozen datasets, training files and training manifests.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["apps.accounts.authentication.IsMember"],
    "ENUM_NAME_OVERRIDES": {
        "JobState": "apps.jobs.serializers.STATES",
        "ReviewState": "apps.curation.serializers.STATES",
        "DuplicateSearchState": "apps.curation.serializers.SEARCH_STATES",
        "DuplicateGroupState": "apps.curation.serializers.GROUP_STATES",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- Log ---------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.TUNIXRT_LOG_LEVEL},
    "loggers": {
        "django": {"level": env.TUNIXRT_LOG_LEVEL},
        "django_tasks_db": {"level": "WARNING"},  # it says at each task that it starts and ends
    },
}
