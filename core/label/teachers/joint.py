"""Several facets' hosted teachers as one, which asks about all that an asset lacks in one call (core/label/joint.py). What a
facet's teacher would be asked alone decides which run its labels belong to: asked together or alone, none is asked for twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from sqlite_utils import Database

from core.chance import scattered
from core.images import kept
from core.label import labels
from core.label.asking import Answered, Question, texts_of
from core.label.deciding import JointDecision
from core.label.joint import Facet, JointAsking, JointAsset, JointQuestion, keys
from core.label.teachers import Answer, Asset, hosted
from core.label.teachers.hosted import Hosted
from core.money import ledger
from core.tasks import Task
from core.taxonomy import StoredCategory, tagsets
from core.wires.wire import Reply, Request

PAGE = 256  # assets read at a time


class Joint(Hosted):
    """A model that sorts assets by several facets. `runs`: each facet's label run, in the facets' order; none outside runs."""

    def __init__(self, facets: Sequence[tuple[Task, Hosted]], runs: Sequence[int] = ()):
        first, names = facets[0][1], keys([task.name for task, _ in facets])
        asked = [Facet(task.name, key, one.asking, task.several, task.id) for key, (task, one) in zip(names, facets)]
        kind = JointDecision if first.provider.choices else JointAsking
        super().__init__(first.name, first.connection, kind(asked), first.price)
        self.runs, self.client_id, self.of = tuple(runs), facets[0][0].client_id, list(facets)

    @cached_property
    def alone(self) -> list[Hosted]:
        """Who is asked about each facet alone."""
        return [self] if len(self.of) == 1 else [together([one]) for one in self.of]

    def key(self, request: Request, asked: object = None) -> bytes:
        places = request.facets if isinstance(request, JointQuestion) else range(len(self.of))
        return super().key(request, asked or self.asking.asked(places))

    def pays_for(self, request: Request) -> tuple[int, ...]:
        if not self.runs or not isinstance(request, JointQuestion):
            return ()
        return tuple(self.runs[place] for place in request.facets)

    def about(self, text: str, asked: Sequence[int] | None = None) -> JointAsset:
        """As there, in the facets at the places `asked` (all)."""
        return JointAsset(0, text, tuple(range(len(self.of)) if asked is None else asked))

    def parts(self, question: Question, answered: Sequence[Answered], reply: Reply) -> list[tuple[bytes, Reply]]:
        if self.runs or len(question.facets) < 2 or question.assets > 1:
            return []  # a run's labels are kept facet by facet
        (text,), found = texts_of(question), []
        for one in answered:
            if not one.problem:
                alone, count = self.alone[one.facet], len(question.facets)
                ((_, asked),) = alone.asking.requests([alone.about(text)])
                own = alone.asking.facets[0].key if isinstance(alone, Joint) else "category"
                kept = self.asking.part(one, reply, own, count)
                found.append((alone.key(replace(asked, sample=question.sample)), kept))
        return found

    def write(self, db: Database, run_id: int, answers: Sequence[tuple[Sequence[int], Answer]]) -> None:
        rows: dict[tuple[int, int | None], list[Answer]] = {}
        joints = {asked: self._joint(db, asked) for asked in {tuple(asked) for asked, _ in answers}}
        for asked, answer in answers:
            rows.setdefault((self.runs[answer.facet], joints[tuple(asked)]), []).append(answer)
        for (run, joint), those in rows.items():
            labels.write(db, run, self._as_sets(db, run, those), joint)

    def _as_sets(self, db: Database, run_id: int, answers: list[Answer]) -> list[Answer]:
        """Answers of a facet that takes several, with the ids of the sets that their tags are (core/taxonomy/tagsets.py)."""
        said = [answer.tags for answer in answers if answer.tags is not None]
        if not said:
            return answers
        (taxonomy_id,) = db.execute("select taxonomy_id from label_runs where id = ?", [run_id]).fetchone()
        ids = dict(zip(said, tagsets.ids(db, taxonomy_id, said)))
        return [answer if answer.tags is None else replace(answer, category_id=ids[answer.tags]) for answer in answers]

    def _joint(self, db: Database, asked: Sequence[int]) -> int | None:
        return ledger.joint_of(db, [self.runs[place] for place in asked]) if len(asked) > 1 else None

    def asked_about(self, db: Database, batch: dict, assets: Sequence[Asset]) -> list[JointAsset]:
        runs = {batch["run_id"]}
        if batch["joint_id"] is not None:
            runs = {row[0] for row in db.execute("select run_id from joints where id = ?", [batch["joint_id"]])}
        asked = tuple(place for place, run in enumerate(self.runs) if run in runs)
        return [JointAsset(asset.id, asset.text, asked) for asset in assets]

    def pending(self, db: Database, run_id: int) -> Iterator[list[JointAsset]]:
        """The assets that lack a label in any facet, one of each duplicate group, page by page. Read by keyset, so that no cursor
        stays open while answers are written."""
        sql, parameters = lacking(self.runs, self.client_id)
        last = 0
        while True:
            page = f"select id, text, facets from ({sql} and a.id > ?) where facets > 0 order by id limit ?"
            rows = db.execute(page, [*parameters, last, PAGE]).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield self.seen(db, [_asset(*row) for row in rows])

    def left(self, db: Database, only: Collection[int] | None = None) -> int:
        """How many assets (of those whose id is in `only`; None: of all) lack a label in any facet."""
        sql, parameters = lacking(self.runs, self.client_id)
        ids = db.execute(f"select id from ({sql}) where facets > 0", parameters)
        return sum(only is None or id in only for (id,) in ids)

    def groups(self, db: Database) -> list[tuple[int, int, float]]:
        """Assets by the facets they lack (as a sum of powers of two): how many, and the characters of their texts, with those that
        their images count as."""
        sql, parameters = lacking(self.runs, self.client_id)
        grouped = f"select facets, count(*), total(length(text)) from ({sql}) where facets > 0 group by facets"
        groups = db.execute(grouped, parameters).fetchall()
        if not self.looks:
            return groups
        seen: Counter = Counter()
        shown = f"""select facets, i.width, i.height, count(*) from (select * from ({sql}) where facets > 0) lack
                    join assets a on a.id = lack.id join images i on i.client_id = a.client_id and i.sha256 = {kept.OF_GROUP}
                    group by facets, i.width, i.height"""
        for mask, width, height, count in db.execute(shown, parameters):
            seen[mask] += count * self.image_characters(width, height)
        return [(mask, count, characters + seen[mask]) for mask, count, characters in groups]

    def sampled(self, db: Database, limit: int) -> list[JointAsset]:
        """Of `limit` assets spread evenly over the client's (always the same), those that lack a label."""
        sql, parameters = lacking(self.runs, self.client_id)
        drawn = f"select * from ({sql}) order by {scattered('id')} limit ?"
        rows = db.execute(f"select id, text, facets from ({drawn}) where facets > 0", [*parameters, limit])
        return self.seen(db, [_asset(*row) for row in rows])


