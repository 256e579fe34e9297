"""Searches for duplicates, and the groups that they found, gone through one after the other."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.access import require_staff
from apps.accounts.idempotency import once
from apps.accounts.models import account_of
from apps.core.errors import sentence
from apps.core.forms import add_refusals
from apps.core.keyset import NEWEST_FIRST, Sort, count_rows, read_window
from apps.core.pages import leave, render_page
from apps.curation.duplicates import find_duplicates
from apps.curation.forget import ask_removal, cancel_search, find_search, require_may_remove
from apps.curation.forms import DuplicatesForm
from apps.curation.groups import LARGEST_FIRST, Shown, compare_group, listed_groups
from apps.curation.models import DuplicateGroup, DuplicateSearch
from apps.curation.resolve import delete_others, dismiss_group, find_group, keep_trace
from apps.jobs.models import Worker
from apps.traces.models import find_id


@require_safe
def duplicates(request: HttpRequest) -> HttpResponse:
    """All searches."""
    window = _window(DuplicateSearch.objects.all(), NEWEST_FIRST, request.GET)
    searches = DuplicateSearch.objects.with_keys(window.keys).with_people().newest_first()
    context = {"searches": searches, "window": window, "params": request.GET}
    return render(request, "curation/duplicates.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@once
def find(request: HttpRequest) -> HttpResponse:
    form = DuplicatesForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        wanted = form.cleaned_data["request"]
        try:
            started = find_duplicates(**wanted.model_dump(), created_by=account_of(request.user))
            return leave(request, reverse("curation:search", args=[started.pk]))
        except ValidationError as error:
            add_refusals(form, error)
    return render(
        request, "curation/find_duplicates.html", {"form": form}, status=422 if form.errors else 200
    )


@require_safe
def search(request: HttpRequest, id: str) -> HttpResponse:
    """As long as it is at work, HTMX asks for the fragment every second. State and page are in the URL."""
    found = _find(id)
    context: dict[str, Any] = {
        "search": found,
        "has_worker": not found.is_at_work or Worker.objects.alive().exists(),
        "params": request.GET,
    }
    if found.is_done:
        context |= _groups(found, request.GET)
    return render_page(request, "curation/search.html", "curation/_search.html", context)


def _groups(found: DuplicateSearch, query: QueryDict) -> dict[str, Any]:
    groups = DuplicateGroup.objects.of_search(found)
    state = query.get("state", "")
    is_known = state in DuplicateGroup.State.values
    window = _window(groups.in_state(state) if is_known else groups, LARGEST_FIRST, query)
    return {
        "groups": listed_groups(window.keys),
        "window": window,
        "state": state,
        "states": [
            (*choice, count_rows(groups.in_state(choice[0]))) for choice in DuplicateGroup.State.choices
        ],
        "first_open": groups.next_open().first(),
    }


@require_POST
def cancel(request: HttpRequest, id: str) -> HttpResponse:
    found = _find(id)
    with suppress(ValidationError):  # it ended in the meantime: its page shows how
        cancel_search(found)
    return leave(request, reverse("curation:search", args=[found.pk]))


@require_http_methods(["GET", "HEAD", "POST"])
@once
def remove(request: HttpRequest, id: str) -> HttpResponse:
    """Asks first."""
    found, refusal = _find(id), ""
    require_may_remove(found, request.user)
    if request.method == "POST":
        try:
            ask_removal(found, created_by=account_of(request.user))
            messages.info(request, f"The search {found} is being removed.")
            return leave(request, reverse("curation:duplicates"))
        except ValidationError as error:
            refusal = sentence(error)
    context = {"search": found, "refusal": refusal}
    return render(request, "curation/remove_search.html", context, status=409 if refusal else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def group(request: HttpRequest, id: str, group: str) -> HttpResponse:
    """With `keep`, a trace, or `dismiss` says what it is; then comes the next one to go through."""
    found, refusal = _find_group(id, group), ""
    if request.method == "POST":
        try:
            messages.info(request, _resolve(request, found))
            return leave(request, _next_url(found))
        except ValidationError as error:
            refusal = sentence(error)
    context = {
        "search": found.search,
        "group": found,
        "shown": _compare(found, request.GET),
        "next": found.followers.first(),
        "refusal": refusal,
        "params": request.GET,
    }
    return render(request, "curation/group.html", context, status=409 if refusal else 200)


def _resolve(request: HttpRequest, found: DuplicateGroup) -> str:
    """What was done, for a person."""
    if "dismiss" in request.POST:
        dismiss_group(found, resolved_by=account_of(request.user))
        return "These are no duplicates: none of them is tagged any more."
    keep_trace(found, _kept(request), resolved_by=account_of(request.user))
    return f"One is kept, the others are tagged {found.search.tag}."


def _kept(request: HttpRequest) -> UUID:
    """Raises ValidationError where none is named."""
    key = find_id(request.POST.get("keep", ""))
    if key is None:
        raise ValidationError("Say which trace is kept.")
    return key


@require_POST
@once
def delete(request: HttpRequest, id: str, group: str) -> HttpResponse:
    """Asks first; with `confirm` deletes all but the trace `keep`."""
    require_staff(request.user, "delete traces")
    found, refusal = _find_group(id, group), ""
    try:
        kept = _kept(request)
    except ValidationError as error:
        messages.error(request, sentence(error))
        return leave(request, reverse("curation:group", args=[found.search_id, found.pk]))
    if "confirm" in request.POST:
        try:
            count = delete_others(found, kept, resolved_by=account_of(request.user))
            messages.info(request, f"Deleted {count:,} trace{'' if count == 1 else 's'}.")
            return leave(request, _next_url(found))
        except ValidationError as error:
            refusal = sentence(error)
    context = {
        "search": found.search,
        "group": found,
        "others": count_rows(found.members.others()),
        "kept": kept,
        "refusal": refusal,
    }
    return render(request, "curation/delete_others.html", context, status=409 if refusal else 200)


def _next_url(found: DuplicateGroup) -> str:
    following = found.followers.first()
    if following is None:
        return reverse("curation:search", args=[found.search_id])
    return reverse("curation:group", args=[found.search_id, following.pk])


def _window(rows: Any, sort: Sort, query: QueryDict) -> Any:
    try:
        return read_window(rows, sort, after=query.get("after", ""), before=query.get("before", ""))
    except ValidationError as error:
        raise Http404(sentence(error)) from error


def _compare(found: DuplicateGroup, query: QueryDict) -> Shown:
    try:
        return compare_group(found, after=query.get("after", ""), before=query.get("before", ""))
    except ValidationError as error:
        raise Http404(sentence(error)) from error


def _find(id: str) -> DuplicateSearch:
    try:
        return find_search(id)
    except ValidationError as error:
        raise Http404(sentence(error)) from error


def _find_group(id: str, group: str) -> DuplicateGroup:
    try:
        return find_group(find_search(id), group)
    except ValidationError as error:
        raise Http404(sentence(error)) from error
