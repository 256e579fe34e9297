from datetime import timedelta

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from apps.accounts.models import ApiToken
from apps.accounts.tokens import MAX_DAYS


class SignInForm(AuthenticationForm):
    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "Username and password do not belong together. Check both; capitals matter.",
    }


class TokenForm(forms.ModelForm[ApiToken]):
    """A new token, within the limits of the model."""

    scope = forms.ChoiceField(
        choices=[(scope, scope) for scope in ApiToken.Scope.values],
        initial=ApiToken.Scope.READ_WRITE,
        help_text="Read-only reads and exports; read-write does what you may do.",
    )
    days = forms.IntegerField(
        label="Expires after days",
        required=False,
        min_value=1,
        max_value=MAX_DAYS,
        help_text="Left empty, it does not expire.",
    )

    class Meta:
        model = ApiToken
        fields = ["name", "scope"]
        help_texts = {"name": "What will use it, such as laptop or nightly-import."}

    @property
    def lifetime(self) -> timedelta | None:
        days = self.cleaned_data["days"]
        return None if days is None else timedelta(days=days)
