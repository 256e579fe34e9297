from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.core.errors import messages_by_path, sentence
from apps.core.json import JSONError, parse_json
from apps.formats.trace import TracePayload
from apps.traces.ingest import parse_trace
from apps.traces.models import Trace


class TraceForm(forms.ModelForm[Trace]):
    """One trace as its JSON: the same text that the API takes."""

    payload = forms.CharField(widget=forms.Textarea(attrs={"rows": 24, "cols": 100}), strip=False)

    class Meta:
        model = Trace
        fields: list[str] = []

    def clean_payload(self) -> TracePayload:
        try:
            return parse_trace(parse_json(self.cleaned_data["payload"]))
        except JSONError as error:
            raise ValidationError(f"{error.path}: {error}" if error.path else str(error)) from error
        except ValidationError as error:
            by_path = messages_by_path(error)
            lines: list[Any] = [f"{path}: {text}" for path, texts in by_path.items() for text in texts]
            raise ValidationError(lines or sentence(error)) from error
