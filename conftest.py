"""Fixtures of all tests. Which database they run on is said by DATABASE_URL, as for the program."""

from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.models import User

pytest_plugins = ["tunixrt.tests.browser"]


@pytest.fixture(autouse=True)
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    """Exports of a test stay in a folder of its own."""
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture(autouse=True)
def quick_settings(settings: Settings) -> None:
    """To hash a password as it should be takes a quarter of a second, to look through all static files, which
    the application does when it is made, as every client makes one of its own, 20 ms.
    """
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def api(db: None, settings: Settings) -> Client:
    """A client on the own machine of an open server: may do what staff may."""
    settings.OPEN = True
    return Client(headers={"host": "localhost"})


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("reader", password="a long password")


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_user("keeper", password="a long password", is_staff=True)
