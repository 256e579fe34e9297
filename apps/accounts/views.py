from typing import Any

from django.contrib import messages
from django.contrib.auth.views import LoginView
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from apps.accounts.forms import SignInForm, TokenForm
from apps.accounts.models import ApiToken, User, account_of
from apps.accounts.tokens import create_token, find_token, revoke_token, tokens_of
from apps.core.errors import CONFLICT, code_of
from apps.core.forms import add_refusals
from apps.core.pages import leave, render_page

page_methods = require_http_methods(["GET", "HEAD", "POST"])


class SignIn(LoginView):
    template_name = "accounts/login.html"
    authentication_form = SignInForm

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 422
        return response


@never_cache
@page_methods
def tokens(request: HttpRequest) -> HttpResponse:
    owner = account_of(request.user)
    if request.method != "POST":
        return _show_tokens(request, owner, {"form": TokenForm()})
    form = TokenForm(request.POST)
    made = _create_token(_required(owner), form) if form.is_valid() else None
    if made is None:
        return _show_tokens(request, owner, {"form": form}, 422)
    record, token = made
    return _show_tokens(request, owner, {"form": TokenForm(), "made": record, "token": token}, 201)


@page_methods
def revoke(request: HttpRequest) -> HttpResponse:
    """Asks first; then the token of that name, among one's own, is gone."""
    owner = _required(account_of(request.user))
    if request.method != "POST":
        token = find_token(owner, request.GET.get("name", ""))
        return render(request, "accounts/revoke.html", {"token": token})
    name = request.POST.get("name", "")
    revoke_token(owner, name)
    messages.success(request, f"The token {name} is revoked.")
    return leave(request, reverse("accounts:tokens"))


def _required(owner: User | None) -> User:
    if owner is None:
        raise PermissionDenied("A token belongs to an account. Sign in first.")
    return owner


def _create_token(owner: User, form: TokenForm) -> tuple[ApiToken, str] | None:
    """None where it was refused, which the form then says."""
    cleaned = form.cleaned_data
    try:
        return create_token(owner, cleaned["name"], cleaned["scope"], form.lifetime)
    except ValidationError as error:
        if code_of(error) == CONFLICT:
            form.add_error("name", error)
        else:
            add_refusals(form, error)
        return None


def _show_tokens(
    request: HttpRequest, owner: User | None, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    context |= {
        "owner": owner,
        "tokens": tokens_of(owner) if owner else [],
        "traces_url": request.build_absolute_uri("/api/traces"),
    }
    return render_page(request, "accounts/tokens.html", "accounts/_tokens.html", context, status)
