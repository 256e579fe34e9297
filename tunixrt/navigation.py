"""What stands beside every page: where one can go, with counts, and who may reach this place."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from apps.accounts.access import is_open_to
from apps.core.keyset import Count, count_rows
from apps.datasets.models import Dataset
from apps.jobs.models import Job
from apps.traces.models import Trace
from apps.tunix.models import Manifest


@dataclass(frozen=True)
class Place:
    name: str
    url: str
    is_here: bool
    count: Count | None


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Asked of the database once, and not at all by a fragment, which has no navigation."""
    return {"places": SimpleLazyObject(partial(_places, request)), "is_open": partial(is_open_to, request)}


def _places(request: HttpRequest) -> list[Place]:
    counts = {
        "Traces": count_rows(Trace.objects.all()),
        "Datasets": count_rows(Dataset.objects.current()),
        "Manifests": count_rows(Manifest.objects.all()),
    }
    if active := count_rows(Job.objects.active()).number:
        counts["Jobs"] = Count(active)
    places = [
        ("Overview", reverse("overview")),
        ("Traces", reverse("datasets:traces")),
        ("Imports", reverse("imports:list")),
        ("Datasets", reverse("datasets:list")),
        ("Tunix", reverse("tunix:panel")),
        ("Manifests", reverse("tunix:list")),
        ("UNGAR", reverse("ungar:panel")),
        ("Jobs", reverse("jobs:list")),
        ("Tokens", reverse("accounts:tokens")),
    ]
    if request.user.is_staff:
        places.append(("Audit", reverse("audit:list")))
    return [Place(name, url, _is_below(request.path, url), counts.get(name)) for name, url in places]


def _is_below(path: str, url: str) -> bool:
    return path == url or (url != "/" and path.startswith(f"{url}/"))
