from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from apps.core.api import UnknownPath
from tunixrt import api, views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("", include("apps.accounts.urls")),
    path("", include("apps.traces.urls")),
    path("", include("apps.datasets.urls")),
    path("", include("apps.ungar.urls")),
    path("", include("apps.tunix.urls")),
    path("api/health", api.Health.as_view()),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    re_path(r"^api(/.*)?$", UnknownPath.as_view()),
    path("admin/", admin.site.urls),
]

handler400 = views.bad_request
handler403 = views.forbidden
handler404 = views.not_found
handler500 = views.server_error
