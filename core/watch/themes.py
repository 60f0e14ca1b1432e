"""What is unlike anything the student learned from, in groups: perhaps a theme that the taxonomy lacks.

themes(task)             # the largest group first

The newest texts that were called strange are grouped by the words and letters they share: the text with most neighbours leads a
group of them, then of what is left the next (Butina 1999), and each text goes to the group whose middle it is nearest to. No more
than MOST are looked at, so that the time does not grow with the traffic. The same texts make the same groups.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
from sqlite_utils import Database

from core.tasks import Task
from core.taxonomy import diff, versions
from core.train.students import tfidf
from core.watch import served

MOST = 1_000  # different texts looked at, the newest
FEWEST = 5  # of a group
WORDS, EXAMPLES, GROUPS = 12, 3, 12
LIFT = 2.0  # so many times more often than elsewhere is a word of a group found in it, at the least
FEATURES = 4_000  # n-grams of each kind
NEAR = 0.13  # cosine from which two texts are neighbours
MIDDLE = 0.2  # and from which one belongs to the middle of a group
LONGEST = 2_000  # characters read of a text
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True)
class Theme:
    """A group of `texts` different texts that came in `answers` answers: the `words` that tell it from what else was asked, and
    `examples` nearest its middle."""

    texts: int
    answers: int
    words: tuple[str, ...]
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Themes:
    """`groups`, the largest first, out of `texts` different strange texts; `strange` answers there were, of which `untold` have no
    text, and `single` texts belong to no group."""

    groups: tuple[Theme, ...] = ()
    strange: int = 0
    untold: int = 0
    texts: int = 0
    single: int = 0


def stamp(task: Task) -> tuple[int, ...] | None:
    """What changes whenever the groups may; None where nothing was ever served."""
    file = served.there(task.client_id)
    if file is None:
        return None
    with closing(file):
        query = "select count(*), count(text), max(id) from answers where task_id = ? and strange = 1"
        return (served.path_of(task.client_id).stat().st_ino, *file.execute(query, [task.id]).fetchone())


def themes(task: Task) -> Themes:
    """The groups of what was strange to the students of the task, answers of all of them together."""
    file = served.there(task.client_id)
    if file is None:
        return Themes()
    with closing(file):
        strange, told = file.execute(
            "select count(*), count(text) from answers where task_id = ? and strange = 1", [task.id]
        ).fetchone()
        rows = file.execute(
            """select substr(text, 1, ?), count(*) from answers where task_id = ? and strange = 1 and text is not null
               group by hash order by max(at) desc, hash limit ?""",
            [LONGEST, task.id, MOST],
        ).fetchall()
        usual = file.execute(
            """select substr(text, 1, ?) from answers where task_id = ? and strange = 0 and text is not null
               order by id desc limit ?""",
            [LONGEST, task.id, MOST],
        ).fetchall()
    if len(rows) < FEWEST:
        return Themes((), strange, strange - told, len(rows), len(rows))
    texts, times = [text for text, _ in rows], np.array([n for _, n in rows])
    groups = _groups(texts)
    background = Counter(word for text in [*texts, *(text for (text,) in usual)] for word in _words(text))
    found = [_theme(texts, times, members, background, len(texts) + len(usual)) for members in groups]
    found.sort(key=lambda one: (-one.answers, -one.texts, one.words))
    return Themes(tuple(found[:GROUPS]), strange, strange - told, len(texts), len(texts) - sum(map(len, groups)))


def into_draft(db: Database, task: Task, theme: Theme, name: str) -> None:
    """Add a category of this name to the draft of the task's taxonomy, begun here where there is none, with the theme's words as
    its description and its examples. Nothing else changes until the draft is put to use. InputError for a name that cannot be."""
    kept = versions.begun_draft(db, task)
    examples = [" ".join(example.split()) for example in theme.examples]
    draft = diff.add(kept.draft, name, None, ", ".join(theme.words), examples)
    versions.keep(db, task, replace(kept, draft=draft))


def _groups(texts: list[str]) -> list[np.ndarray]:
    """The numbers of the texts of each group, those nearest the middle first."""
    table = tfidf.learn(texts, FEATURES)(texts)
    alike = (table @ table.T).toarray() / 2  # words and letters each have length 1
    near = alike >= NEAR
    free = np.ones(len(texts), bool)
    leaders = []
    while True:
        neighbours = (near & free).sum(1) * free
        first = int(neighbours.argmax())
        if neighbours[first] < FEWEST:
            break
        leaders.append(np.flatnonzero(near[first] & free))
        free[leaders[-1]] = False
    if not leaders:
        return []
    middles = np.stack([np.asarray(table[rows].mean(0)).ravel() for rows in leaders])
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    towards = np.asarray(table @ middles.T) / 2**0.5
    best = towards.argmax(1)
    belongs = towards[np.arange(len(texts)), best] >= MIDDLE
    groups = [np.flatnonzero(belongs & (best == group)) for group in range(len(leaders))]
    return [
        rows[np.argsort(-towards[rows, group], kind="stable")]
        for group, rows in enumerate(groups)
        if len(rows) >= FEWEST
    ]


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


def _theme(
    texts: list[str], times: np.ndarray, members: np.ndarray, background: Counter[str], texts_in_all: int
) -> Theme:
    here = Counter(word for row in members for word in _words(texts[row]))
    # In how many texts of the group, by how many times more often than in all that was asked.
    lift = {word: n / len(members) / (background[word] / texts_in_all) for word, n in here.items() if n > 1}
    worth = {word: here[word] * np.log(times) for word, times in lift.items() if times >= LIFT}
    best = sorted(worth, key=lambda word: (-worth[word], word))
    return Theme(
        len(members),
        int(times[members].sum()),
        tuple(word[:40] for word in best[:WORDS]),
        tuple(texts[row][:300] for row in members[:EXAMPLES]),
    )
