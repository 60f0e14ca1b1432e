"""What becomes of each category from one version of a taxonomy to the next: a draft, the edits that make it, and its diff.

draft = begin(categories)            and merge(draft, ["Cars", "Vans"], "Vehicles"), rename(...), split(...), ...
draft = compare(before, after)       for a file: only what two files show for sure; match.proposals() guesses at the rest
diff(draft)                          added, removed, renamed, moved, merged, split, described

Pure: nothing is read or written. A draft keeps links from labels before to labels after; the diff follows from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.errors import InputError
from core.tables.names import SEPARATOR
from core.tables.names import same as form
from core.taxonomy import Category

Kind = Literal["added", "removed", "renamed", "moved", "merged", "split", "described"]
KINDS: tuple[Kind, ...] = ("added", "removed", "renamed", "moved", "merged", "split", "described")
Link = tuple[str, str]
LONGEST_NAME = 300  # as in a taxonomy file


@dataclass(frozen=True)
class Draft:
    """A version in the making. `links`: (label before, label after) for every category that goes on as something."""

    before: tuple[Category, ...]
    categories: tuple[Category, ...]
    links: frozenset[Link]


@dataclass(frozen=True)
class Change:
    """One line of a diff: the categories before and after it. `fields` of a described one are what changed: description,
    examples, key or assignable."""

    kind: Kind
    before: tuple[Category, ...]
    after: tuple[Category, ...]
    fields: tuple[str, ...] = ()


def plain(category: Category) -> Category:
    """The category without the row ids of a stored one."""
    return Category(**{field: getattr(category, field) for field in Category.__dataclass_fields__})


def begin(categories: Iterable[Category]) -> Draft:
    """A draft in which everything is as it was."""
    before = tuple(plain(category) for category in categories)
    return Draft(before, before, frozenset((c.label, c.label) for c in before))


def forward(links: Iterable[Link]) -> dict[str, set[str]]:
    """Labels after, by label before."""
    onward: dict[str, set[str]] = defaultdict(set)
    for before, after in links:
        onward[before].add(after)
    return onward


def backward(links: Iterable[Link]) -> dict[str, set[str]]:
    """Labels before, by label after."""
    return forward((other, one) for one, other in links)


# --- the diff -----------------------------------------------------------------------------------------------------


def diff(draft: Draft) -> list[Change]:
    """What changes, by kind in the order of KINDS, within one in the order of the taxonomy; empty where nothing does.

    A category may be renamed, moved and described at once. Another order of the same categories is no change.
    """
    before = {c.label: c for c in draft.before}
    after = {c.label: c for c in draft.categories}
    to, come_from = forward(draft.links), backward(draft.links)
    changes = []
    for label, old in before.items():
        if not to[label]:
            changes.append(Change("removed", (old,), ()))
        elif len(to[label]) > 1:
            changes.append(Change("split", (old,), tuple(new for name, new in after.items() if name in to[label])))
        else:
            (name,) = to[label]
            if len(come_from[name]) == 1:
                changes += _changed(old, after[name], to)
    for label, new in after.items():
        if not come_from[label]:
            changes.append(Change("added", (), (new,)))
        elif len(come_from[label]) > 1:
            changes.append(Change("merged", tuple(before[name] for name in before if name in come_from[label]), (new,)))
    return sorted(changes, key=lambda change: KINDS.index(change.kind))


def _changed(old: Category, new: Category, to: Mapping[str, set[str]]) -> list[Change]:
    """The changes of a category that goes on as one."""
    changes = []
    if (old.name, old.label) != (new.name, new.label):
        changes.append(Change("renamed", (old,), (new,)))
    above = {None} if old.parent is None else to[old.parent]
    # Where a parent is split, its children stay where its name stays.
    if new.parent not in above or (len(above) > 1 and new.parent != old.parent):
        changes.append(Change("moved", (old,), (new,)))
    fields = tuple(f for f in ("description", "examples", "key", "assignable") if getattr(old, f) != getattr(new, f))
    if fields:
        changes.append(Change("described", (old,), (new,), fields))
    return changes


def in_words(change: Change) -> str:
    """A change as one line of text: "Cars + Vans → Vehicles"."""
    before, after = (" + ".join(c.label for c in side) for side in (change.before, change.after))
    if change.kind in ("added", "removed"):
        category = (change.after or change.before)[0]
        return f"{category.label} (under {category.parent})" if category.parent else category.label
    if change.kind == "moved":
        places = [f"under {side[0].parent}" if side[0].parent else "the top" for side in (change.before, change.after)]
        return f"{after}: from {places[0]} to {places[1]}"
    if change.kind == "described":
        words = {"key": "code", "assignable": "whether it can be assigned"}
        return f"{after}: {', '.join(words.get(field, field) for field in change.fields)}"
    return f"{before} → {after}"


# --- two files ----------------------------------------------------------------------------------------------------


def compare(before: Iterable[Category], after: Iterable[Category]) -> Draft:
    """A draft from another version's categories, with the links that the two show for sure.

    In turn: the same names from the top down; the same code and name; the same name, used once on either side. Two codes that
    differ keep a name under another parent from being taken for the same.
    """
    before, after = (tuple(plain(category) for category in side) for side in (before, after))
    links: dict[str, str] = {}
    taken: set[str] = set()
    forms = (
        lambda c, paths: (c.label, paths[c.label]),
        lambda c, paths: paths[c.label],
        lambda c, _: c.key and (c.key, form(c.name)),
        lambda c, _: form(c.name),
    )
    paths = [_paths(side) for side in (before, after)]
    for number, of in enumerate(forms):
        olds = _once((of(c, paths[0]), c) for c in before if c.label not in links)
        news = _once((of(c, paths[1]), c) for c in after if c.label not in taken)
        for key, old in olds.items():
            new = news.get(key)
            if new is None or (number == 3 and old.key and new.key and old.key != new.key):
                continue
            links[old.label] = new.label
            taken.add(new.label)
    return Draft(before, after, frozenset(links.items()))


def _paths(categories: Sequence[Category]) -> dict[str, tuple[str, ...]]:
    """The names from the top down, by label."""
    by_label = {c.label: c for c in categories}
    paths = {}
    for category in categories:
        path, at = [], category
        while at is not None and len(path) <= len(by_label):
            path.append(form(at.name))
            at = by_label.get(at.parent)
        paths[category.label] = tuple(reversed(path))
    return paths


def _once(pairs: Iterable[tuple[object, Category]]) -> dict[object, Category]:
    """The categories whose key is set and is no other's."""
    unique: dict[object, Category | None] = {}
    for key, category in pairs:
        unique[key] = None if key in unique else category
    return {key: category for key, category in unique.items() if key and category is not None}


