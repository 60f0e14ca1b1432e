"""What goes into the HTTP service and what comes out, and a wrong request explained in a sentence."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

MOST_TEXTS = 256
MOST_CHARACTERS = 20_000
MOST_BRIEFS, MOST_DRAFTS = 50, 8
MOST_TASKS = 64
MOST_REASONED = 16
MOST_IMAGES = 16
WANTED = 'Send JSON, either {"text": "..."} or {"texts": ["...", "..."]}, as application/json.'

WANTED_IMAGES = (
    'Send JSON, {"image": "..."} with the image as base64 and "text" beside it where there is one, or {"items": [...]} of several '
    "such, as application/json; or a form with a file called image."
)
WANTED_BRIEFS = 'Send JSON, either {"brief": "..."} or {"briefs": ["...", "..."]}, as application/json.'

IMAGE = "The image's file, as base64 or as a data: address; PNG, JPEG, WebP, GIF, BMP or TIFF"
Text = Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)]


class Item(BaseModel):
    """An asset with an image, a text, or both."""

    model_config = ConfigDict(extra="forbid")
    text: Text = ""
    image: str | None = Field(None, description=IMAGE)


class Ask(BaseModel):
    """One text, or a list of texts; or an image, alone or beside a text, or a list of such."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "Winter tyres fitted while you wait."}, {"texts": ["One", "Two"]}]},
    )
    text: Text | None = None
    texts: Annotated[list[Text], Field(min_length=1, max_length=MOST_TEXTS)] | None = None
    image: str | None = Field(None, description=IMAGE)
    items: Annotated[list[Item], Field(min_length=1, max_length=MOST_TEXTS)] | None = Field(
        None, description=f"Assets with a text, an image or both; with images {MOST_IMAGES} at most"
    )
    why: bool = Field(
        False, description=f"Also give the labelled assets nearest to each text; of {MOST_REASONED} texts at most"
    )

    @model_validator(mode="after")
    def one_of_them(self) -> Ask:
        alone = self.text is not None or self.image is not None
        if alone + (self.texts is not None) + (self.items is not None) != 1:
            raise ValueError
        if self.why and len(self.every) > MOST_REASONED:
            raise PydanticCustomError("too_many_reasons", "")
        if sum(one is not None for one in self.images) > MOST_IMAGES:
            raise PydanticCustomError("too_many_images", "")
        return self

    @property
    def every(self) -> list[str]:
        """The text of each asset, "" where an image comes without one."""
        if self.items is not None:
            return [one.text for one in self.items]
        return [self.text or ""] if self.texts is None else self.texts

    @property
    def images(self) -> list[str | None]:
        """The image of each asset; none at all where texts alone are asked about."""
        if self.items is not None:
            return [one.image for one in self.items]
        return [] if self.image is None else [self.image]


class AskFacets(Ask):
    """One text, or a list of texts, and the tasks that are to answer; all that are served where none is named."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"text": "Winter tyres fitted while you wait."}, {"texts": ["One", "Two"], "tasks": ["Topic"]}]
        },
    )
    tasks: Annotated[list[str], Field(min_length=1, max_length=MOST_TASKS)] | None = None


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
    tags: list[str] | None = Field(
        None, description="The categories that `category` joins, none maybe; null where the task chooses one"
    )


class Which(BaseModel):
    """A student: its number and kind."""

    id: str
    kind: str


def _written(brief: str) -> str:
    if not brief.strip():
        raise PydanticCustomError("empty_brief", "")
    return brief.strip()


Brief = Annotated[str, StringConstraints(max_length=MOST_CHARACTERS), AfterValidator(_written)]


class AskDrafts(BaseModel):
    """One brief, or a list of briefs; how many drafts of each, and what chance is drawn by: another `seed` draws other drafts."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"brief": "Northwind, boots for wet weather"}, {"briefs": ["One", "Two"]}]},
    )
    brief: Brief | None = None
    briefs: Annotated[list[Brief], Field(min_length=1, max_length=MOST_BRIEFS)] | None = None
    drafts: int = Field(3, ge=1, le=MOST_DRAFTS)
    seed: int = Field(0, ge=0, lt=2**53)

    @model_validator(mode="after")
    def one_of_them(self) -> AskDrafts:
        if (self.brief is None) == (self.briefs is None):
            raise ValueError
        return self


