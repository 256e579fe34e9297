"""The OpenAPI schema: whole, true, and without a request to another host."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import schemathesis
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, settings
from pytest_django.fixtures import Settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from apps.curation.tests.factories import make_groups
from apps.datasets.tests.factories import make_dataset
from apps.imports.api import CONTENT_TYPES
from apps.imports.tests.factories import lines, make_upload, row
from apps.jobs.tests.factories import make_job
from apps.traces.tests.factories import make_traces
from apps.tunix.manifest import Training, generate_manifest

ANSWERS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

Operation = dict[str, Any]
Case = schemathesis.Case[Any]


def generate_schema() -> dict[str, Any]:
    return dict(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


# Files, which schemathesis sends as they are.
for media_type in CONTENT_TYPES:
    if media_type not in ("application/json", "application/octet-stream", "text/csv"):
        schemathesis.serializer.alias(media_type, "application/octet-stream")

SERVED = schemathesis.openapi.from_dict(generate_schema(), config=schemathesis.Config())
SERVED.app = get_wsgi_application()


class Known(NamedTuple):
    """What is there to be found by a call."""

    trace: str
    key: str
    spare_key: str
    manifest: str
    job: str
    upload: str
    search: str
    group: str

    def aim(self, case: Case) -> bool:
        """Put known ids into a generated call: so it gets beyond 404. Whether there was a place for one."""
        places = [place for place in (case.path_parameters, case.query, case.body) if isinstance(place, dict)]
        key = self.spare_key if case.method == "DELETE" else self.key
        id = self._id(case.path)
        known = {"id": id, "key": key, "dataset_key": key, "base": self.trace, "other": self.trace}
        known["group"] = self.group
        found = [(place, name) for place in places for name in known.keys() & place.keys()]
        for place, name in found:
            place[name] = known[name]
        return bool(found)

    def _id(self, path: str) -> str:
        others = {"/tunix/manifests/": self.manifest, "/jobs/": self.job, "/imports/": self.upload}
        others["/curation/duplicates/"] = self.search
        return next((id for part, id in others.items() if part in path), self.trace)


@pytest.fixture
def known(transactional_db: None, settings: Settings) -> Known:
    settings.OPEN = True
    traces = make_traces(3)
    dataset, spare = make_dataset(), make_dataset(dataset_name="spare")
    training = Training("google/gemma-2b-it", "./output", 2e-5, 3, 8, 2048)
    manifest = generate_manifest(dataset.key, training, created_by=None)
    upload = make_upload(lines(row(1)))
    search = make_groups([2])
    return Known(
        str(traces[0].pk),
        dataset.key,
        spare.key,
        str(manifest.pk),
        str(make_job().pk),
        str(upload.pk),
        str(search.pk),
        str(search.groups.get().pk),
    )


# Werkzeug's test client, which schemathesis calls with, leaves its large multipart bodies to the collector.
@pytest.mark.filterwarnings("ignore:unclosed file <_io.BufferedRandom:ResourceWarning")
@SERVED.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=[*HealthCheck], database=None)
def test_every_answer_is_as_documented(case: Case, known: Known) -> None:
    case.call_and_validate(checks=[*ANSWERS, negative_data_rejection])
    if known.aim(case):
        case.call_and_validate(checks=ANSWERS)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return generate_schema()


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_the_schema_is_valid_and_without_warnings(tmp_path: Path) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml"))
    assert (tmp_path / "schema.yaml").stat().st_size > 0


def test_every_call_is_in_the_schema(schema: dict[str, Any]) -> None:
    assert [f"{method.upper()} {path}" for method, path, _ in operations(schema)] == [
        "GET /api/audit",
        "POST /api/curation",
        "GET /api/curation/duplicates",
        "POST /api/curation/duplicates",
        "GET /api/curation/duplicates/{id}",
        "DELETE /api/curation/duplicates/{id}",
        "GET /api/curation/duplicates/{id}/groups",
        "GET /api/curation/duplicates/{id}/groups/{group}",
        "POST /api/curation/duplicates/{id}/groups/{group}",
        "POST /api/curation/overlap",
        "GET /api/datasets",
        "GET /api/datasets/{key}",
        "DELETE /api/datasets/{key}",
        "GET /api/datasets/{key}/curation",
        "GET /api/datasets/{key}/entries",
        "GET /api/datasets/{key}/export.jsonl",
        "POST /api/datasets/build",
        "GET /api/health",
        "GET /api/imports",
        "POST /api/imports",
        "GET /api/imports/{id}",
        "DELETE /api/imports/{id}",
        "POST /api/imports/{id}/again",
        "GET /api/imports/{id}/rejected.jsonl",
        "POST /api/imports/{id}/start",
        "GET /api/jobs",
        "GET /api/jobs/{id}",
        "POST /api/jobs/{id}/cancel",
        "GET /api/traces",
        "POST /api/traces",
        "GET /api/traces/{id}",
        "DELETE /api/traces/{id}",
        "GET /api/traces/{id}/curation",
        "POST /api/traces/{id}/notes",
        "POST /api/traces/{id}/review",
        "POST /api/traces/{id}/score",
        "POST /api/traces/{id}/tags",
        "POST /api/traces/batch",
        "GET /api/traces/compare",
        "GET /api/tunix/manifests",
        "GET /api/tunix/manifests/{id}",
        "GET /api/tunix/manifests/{id}.yaml",
        "POST /api/tunix/sft/export",
        "POST /api/tunix/sft/manifest",
        "GET /api/tunix/status",
        "GET /api/ungar/high-card-duel/export.jsonl",
        "POST /api/ungar/high-card-duel/generate",
        "GET /api/ungar/status",
    ]


def expected_refusals(path: str, operation: Operation) -> set[str]:
    always = {"400", "401", "403", "429"}
    of_body = {"413", "415"} if "requestBody" in operation else set()
    return always | of_body | ({"404"} if "{" in path else set())


def test_every_call_documents_its_refusals(schema: dict[str, Any]) -> None:
    for method, path, operation in operations(schema):
        if path == "/api/health":
            continue
        documented = operation["responses"]
        assert (method, path, expected_refusals(path, operation) - documented.keys()) == (method, path, set())
        for status in documented.keys() & {"400", "401", "403", "404", "409", "413", "415", "429"}:
            content = documented[status]["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert content["examples"]


def test_the_ways_in_are_documented(schema: dict[str, Any]) -> None:
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    # A token, a session, or (on the own machine of an open server) neither.
    ways = {
        str(operation.get("security")) for _, path, operation in operations(schema) if "health" not in path
    }
    assert ways == {"[{'token': []}, {'cookieAuth': []}, {}]"}


def examples(operation: Operation) -> list[Any]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return [example["value"] for example in content.get("examples", {}).values()]


def status_of(response: Any) -> int:
    """Once it is read to its end, which closes what it is read from."""
    b"".join(response)
    return int(response.status_code)


@pytest.mark.django_db
def test_the_examples_of_bodies_are_accepted(api: Client, schema: dict[str, Any]) -> None:
    make_traces(1)
    make_dataset(dataset_name="ungar_hcd")
    accepted = {
        path: [
            status_of(api.post(path, body, content_type="application/json")) for body in examples(operation)
        ]
        for method, path, operation in operations(schema)
        if method == "post" and "{" not in path and examples(operation)
    }
    assert accepted == {
        "/api/curation": [200],
        "/api/curation/duplicates": [202],
        "/api/curation/overlap": [202],
        "/api/datasets/build": [201, 201],
        "/api/traces": [201],
        "/api/traces/batch": [201],
        "/api/tunix/sft/export": [200],
        "/api/tunix/sft/manifest": [201],
        "/api/ungar/high-card-duel/generate": [201],
    }


ADDRESS = re.compile(r"""(?:src|href|action)\s*=\s*["']([^"']*)|url\(\s*["']?([^"')]*)""")


def test_the_docs_ask_no_other_host(api: Client) -> None:
    page = api.get("/api/docs").text
    addresses = [first or second for first, second in ADDRESS.findall(page)]
    assert len(addresses) >= 3
    assert [address for address in addresses if not re.match(r"/(?!/)", address)] == []
    assert re.findall(r"https?://[^\s\"'<]*", page) == []
    statuses = {address: status_of(api.get(address)) for address in addresses}
    assert {*statuses.values()} == {200}, statuses


def test_the_schema_points_to_no_other_host(api: Client) -> None:
    assert re.findall(r"https?://[^\s\"'<]*", api.get("/api/schema").text) == []
