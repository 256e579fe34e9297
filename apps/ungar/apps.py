from django.apps import AppConfig


class UngarConfig(AppConfig):
    name = "apps.ungar"
    verbose_name = "UNGAR"