def linked(draft: Draft, old: str, new: str) -> Draft:
    """The draft in which category `old` goes on as `new` (as well). InputError where there is no such category."""
    _find(draft.before, old, "in the version in use")
    _find(draft.categories, new)
    return replace(draft, links=draft.links | {(old, new)})


# --- edits --------------------------------------------------------------------------------------------------------


def add(draft: Draft, name: str, parent: str | None = None, description: str = "", examples=()) -> Draft:
    """A new category at the end. InputError for an empty name, or one used under that parent already."""
    if parent is not None:
        _find(draft.categories, parent)
    name = _checked(draft, name, parent)
    new = Category(_label(draft.categories, name, parent), name, parent, description.strip(), tuple(examples))
    return replace(draft, categories=(*draft.categories, new))


def remove(draft: Draft, label: str) -> Draft:
    """Without the category; those below it move up a level. InputError where it is the last one."""
    _find(draft.categories, label)
    return _rewritten(draft, {label: ()})


def rename(draft: Draft, label: str, name: str) -> Draft:
    """The category under another name, its children with it."""
    old = _find(draft.categories, label)
    return _relabelled(draft, old, _checked(draft, name, old.parent, but=label), old.parent)


def move(draft: Draft, label: str, parent: str | None) -> Draft:
    """The category, and what is below it, under another parent (None: the top). InputError where that would be a circle."""
    old = _find(draft.categories, label)
    parents = {c.label: c.parent for c in draft.categories}
    at = parent
    if parent is not None:
        _find(draft.categories, parent)
    while at is not None:
        if at == label:
            raise InputError(f"{parent} is below {label} itself.", "Choose another parent.")
        at = parents[at]
    return _relabelled(draft, old, _checked(draft, old.name, parent, but=label), parent)


def describe(draft: Draft, label: str, description: str, examples: Iterable[str]) -> Draft:
    """The category with another description and other examples."""
    old = _find(draft.categories, label)
    new = replace(old, description=description.strip(), examples=tuple(e.strip() for e in examples if e.strip()))
    return _rewritten(draft, {label: (new,)})


def merge(draft: Draft, labels: Sequence[str], name: str) -> Draft:
    """Two or more categories as one, in the place and under the parent of the first; it keeps the first's code.

    Descriptions and examples are joined. What is below any of them goes below the one.
    """
    labels = list(dict.fromkeys(labels))
    olds = [_find(draft.categories, label) for label in labels]
    if len(olds) < 2:
        raise InputError("A merge needs two categories or more.", "Choose at least two.")
    parents = {c.label: c.parent for c in draft.categories}
    parent = at = olds[0].parent
    while at is not None:  # merged with one it is below: the one takes that one's place
        parent = parents[at] if at in labels else parent
        at = parents[at]
    name = _checked(draft, name, parent, but=labels)
    others = [c for c in draft.categories if c.label not in labels]
    merged = Category(
        _label(others, name, parent),
        name,
        parent,
        " ".join(dict.fromkeys(c.description for c in olds if c.description)),
        tuple(dict.fromkeys(example for c in olds for example in c.examples)),
        olds[0].key,
        any(c.assignable for c in olds),
    )
    return _rewritten(draft, dict.fromkeys(labels, (merged,)))


