"""What may be set from outside, and what each value must be. Read by settings.py alone."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import dj_database_url
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

BASE_DIR = Path(__file__).resolve().parent.parent
DATABASE_TASKS = "database"

_Names = Annotated[list[str], NoDecode]


class Environment(BaseSettings):
    """What may be set from outside; the README's configuration table says what each does."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    DATABASE_URL: str = ""
    TUNIXRT_DATA_DIR: Path = BASE_DIR / "var"
    TUNIXRT_SECRET_KEY: Annotated[str, Field(min_length=32)] | None = None
    TUNIXRT_DEBUG: bool = False
    TUNIXRT_URL: str = ""
    TUNIXRT_ALLOWED_HOSTS: _Names = []
    TUNIXRT_TRUSTED_PROXIES: _Names = []
    TUNIXRT_OPEN: bool = False
    TUNIXRT_API_RATE: str | None = None
    TUNIXRT_TASKS: str = DATABASE_TASKS
    TUNIXRT_LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    TRACE_MAX_BYTES: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = 1024 * 1024

    @field_validator("TUNIXRT_ALLOWED_HOSTS", "TUNIXRT_TRUSTED_PROXIES", mode="before")
    @classmethod
    def split_names(cls, value: Any) -> Any:
        return [name for name in re.split(r"[,\s]+", value) if name] if isinstance(value, str) else value

    @field_validator("TUNIXRT_ALLOWED_HOSTS")
    @classmethod
    def check_hosts(cls, value: list[str]) -> list[str]:
        for name in value:
            if not re.fullmatch(r"\*|\.?[\w.-]+|\[[\da-fA-F:]+\]", name, re.ASCII):
                raise ValueError(f"{name} is no host name")
        return value

    @field_validator("TUNIXRT_TRUSTED_PROXIES")
    @classmethod
    def check_proxies(cls, value: list[str]) -> list[str]:
        for address in value:
            ip_network(address)
        return value

    @field_validator("TUNIXRT_URL")
    @classmethod
    def check_url(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://([\w.-]+|\[[\da-fA-F:]+\])(:\d{1,5})?/?", value, re.ASCII):
            raise ValueError("it must be an address such as https://traces.example.org")
        return value.rstrip("/")

    @field_validator("TUNIXRT_API_RATE")
    @classmethod
    def check_rate(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"[1-9]\d*/(second|minute|hour|day)", value):
            raise ValueError("it must be calls per second, minute, hour or day, such as 600/minute")
        return value

    @field_validator("TUNIXRT_TASKS")
    @classmethod
    def check_tasks(cls, value: str) -> str:
        if value == DATABASE_TASKS:
            return value
        # Nothing of a refused value is said: it may hold a password.
        reason = f"it must be {DATABASE_TASKS} or an address such as redis://localhost:6379/0"
        try:
            url = urlsplit(value)
            is_redis = url.scheme in ("redis", "rediss") and url.hostname and url.port != 0
        except ValueError as error:
            raise ValueError(reason) from error
        if not is_redis or not re.fullmatch(r"(/\d{0,4})?", url.path, re.ASCII) or url.query or url.fragment:
            raise ValueError(reason)
        return value

    @field_validator("DATABASE_URL")
    @classmethod
    def check_database(cls, value: str) -> str:
        if value and not re.match(r"(sqlite|postgres|postgresql)://", value):
            raise ValueError("it must begin with postgres:// or sqlite://")
        if value:
            dj_database_url.parse(value)
        return value
