"""A file of a page's form goes to the disk as it comes, like one that the API gets."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload
from django.http import HttpRequest

from apps.accounts.models import User
from apps.imports.models import Import
from apps.imports.receive import Upload

_PART = 1 << 20


class ImportUploadHandler(FileUploadHandler):
    """Django's request.FILES stays empty: `upload` has the file, `refusal` why there is none.

    Whoever has set it on a request calls `discard` at the end.
    """

    chunk_size = _PART

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self.upload: Upload | None = None
        self.name = ""
        self.refusal: ValidationError | None = None
        self.is_whole = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.upload is not None:
            raise SkipFile
        self.upload, self.name = Upload(), self.file_name or ""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        try:
            if self.upload is not None:
                self.upload.write(raw_data)
        except ValidationError as error:
            self.refusal = error
            raise StopUpload from error

    def file_complete(self, file_size: int) -> None:
        return None

    def upload_complete(self) -> None:
        """All of the form was read: it has not broken off."""
        self.is_whole = True

    def keep(self, created_by: User | None) -> Import:
        """Raises ValidationError where there is no file, or none that is read."""
        if self.refusal is not None:
            raise self.refusal
        if self.upload is None:
            raise ValidationError("No file is chosen. Choose one first.")
        if not self.is_whole:
            raise ValidationError("The connection broke before all of the file was here. Upload it again.")
        return self.upload.keep(self.name, created_by)

    def discard(self) -> None:
        """Nothing where it is kept."""
        if self.upload is not None:
            self.upload.discard()
