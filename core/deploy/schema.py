"""What goes into the HTTP service and what comes out, and a wrong request explained in a sentence."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

MOST_TEXTS = 256
MOST_CHARACTERS = 20_000
WANTED = 'Send JSON, either {"text": "..."} or {"texts": ["...", "..."]}, as application/json.'

Text = Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)]


class Ask(BaseModel):
    """One text, or a list of texts."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "Winter tyres fitted while you wait."}, {"texts": ["One", "Two"]}]},
    )
    text: Text | None = None
    texts: Annotated[list[Text], Field(min_length=1, max_length=MOST_TEXTS)] | None = None

    @model_validator(mode="after")
    def one_of_them(self) -> Ask:
        if (self.text is None) == (self.texts is None):
            raise ValueError
        return self


class Guess(BaseModel):
    """A category and its probability."""

    category: str
    confidence: float


class Result(BaseModel):
    """The answer to one text. Where `answered_by` is null, nobody vouches for it and `category` is the student's best guess."""

    category: str | None = Field(description="The category's label; null for an empty text")
    confidence: float | None = Field(description="Of `category`; null where the teacher gives none")
    handled: bool = Field(
        description="Whether the student answers by itself: sure enough, and the text not strange to it"
    )
    strange: bool = Field(description="Whether the text is unlike anything the student learned from")
    answered_by: Literal["student", "teacher"] | None
    top: list[Guess] = Field(description="The student's three most probable categories")


class Which(BaseModel):
    """A student: its number and kind."""

    id: str
    kind: str


class Reply(BaseModel):
    """One result a text, in the order of the request."""

    results: list[Result]
    student: Which
    ms: float = Field(description="Time the server took, in milliseconds")


class Problem(BaseModel):
    """What went wrong, in one sentence."""

    detail: str


class Health(BaseModel):
    """Whether the server can answer, with which student, and what is not as it should be."""

    status: Literal["loading", "ready"]
    student: Which | None = None
    note: str = ""


def in_words(error: RequestValidationError) -> str:
    """What is wrong with a request, in one sentence that quotes nothing of it."""
    first = error.errors()[0]
    place = next((part for part in first["loc"] if isinstance(part, int)), None)
    text = "The text" if "texts" not in first["loc"] or place is None else f"Text number {place + 1}"
    match first["type"]:
        case "string_too_long":
            return f"{text} is longer than {MOST_CHARACTERS:,} characters."
        case "too_long":
            return f"There are more than {MOST_TEXTS} texts; send them in several requests."
        case "too_short":
            return "The list of texts is empty."
        case "string_unicode":
            return f"{text} is not valid Unicode."
        case _:
            return WANTED