class Gated(BaseModel):
    """What one gate says of a draft."""

    name: str
    passed: bool
    why: str


class DraftOut(BaseModel):
    """A draft, whether it passes every gate, and what each gate says."""

    text: str
    passed: bool
    gates: list[Gated]


class Drafted(BaseModel):
    """The drafts of one brief, those that pass first. Where `answered_by` is null none passes: the brief is for a person."""

    drafts: list[DraftOut]
    handled: bool = Field(description="Whether a draft of the student passes every gate")
    answered_by: Literal["student", "teacher"] | None
    student: str = Field(description="The number of the student that was asked")
    runtime: str | None = Field(description="What its model drafted with, llama.cpp or torch; null without a model")
    fields: dict[str, list[str]] = Field(
        description="What the brief says of client, budget, dates; of students that sum up"
    )


class DraftsReply(BaseModel):
    """One result a brief, in the order of the request."""

    results: list[Drafted]
    student: Which
    ms: float = Field(description="Time the server took, in milliseconds")


class Reply(BaseModel):
    """One result a text, in the order of the request."""

    results: list[Result]
    student: Which
    ms: float = Field(description="Time the server took, in milliseconds")


class Faceted(BaseModel):
    """The answers to one text, by task; `handled`: whether the students answer all of them by themselves."""

    facets: dict[str, Result]
    handled: bool


class FacetsReply(BaseModel):
    """One result a text, in the order of the request, and the student of each task that answered."""

    results: list[Faceted]
    students: dict[str, Which]
    ms: float = Field(description="Time the server took, in milliseconds")


class Problem(BaseModel):
    """What went wrong, in one sentence."""

    detail: str


class Health(BaseModel):
    """Whether the server can answer, with which students (`writer` is the one that writes), and what is not as it should be."""

    status: Literal["loading", "ready"]
    student: Which | None = None
    writer: Which | None = None
    note: str = ""


class FacetsHealth(Health):
    """The same of a server of several tasks that sort: the student of each."""

    students: dict[str, Which] = {}


def in_words(error: RequestValidationError, path: str = "/classify") -> str:
    """What is wrong with a request to an address, in one sentence that quotes nothing of it."""
    first = error.errors()[0]
    one, most, wanted = ("brief", MOST_BRIEFS, WANTED_BRIEFS) if path == "/write" else ("text", MOST_TEXTS, WANTED)
    place = next((part for part in first["loc"] if isinstance(part, int)), None)
    named = f"The {one}" if f"{one}s" not in first["loc"] or place is None else f"{one.capitalize()} number {place + 1}"
    match first["type"]:
        case "string_too_long":
            return f"{named} is longer than {MOST_CHARACTERS:,} characters."
        case "too_long" | "too_short" if "tasks" in first["loc"]:
            return f"Name 1 to {MOST_TASKS} tasks, or leave them out: then all that are served answer."
        case "too_many_images":
            return f"There are more than {MOST_IMAGES} images; send them in several requests."
        case _ if {"image", "items"} & set(first["loc"]) and first["type"] != "string_too_long":
            return WANTED_IMAGES
        case "too_many_reasons":
            return f"Reasons are given of {MOST_REASONED} texts at a time; send fewer, or leave why out."
        case "too_long":
            return f"There are more than {most} {one}s; send them in several requests."
        case "too_short":
            return f"The list of {one}s is empty."
        case "string_unicode":
            return f"{named} is not valid Unicode."
        case "empty_brief":
            return f"{named} is empty: write what the copy is for."
        case "less_than_equal" | "greater_than_equal" if "drafts" in first["loc"]:
            return f"Of a brief there can be 1 to {MOST_DRAFTS} drafts."
        case _:
            return wanted
