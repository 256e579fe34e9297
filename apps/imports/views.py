from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.idempotency import once
from apps.accounts.models import account_of
from apps.core.errors import TOO_LARGE, code_of, sentence
from apps.core.forms import add_refusals
from apps.core.keyset import NEWEST_FIRST, read_window
from apps.core.pages import leave, note_url, render_page
from apps.imports.again import try_again
from apps.imports.cancel import cancel_import
from apps.imports.forms import ChooseForm, UploadForm, format_label
from apps.imports.models import FILE_NAME_MAX_LENGTH, Import
from apps.imports.preview import columns_of, preview_import
from apps.imports.rehearse import start_rehearsal
from apps.imports.rejected import first_rejected, send_rejected
from apps.imports.remove import ask_removal, find_import, may_remove, require_may_remove
from apps.imports.save import save_mapping
from apps.imports.start import start_import
from apps.imports.upload import ImportUploadHandler
from apps.jobs.models import Worker


@require_safe
def list(request: HttpRequest) -> HttpResponse:
    """Search and page are in the URL; HTMX gets the table alone."""
    q = request.GET.get("q", "").replace("\0", "").strip()
    try:
        window = read_window(
            Import.objects.with_name_like(q),
            NEWEST_FIRST,
            after=request.GET.get("after", ""),
            before=request.GET.get("before", ""),
        )
    except ValidationError as error:
        return render(request, "imports/list.html", {"refusal": error.messages[0]}, status=422)
    found = Import.objects.with_keys(window.keys).with_people().newest_first()
    rows = [(item, format_label(item.format)) for item in found]
    params = QueryDict(urlencode({name: text for name, text in request.GET.items() if text}))
    context = {
        "rows": rows,
        "window": window,
        "params": params,
        "q": q,
        "name_max_length": FILE_NAME_MAX_LENGTH,
    }
    response = render_page(request, "imports/list.html", "imports/_list.html", context)
    note_url(request, response, params, typed="q")
    return response


@csrf_exempt  # for as long as it takes to say where the file goes; _receive is protected
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "imports/new.html", {"form": UploadForm()})
    handler = ImportUploadHandler(request)
    request.upload_handlers = [handler]
    try:
        return _receive(request, handler)
    finally:
        handler.discard()


@csrf_protect
def _receive(request: HttpRequest, handler: ImportUploadHandler) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES)  # now it is read from the client
    try:
        found = handler.keep(account_of(request.user))
    except ValidationError as error:
        form.add_error("file", sentence(error))
        status = 413 if code_of(error) == TOO_LARGE else 422
        return render_page(request, "imports/new.html", "imports/_upload.html", {"form": form}, status)
    return leave(request, reverse("imports:detail", args=[found.pk]))


@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: HttpRequest, id: str) -> HttpResponse:
    """One that waits is asked about, with what the URL or the form says; else it shows how far it is."""
    found = _find(id)
    if not found.is_waiting:
        return _show(request, found)
    asked = request.POST if request.method == "POST" else request.GET
    return _ask(request, found, ChooseForm(asked if "reading" in asked else None, found))


def _show(request: HttpRequest, found: Import) -> HttpResponse:
    """As long as it runs, HTMX asks for the fragment every second."""
    context: dict[str, Any] = {
        "found": found,
        "format": format_label(found.format),
        "rejected": first_rejected(found) if found.rejected_count else [],
        "may_discard": may_remove(found, request.user),
        "has_worker": not found.is_running or Worker.objects.alive().exists(),
    }
    return render_page(request, "imports/detail.html", "imports/_import.html", context)


def _ask(request: HttpRequest, found: Import, form: ChooseForm, status: int = 200) -> HttpResponse:
    terms = form.terms
    context = {
        **_rehearsed(found),
        "form": form,
        "columns": columns_of(found),
        "preview": preview_import(found, terms) if terms else None,
        "may_discard": may_remove(found, request.user),
    }
    return render_page(request, "imports/choose.html", "imports/_preview.html", context, status)


@require_POST
@once
def start(request: HttpRequest, id: str) -> HttpResponse:
    found = _find(id)
    form = ChooseForm(request.POST, found)
    if form.is_valid():
        try:
            save_mapping(form.saved_name, form.cleaned_data["terms"], created_by=account_of(request.user))
            start_import(found, form.cleaned_data["terms"], created_by=account_of(request.user))
            return leave(request, reverse("imports:detail", args=[found.pk]))
        except ValidationError as error:
            add_refusals(form, error)
    return _ask(request, found, form, 422)


@require_http_methods(["GET", "HEAD", "POST"])
def rehearsal(request: HttpRequest, id: str) -> HttpResponse:
    """Starts a dry run, and has the page show it with the choices that it was started with."""
    found = _find(id)
    if request.method != "POST":
        return render(request, "imports/_rehearsal.html", _rehearsed(found))
    form = ChooseForm(request.POST, found)
    if form.is_valid():
        try:
            start_rehearsal(found, form.cleaned_data["terms"], created_by=account_of(request.user))
            choices = request.POST.copy()
            choices.pop("csrfmiddlewaretoken", None)
            return leave(request, f"{reverse('imports:detail', args=[found.pk])}?{choices.urlencode()}")
        except ValidationError as error:
            add_refusals(form, error)
    return _ask(request, found, form, 422)


def _rehearsed(found: Import) -> dict[str, Any]:
    is_active = found.job is not None and found.job.is_active
    return {"found": found, "has_worker": not is_active or Worker.objects.alive().exists()}


@require_POST
def cancel(request: HttpRequest, id: str) -> HttpResponse:
    found = _find(id)
    with suppress(ValidationError):  # it ended in the meantime: its page shows how
        cancel_import(found)
    return leave(request, reverse("imports:detail", args=[found.pk]))


@require_POST
@once
def again(request: HttpRequest, id: str) -> HttpResponse:
    """The same file anew: what is to be done with it is asked once more."""
    fresh = try_again(_find(id), created_by=account_of(request.user))
    return leave(request, reverse("imports:detail", args=[fresh.pk]))


@require_http_methods(["GET", "HEAD", "POST"])
@once
def remove(request: HttpRequest, id: str) -> HttpResponse:
    """Asks first."""
    found, refusal = _find(id), ""
    require_may_remove(found, request.user)
    if request.method == "POST":
        try:
            ask_removal(found, created_by=account_of(request.user))
            brought = f"What {found} brought is being removed."
            messages.info(request, brought if found.is_removable else f"{found} is discarded.")
            return leave(request, reverse("imports:detail", args=[found.pk]))
        except ValidationError as error:
            refusal = sentence(error)
    context = {"found": found, "refusal": refusal}
    return render(request, "imports/remove.html", context, status=409 if refusal else 200)


@require_safe
def rejected(request: HttpRequest, id: str) -> HttpResponseBase:
    return send_rejected(request, _find(id))


def _find(id: str) -> Import:
    try:
        return find_import(id)
    except ValidationError as error:
        raise Http404(sentence(error)) from error
