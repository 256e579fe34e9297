"""What a person says of a file before it is imported."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from apps.core.forms import add_refusals, given
from apps.core.requests import validate
from apps.formats.reasoning import CUTS
from apps.formats.trace import SOURCE_MAX_LENGTH
from apps.imports.choose import Terms
from apps.imports.mapping import COLUMN_MAX_LENGTH
from apps.imports.models import MAPPING_NAME_MAX_LENGTH, Import, SavedMapping
from apps.imports.recognise import AUTO, COLUMNS, FORMATS

_SAVED = "saved:"
_ROLES = ("prompt", "context", "steps", "answer", "conversation")

FORMAT_LABELS = {
    "trace": "tunix-rt traces",
    "tunix_sft": "tunix-rt export tunix_sft",
    "training_example": "tunix-rt export training_example",
    "gsm8k": "GSM8K",
    "messages": "OpenAI messages",
    "conversations": "ShareGPT conversations",
    "alpaca": "Alpaca",
    "prompt_response": "prompt and response",
    "prompt_completion": "prompt and completion",
    "question_answer": "question and answer",
    COLUMNS: "columns by name",
}
_CUT_LABELS = {
    "auto": "At numbers, else at lines",
    "lines": "At lines",
    "numbered": "At the numbers of a list",
    "blank-lines": "At blank lines",
    "sentences": "At sentences",
    "one": "Not at all: one step",
}


class UploadForm(forms.Form):
    """Only shown and refused by: the file itself goes to the disk as it comes, see apps.imports.upload."""

    file = forms.FileField(
        required=False,
        help_text="JSON Lines, a JSON array, CSV, TSV or Parquet, plain, gzip or zstd; up to 2 GB",
    )


def _column(label: str, hint: str = "") -> forms.CharField:
    return forms.CharField(
        required=False,
        label=label,
        max_length=COLUMN_MAX_LENGTH,
        help_text=hint,
        widget=forms.TextInput(attrs={"list": "columns", "autocomplete": "off"}),
    )


class ChooseForm(forms.Form):
    """Collects `terms`; what of it is asked for depends on how the rows are read."""

    reading = forms.ChoiceField(label="Read the rows as")
    prompt = _column("Prompt")
    answer = _column("Answer", "Alone, it also holds the reasoning")
    steps = _column("Steps", "A list, or a text to be cut")
    context = _column("Context", "Is put behind the prompt")
    conversation = _column("Or a conversation", "A list of turns, in place of prompt and answer")
    meta = forms.CharField(
        required=False,
        label="Kept as meta",
        help_text="One column a line; empty keeps all others",
        widget=forms.Textarea(attrs={"rows": 2, "cols": 20}),
    )
    save_as = forms.CharField(
        required=False,
        label="Save these columns as",
        max_length=MAPPING_NAME_MAX_LENGTH,
        help_text="A name, to use them again",
    )
    cut = forms.ChoiceField(
        required=False,
        label="Cut a text into steps",
        choices=[("", "As the format says"), *((name, _CUT_LABELS[name]) for name in CUTS)],
    )
    source = forms.CharField(
        required=False,
        max_length=SOURCE_MAX_LENGTH,
        help_text="Becomes meta.source of every trace; empty keeps their own",
    )
    on_error = forms.ChoiceField(label="A row that cannot be read", choices=Import.OnError.choices)
    duplicates = forms.ChoiceField(
        label="Traces that are there already",
        choices=Import.Duplicates.choices,
        help_text="Equal in prompt, steps and answer but for white space",
    )

    columns = ("prompt", "steps", "answer")
    rare_columns = ("context", "conversation", "meta")
    options = ("source", "on_error", "duplicates")

    def __init__(self, data: QueryDict | None, found: Import) -> None:
        super().__init__(data, initial=_initial(found))
        self.found = found
        self.fields["reading"].choices = _readings(found)  # type: ignore[attr-defined]

    @property
    def column_fields(self) -> list[Any]:
        return [self[name] for name in self.columns]

    @property
    def rare_fields(self) -> list[Any]:
        return [self[name] for name in self.rare_columns]

    @property
    def has_rare(self) -> bool:
        return any(self[name].value() or self[name].errors for name in self.rare_columns)

    @property
    def option_fields(self) -> list[Any]:
        return [self[name] for name in self.options]

    def clean(self) -> dict[str, Any]:
        """Adds `terms`."""
        if "reading" not in self.errors:
            try:
                self.cleaned_data["terms"] = validate(Terms, self._values())
            except ValidationError as error:
                paths = {f"mapping.{name}": name for name in (*_ROLES, "meta")}
                add_refusals(self, error, {**paths, "mapping": "prompt"})
        return self.cleaned_data

    def _values(self) -> dict[str, Any]:
        filled = given(self.cleaned_data)
        reading = filled["reading"]
        values = {name: filled[name] for name in (*self.options, "cut") if name in filled}
        if reading != COLUMNS and not reading.startswith(_SAVED):
            return {**values, "format": reading}
        cut = {"cut": values.pop("cut")} if "cut" in values else {}
        if reading == COLUMNS:
            return {**values, "mapping": _columns(filled) | cut}
        saved = SavedMapping.objects.get(name=reading.removeprefix(_SAVED))
        return {**values, "mapping": saved.mapping | cut}

    @property
    def terms(self) -> Terms | None:
        """Before anything is said, those of what is recognised; None where what is said is refused."""
        if not self.is_bound:
            return Terms()
        return self.cleaned_data["terms"] if self.is_valid() else None

    @property
    def saved_name(self) -> str:
        is_named = self.cleaned_data["reading"] == COLUMNS
        return self.cleaned_data["save_as"] if is_named else ""


def _columns(filled: dict[str, Any]) -> dict[str, Any]:
    mapping: dict[str, Any] = {name: filled[name] for name in _ROLES if name in filled}
    if kept := [line for line in filled.get("meta", "").splitlines() if line.strip()]:
        mapping["meta"] = kept
    return mapping


def _initial(found: Import) -> dict[str, Any]:
    mapping = found.mapping or {}
    said = {} if found.format else mapping  # by a person, when this file was tried before
    return {
        "reading": AUTO if found.format else COLUMNS,
        **{name: getattr(found, name) for name in ChooseForm.options},
        **{name: mapping[name] for name in _ROLES if name in mapping},
        "cut": said.get("cut", ""),
        "meta": "\n".join(said.get("meta") or []),
    }


def _readings(found: Import) -> list[Any]:
    recognised = [(AUTO, f"{format_label(found.format)} (recognised)")] if found.format else []
    saved = [(f"{_SAVED}{mapping}", str(mapping)) for mapping in SavedMapping.objects.all()]
    formats = [(name, format_label(name)) for name in FORMATS if name != found.format]
    own: list[Any] = [*recognised, (COLUMNS, "Columns that I name")]
    return own + ([("Saved columns", saved)] if saved else []) + [("Another format", formats)]


def format_label(name: str) -> str:
    return FORMAT_LABELS.get(name, name)
