"""Parts to train on and to validate with: which one a prompt is of depends on the prompt alone."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MIN_PERCENT = 1
MAX_PERCENT = 99
DEFAULT_PERCENT = 10  # of forms; a recipe says it

Part = Literal["train", "validation"]


class Split(BaseModel):
    """A prompt is of the validation part where the first 8 hexadecimal digits of its hash, as a number from 0
    to 1, are below `percent`: a higher percentage adds to that part and takes nothing from it.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    part: Part
    percent: Annotated[
        int, Field(ge=MIN_PERCENT, le=MAX_PERCENT, description="of the prompts, for validation")
    ]

    @property
    def bound(self) -> str:
        """The hashes of the validation part sort before it."""
        return f"{-(-self.percent * 2**32 // 100):08x}"

    @property
    def other(self) -> "Split":
        return Split(part="validation" if self.part == "train" else "train", percent=self.percent)