def split(draft: Draft, label: str, parts: Sequence[Category | str]) -> Draft:
    """A category as two or more, named or given whole (name, description, examples), in its place and under its parent.

    Its code stays with none of them, unless one keeps its name. What is below it goes to that one, else up a level.
    """
    old = _find(draft.categories, label)
    parts = [Category("", part, description=old.description) if isinstance(part, str) else part for part in parts]
    if len({form(part.name) for part in parts}) < 2:
        raise InputError("A split needs two different names or more.", "Name each part.")
    others = [c for c in draft.categories if c.label != label]
    created: list[Category] = []
    for part in parts:
        name = _checked(draft, part.name, old.parent, but=label)
        same_name = old if form(name) == form(old.name) else None
        created.append(
            Category(
                old.label if same_name and same_name.name == name else _label([*others, *created], name, old.parent),
                name,
                old.parent,
                part.description.strip(),
                tuple(part.examples),
                same_name.key if same_name else None,
            )
        )
    return _rewritten(draft, {label: tuple(created)})


def _find(categories: Iterable[Category], label: str, where: str = "in the draft") -> Category:
    for category in categories:
        if category.label == label:
            return category
    raise InputError(f"There is no category {label} {where}.", "Write its label as the taxonomy has it.")


def _checked(draft: Draft, name: str, parent: str | None, but: str | Sequence[str] = ()) -> str:
    """The name, spaces put right. InputError where it is empty, too long, or a sibling's."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise InputError(f"A name has 1 to {LONGEST_NAME} characters.", "Give the category a short name.")
    but = [but] if isinstance(but, str) else but
    twin = (c for c in draft.categories if c.parent == parent and c.label not in but and form(c.name) == form(name))
    if sibling := next(twin, None):
        where = f"under {parent}" if parent else "at the top"
        raise InputError(f"There is a category {sibling.name} {where} already.", "Choose another name.")
    return name


def _label(others: Iterable[Category], name: str, parent: str | None) -> str:
    """A label that no other category has: the name, where it must be told apart with its parent, as taxonomy files do."""
    taken = {form(c.label) for c in others}
    text = base = name if form(name) not in taken or parent is None else parent + SEPARATOR + name
    count = 1
    while form(text) in taken:
        count += 1
        text = f"{base} ({count})"
    return text


def _relabelled(draft: Draft, old: Category, name: str, parent: str | None) -> Draft:
    """The draft with the category renamed or moved, and labels below it that carry its label renewed with it."""
    others = [c for c in draft.categories if c.label != old.label]
    new = replace(old, name=name, parent=parent, label=_label(others, name, parent))
    became = {old.label: (new,)}
    waiting = [(old.label, new.label)] if new.label != old.label else []
    while waiting:
        above, now = waiting.pop()
        for child in draft.categories:
            if child.parent == above and child.label == above + SEPARATOR + child.name:
                renewed = replace(child, label=now + SEPARATOR + child.name)
                became[child.label] = (renewed,)
                waiting.append((child.label, renewed.label))
    return _rewritten(draft, became)


def _rewritten(draft: Draft, became: Mapping[str, Sequence[Category]]) -> Draft:
    """The draft with each category of `became` replaced by none, one or several; parents and links follow."""
    parents = {c.label: c.parent for c in draft.categories}

    def parent_of(new: Category, label: str | None) -> str | None:
        while label in became:
            others = [c.label for c in became[label] if c.label != new.label]
            if len(others) == 1 or label in others:
                return label if label in others else others[0]
            label = parents[label]
        return label

    categories: dict[str, Category] = {}
    for category in draft.categories:
        for new in became.get(category.label, (category,)):
            if categories.setdefault(new.label, new) is not new:
                raise InputError(f"Two categories would be called {new.label}.", "Choose another name.")
    left = tuple(replace(c, parent=parent_of(c, c.parent)) for c in categories.values())
    if not any(c.assignable for c in left):
        raise InputError("The taxonomy would have no category left to assign.", "Keep at least one.")
    twins = [(c.parent, form(c.name)) for c in left]
    if len(left) - len(set(twins)) > len(draft.categories) - len({(c.parent, form(c.name)) for c in draft.categories}):
        twice = next(c for i, c in enumerate(left) if twins[i] in twins[:i])
        where = f"under {twice.parent}" if twice.parent else "at the top"
        raise InputError(f"{twice.name} would stand {where} twice.", "Rename, move or merge one of them first.")
    links = set()
    for old, label in draft.links:
        links |= {(old, new.label) for new in became[label]} if label in became else {(old, label)}
    return replace(draft, categories=left, links=frozenset(links))