def together(facets: Sequence[tuple[Task, Hosted]]) -> Hosted:
    """Who is asked about facets of one connection outside runs: of one that takes one category, its own teacher."""
    ((task, alone), *more) = facets
    return Joint(facets) if more or task.several else alone


def alone(db: Database, task: Task, spec: str, categories: list[StoredCategory]) -> Hosted:
    """The teacher "connection:NAME" or "KIND:MODEL" as it is asked about one facet outside runs. InputError where there is none."""
    return together([(task, hosted.make(db, task, spec, categories))])


def lacking(runs: Sequence[int | None], client_id: int) -> tuple[str, list]:
    """SQL, with its parameters, of a client's assets to be asked about, one of each duplicate group: id, text, and `facets`, a sum
    of powers of two for the places of those that a run has no answer for (all where there is no run yet)."""
    bits = []
    for place, run in enumerate(runs):
        there = f"exists (select 1 from labels l where l.run_id = {int(run or 0)} and l.asset_id = a.id and l.error is null)"
        bits.append(f"(not {there}) * {1 << place}")
    sql = f"select a.id, a.text, {' + '.join(bits)} as facets from assets a where a.client_id = ? and a.group_id = a.id"
    return sql, [client_id]


def places(facets: int) -> tuple[int, ...]:
    """The places that a sum of powers of two stands for."""
    return tuple(place for place in range(facets.bit_length()) if facets >> place & 1)


def _asset(id: int, text: str, facets: int) -> JointAsset:
    return JointAsset(id, text, places(facets))
