from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from apps.core.api import UnknownPath
from apps.datasets import urls as datasets
from apps.traces import urls as traces
from apps.tunix import urls as tunix
from apps.ungar import urls as ungar
from tunixrt import api, views

api_urlpatterns = [
    *traces.api_urlpatterns,
    *datasets.api_urlpatterns,
    *tunix.api_urlpatterns,
    *ungar.api_urlpatterns,
    path("health", api.Health.as_view()),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
]

urlpatterns = [
    path("api/", include(api_urlpatterns)),
    re_path(r"^api(/.*)?$", UnknownPath.as_view()),
    path("", views.overview, name="overview"),
    path("", include("apps.accounts.urls")),
    path("admin/", admin.site.urls),
]

handler400 = views.bad_request
handler403 = views.forbidden
handler404 = views.not_found
handler500 = views.server_error
