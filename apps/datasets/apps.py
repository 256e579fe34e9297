from importlib import import_module

from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    name = "apps.datasets"

    def ready(self) -> None:
        import_module("apps.datasets.rank")  # what every connection to SQLite needs
