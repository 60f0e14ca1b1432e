"""Which image a row of a table means: by its path, its name in any folder, with or without an ending, whatever the case."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.errors import InputError

FEWEST = 0.01  # of the first rows' cells, that name an image in the column that does: the images may be some of many


@dataclass(frozen=True)
class Meant:
    """What a cell means: the `name` of an image, None for none; `several` where it may be more than one."""

    name: str | None
    several: bool = False


class Names:
    """The names of a source's images, to be found by what people write."""

    def __init__(self, names: Iterable[str]):
        names = list(names)
        self._exact = set(names)
        self._by_form: list[dict[str, list[str]]] = [{} for _ in _forms("")]
        for name in names:
            for known, form in zip(self._by_form, _forms(name)):
                known.setdefault(form, []).append(name)

    def meant(self, cell: str) -> Meant:
        """The image that a cell names: by its whole path, else by less and less of it."""
        if cell.strip() in self._exact:
            return Meant(cell.strip())  # though another's name may differ from it in case only
        path, whole, last, stem = _forms(cell.strip())
        paths, wholes, lasts, stems = self._by_form
        if not path:
            return Meant(None)
        for known, form in (
            (paths, path),
            (wholes, path),
            (lasts, last),
            (stems, last),
            (wholes, whole),
            (stems, stem),
        ):
            if found := known.get(form):
                return Meant(None, several=True) if len(found) > 1 else Meant(found[0])
        return Meant(None)


def _forms(name: str) -> tuple[str, str, str, str]:
    """A name's path, its path without ending, its last part, and that without ending; case, width and slashes aside."""
    path = unicodedata.normalize("NFKC", name).casefold().replace("\\", "/").removeprefix("./")
    last = path.rpartition("/")[2]
    stem = last.rpartition(".")[0] or last
    return path, path[: len(path) - len(last)] + stem, last, stem


def column(columns: Sequence[str], head: Sequence[Sequence[str]], names: Names, where: str) -> str:
    """The column of a table whose cells name images, by its first rows. InputError where none does."""
    best, most = "", (0.0, 0.0)
    for place, name in enumerate(columns):
        cells = [row[place] for row in head if row[place].strip()]
        named = [cell for cell in cells if names.meant(cell) != Meant(None)]
        share = len(named) / max(len(cells), 1), sum("." in cell for cell in named) / max(len(named), 1)
        if share > most:  # as many are ids, perhaps, but these have endings
            best, most = name, share
    if most[0] < FEWEST:
        raise InputError(
            "No column of the table names the images.",
            "Give it a column with each image's file name, or say which column it is.",
            where=where,
        )
    return best
