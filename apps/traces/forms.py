from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html

from apps.core.errors import from_json_error, join_names, messages_by_path, not_found, sentence
from apps.core.forms import given
from apps.core.json import JSONError, parse_json
from apps.formats.trace import MAX_STEPS, TracePayload
from apps.traces.draft import Focus, StepValues
from apps.traces.ingest import parse_trace
from apps.traces.models import Trace

_CODE = {"class": "code", "spellcheck": "false"}

_LIST_REFUSED = (
    "This is a list of traces, and here goes one. Save the list as a file and"
    ' <a href="{}">import the file</a>, or send it to POST /api/traces/batch.'
)


class TraceForm(forms.ModelForm[Trace]):
    """One trace as its JSON: the same text that the API takes."""

    payload = forms.CharField(
        label="Trace as JSON",
        widget=forms.Textarea(attrs={"rows": 24, "cols": 100, **_CODE}),
        strip=False,
    )

    class Meta:
        model = Trace
        fields: list[str] = []

    def clean_payload(self) -> TracePayload:
        try:
            value = parse_json(self.cleaned_data["payload"])
        except JSONError as error:
            raise ValidationError(f"{error.path}: {error}" if error.path else str(error)) from error
        if isinstance(value, list):
            raise ValidationError(format_html(_LIST_REFUSED, reverse("imports:new")))
        try:
            return parse_trace(value)
        except ValidationError as error:
            by_path = messages_by_path(error)
            lines: list[Any] = [f"{path}: {text}" for path, texts in by_path.items() for text in texts]
            raise ValidationError(lines or sentence(error)) from error


class _Text(forms.CharField):
    """A text as it was typed: browsers send its line ends as CR LF.

    What is missing or too long is for the schema to refuse: a maxlength would cut what is pasted, unsaid.
    """

    def __init__(self, label: str, rows: int = 0, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": rows, "cols": 0, "dir": "auto"}) if rows else None
        super().__init__(label=label, widget=widget, required=False, strip=False, **options)

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class StepForm(forms.Form):
    type = _Text("Type")
    content = _Text("Content", rows=2)


class DraftForm(forms.Form):
    """A trace field by field; its steps are forms of their own, in the order of the page."""

    trace_version = _Text("Version", initial="1.0")
    prompt = _Text("Prompt", rows=3)
    final_answer = _Text("Final answer", rows=2)
    meta = _Text("Meta", rows=3, help_text='May stay empty. A JSON object, such as {"source": "my-notes"}')

    def __init__(self, data: QueryDict | None, steps: list[StepValues], **options: Any) -> None:
        super().__init__(data, **options)
        self.fields["meta"].widget.attrs |= _CODE
        self.fields["trace_version"].widget.attrs["class"] = "short"
        self.steps = [StepForm(data, prefix=f"steps-{n}", initial=step) for n, step in enumerate(steps)]

    @property
    def is_full(self) -> bool:
        return len(self.steps) >= MAX_STEPS

    def set_focus(self, focus: Focus | None) -> None:
        if focus is not None and focus.on in StepForm.base_fields:
            self.steps[focus.step].fields[focus.on].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        """Adds `payload`."""
        steps = [{"i": n, **_typed(step)} for n, step in enumerate(self.steps)]
        values = {**given(self.cleaned_data), "steps": steps}
        try:
            values |= self._meta(values.get("meta"))
            self.cleaned_data["payload"] = parse_trace(values)
        except ValidationError as error:
            self._place(error)
        if refused := [str(n) for n, step in enumerate(self.steps, 1) if step.errors]:
            self.add_error(None, f"Look at step {join_names(refused)}: what is wrong is said there.")
        return self.cleaned_data

    def _meta(self, text: str | None) -> dict[str, Any]:
        """Malformed, it is refused beside the refusals of the other fields."""
        try:
            return {} if text is None else {"meta": parse_json(text)}
        except JSONError as error:
            self._place(from_json_error(JSONError(str(error), "meta", *error.parts)))
            return {"meta": None}

    def _place(self, error: ValidationError) -> None:
        """At the field of the step that a path such as steps.3.content names."""
        by_path = messages_by_path(error)
        if not by_path:
            self.add_error(None, sentence(error))
        for path, messages in by_path.items():
            form, name, rest = self._field_of(path)
            if not form.has_error(name):
                form.add_error(name, [f"{rest}: {text}" if rest else text for text in messages])

    def _field_of(self, path: str) -> tuple[forms.Form, str | None, str]:
        """The form, its field, and what of the path lies within that."""
        form: forms.Form = self
        first, _, rest = path.partition(".")
        if first == "steps" and rest:
            n, _, path = rest.partition(".")
            form = self.steps[int(n)]
            first, _, rest = path.partition(".")
        return (form, first, rest) if first in form.fields else (form, None, path)


def _typed(step: StepForm) -> dict[str, Any]:
    step.full_clean()
    return given(step.cleaned_data)


def read_steps(data: QueryDict) -> list[StepValues]:
    """The steps as they were posted, `steps-0-type` and so on."""
    found: list[StepValues] = []
    while any(f"steps-{len(found)}-{name}" in data for name in StepForm.base_fields):
        n = len(found)
        found.append({name: data.get(f"steps-{n}-{name}", "") for name in StepForm.base_fields})
    return found or [{}]


class CompareForm(forms.Form):
    """Two traces, each by its id or the address of its page."""

    base = forms.CharField(help_text="An id, or the address of the page of a trace")
    other = forms.CharField(label="Compare with")

    def clean_base(self) -> Trace:
        return _named(self.cleaned_data["base"])

    def clean_other(self) -> Trace:
        return _named(self.cleaned_data["other"])


def _named(text: str) -> Trace:
    found = Trace.objects.spelled(text)
    if found is None:
        raise not_found("Trace", text)
    return found
