import pytest
from pytest_django.fixtures import Settings


@pytest.fixture(autouse=True)
def closed_server(settings: Settings) -> None:
    """As it is by default, whatever the environment of the tests says; and quick at hashing passwords."""
    settings.OPEN = False
    settings.SECRET_KEY = "s" * 64
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
