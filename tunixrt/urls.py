from csp.decorators import csp_update
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from apps.audit import urls as audit
from apps.core.api import UnknownPath
from apps.curation import urls as curation
from apps.datasets import urls as datasets
from apps.imports import urls as imports
from apps.jobs import urls as jobs
from apps.traces import urls as traces
from apps.tunix import urls as tunix
from apps.ungar import urls as ungar
from tunixrt import api, refusals, views

# Swagger UI styles itself from within its page; its script comes as a file of its own.
docs = csp_update({"style-src": ["'unsafe-inline'"]})(SpectacularSwaggerSplitView.as_view(url_name="schema"))

api_urlpatterns: list[URLPattern | URLResolver] = [
    # A path is compared with one after the other: by their prefix these are found, and passed over, at once.
    path("tunix/", include(tunix.api_urlpatterns)),
    path("ungar/", include(ungar.api_urlpatterns)),
    *traces.api_urlpatterns,
    *curation.api_urlpatterns,
    *datasets.api_urlpatterns,
    *imports.api_urlpatterns,
    *jobs.api_urlpatterns,
    *audit.api_urlpatterns,
    path("health", api.Health.as_view()),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", docs, name="docs"),
]

urlpatterns = [
    path("api/", include(api_urlpatterns)),
    re_path(r"^api(/.*)?$", UnknownPath.as_view()),
    path("", views.overview, name="overview"),
    path("", include("apps.accounts.urls")),
    path("", include("apps.traces.urls")),
    path("", include("apps.curation.urls")),
    path("", include("apps.datasets.urls")),
    path("", include("apps.imports.urls")),
    path("", include("apps.jobs.urls")),
    path("", include("apps.ungar.urls")),
    path("", include("apps.tunix.urls")),
    path("", include("apps.audit.urls")),
    path("admin/", admin.site.urls),
]

handler400 = refusals.bad_request
handler403 = refusals.forbidden
handler404 = refusals.not_found
handler500 = refusals.server_error
