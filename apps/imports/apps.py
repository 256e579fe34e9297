from importlib import import_module

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    name = "apps.imports"

    def ready(self) -> None:
        import_module("apps.imports.prune")  # whose chore a worker does
