from importlib import import_module

from django.apps import AppConfig


class TracesConfig(AppConfig):
    name = "apps.traces"

    def ready(self) -> None:
        import_module("apps.traces.index")  # whose chore a worker does
