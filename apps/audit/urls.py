from django.urls import path

from apps.audit import api, views

app_name = "audit"

urlpatterns = [path("audit", views.list, name="list")]

api_urlpatterns = [path("audit", api.Acts.as_view())]
