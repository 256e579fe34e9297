from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "apps.audit"

    def ready(self) -> None:
        # Not at the top: it imports models, which exist only now.
        from apps.audit.listen import connect_signals

        connect_signals()
