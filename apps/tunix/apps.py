from django.apps import AppConfig


class TunixConfig(AppConfig):
    name = "apps.tunix"
