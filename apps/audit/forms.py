from typing import Any

from django import forms

from apps.audit.models import KEY_MAX_LENGTH, NAME_MAX_LENGTH, Act


def _day(label: str) -> forms.DateField:
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return forms.DateField(label=label, required=False, widget=widget)


class SearchForm(forms.Form):
    """The filters of the list, as ActQuerySet.matching takes them."""

    thing = forms.CharField(label="Thing", required=False, max_length=KEY_MAX_LENGTH)
    actor = forms.CharField(label="Who", required=False, max_length=NAME_MAX_LENGTH)
    verb = forms.ChoiceField(
        label="Act",
        required=False,
        choices=[("", "Any act"), *Act.Verb.choices],
        widget=forms.Select(attrs={"aria-label": "Act"}),
    )
    since = _day("From")
    until = _day("To")

    @property
    def has_more(self) -> bool:
        """Whether a filter is on that is not always seen."""
        return any(self.data.get(name) for name in ("since", "until"))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            self.add_error("until", "This day is before the one it begins with.")
        return cleaned
