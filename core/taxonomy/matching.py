"""Labels in the wild to categories: one label, or a column of them, which is read as names or as codes throughout.

match = Matcher(categories)                       match("paid search") is a category's id, or None
match = Matcher(categories).for_column(counts)    codes or names, whichever more of the column's values are
match.near(["Disney"])                            what a label that is no category may mean: for a person to accept
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from core.errors import InputError
from core.escape import undefuse
from core.tables.headers import is_number
from core.tables.names import SEPARATOR, Near, form, same, same_code, unambiguous

if TYPE_CHECKING:
    from core.taxonomy import Category, StoredCategory

Way = Literal["names", "codes"]
WAYS: tuple[Way, ...] = ("names", "codes")


class Matcher:
    """Finds the category a label means: `matcher("paid search")` is a category id, or None.

    As a name: the label itself, else the label, path or name that is the same (core/tables/names.py). As a code: the file's own
    id, else the one id that is the same code. A label that is neither is read without the apostrophe that `defuse` puts before
    a formula. None where nothing or more than one category fits. `way` None tries names, then codes. `accepted` says what else
    means which category (value to label), as a person decided. Only assignable categories are found.
    """

    def __init__(
        self, categories: Iterable[StoredCategory], way: Way | None = None, accepted: Mapping[str, str] | None = None
    ):
        self.categories, self.way = list(categories), way
        by_label = {c.label: c for c in self.categories}
        self._usable = [c for c in self.categories if c.assignable]
        self._paths = {c.id: path_of(c, by_label) for c in self._usable}
        self._labels = {c.label: c.id for c in self._usable}
        self._label_of = {id: label for label, id in self._labels.items()}
        self._keys = {c.key: c.id for c in self._usable if c.key}
        # Sure forms first: a name shared by two categories must not hide the label of one of them.
        self._names = [
            unambiguous((form(c.label), c.id) for c in self._usable),
            unambiguous((form(self._paths[c.id]), c.id) for c in self._usable),
            unambiguous((form(c.name), c.id) for c in self._usable),
        ]
        self._codes = unambiguous((same_code(key), id) for key, id in self._keys.items())
        self.accepted = {
            same(value): self._labels[label] for value, label in (accepted or {}).items() if label in self._labels
        }

    def exact(self, text: str) -> bool:
        """Whether the text is a category's label or the file's own id for one, letter by letter."""
        forms = {text.strip(), undefuse(text.strip())}
        by_name = self.way != "codes" and not forms.isdisjoint(self._labels)
        return by_name or (self.way != "names" and not forms.isdisjoint(self._keys))

    def __call__(self, text: str) -> int | None:
        text = text.strip()
        if self.way is None:
            tried = (self._labels.get(text), self._keys.get(text), self._named(text), self._coded(text))
        else:
            tried = (self._named(text) if self.way == "names" else self._coded(text),)
        category = next((one for one in tried if one is not None), None)
        return self.accepted.get(same(text)) if category is None else category

    def label(self, category_id: int) -> str:
        """The label of a category that was found."""
        return self._label_of[category_id]

    def for_column(self, counts: Mapping[str, int], way: Way | None = None, tie: Way | None = None) -> Matcher:
        """A matcher that reads the values of one column (with how often each stands there) one way: as more of them can be read.

        `way` decides it beforehand. Where as many can be read either way and it makes a difference, `tie` decides; where that is
        None too, InputError says which value means two things.
        """
        named = {value: category for value in counts if (category := self._named(value.strip())) is not None}
        coded = {value: category for value in counts if (category := self._coded(value.strip())) is not None}
        names, codes = (sum(counts[value] for value in read) for read in (named, coded))
        if way is None and names == codes:
            way = tie or self._settled(named, coded)
        chosen = way or ("names" if names >= codes else "codes")
        matcher = Matcher.__new__(Matcher)
        matcher.__dict__.update(self.__dict__ | {"way": chosen})
        return matcher

    def _settled(self, named: dict[str, int], coded: dict[str, int]) -> Way:
        differs = next((value for value in named if coded.get(value) != named[value]), None)
        if not named or differs is None:
            return "names"
        other = coded.get(differs)
        named_so = f"{differs[:60]} is the name of {self.label(named[differs])}"
        what = (
            f"{named_so} and the code of {self.label(other)}." if other else f"{named_so}, and others are codes only."
        )
        raise InputError(
            f"The labels can be read as names or as codes, as many either way: {what}",
            "Say which they are (Labels are written as; --labels-are names or codes).",
        )

    def near(self, values: Sequence[str]) -> list[tuple[str, ...]]:
        """For each value the labels of the categories it is near to, the nearest first; one where it alone can be meant."""
        return self._near(values)

    def _named(self, text: str) -> int | None:
        if text in self._labels:
            return self._labels[text]
        wanted = form(text)
        category = next((forms[wanted] for forms in self._names if wanted in forms), None)
        return self._named(bare) if category is None and (bare := undefuse(text)) != text else category

    def _coded(self, text: str) -> int | None:
        category = self._keys.get(text) or self._codes.get(same_code(text))
        return self._coded(bare) if category is None and (bare := undefuse(text)) != text else category

    @cached_property
    def _near(self) -> Near:
        names = ((name, c.label) for c in self._usable for name in (c.label, self._paths[c.id], c.name))
        return Near(names, ((c.key, c.label) for c in self._usable if c.key))


def name_forms(categories: Iterable[Category]) -> frozenset[str]:
    """The forms (`form`) in which cells may name these categories: labels, paths, names and codes, but no plain numbers."""
    categories = list(categories)
    by_label = {c.label: c for c in categories}
    usable = [c for c in categories if c.assignable]
    forms = {form(name) for c in usable for name in (c.label, path_of(c, by_label), c.name, c.key or "")}
    return frozenset(one for one in forms if one and (not is_number(one) or (one.isdigit() and one.startswith("0"))))


def path_of(category: Category, by_label: Mapping[str, Category]) -> str:
    """All names from the top down, joined (at most 20 levels)."""
    names = [category.name]
    while category.parent is not None and len(names) < 20:
        category = by_label[category.parent]
        names.append(category.name)
    return SEPARATOR.join(reversed(names))
