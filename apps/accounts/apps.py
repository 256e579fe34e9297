from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apps.accounts"

    def ready(self) -> None:
        # Not at the top: drf-spectacular imports models, which exist only now.
        from apps.accounts import schema  # noqa: F401
