"""Which assets teach, which calibrate, which test: by family, stratified, the same every time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from core.chance import chance
from core.taxonomy import tagsets

TEST = 0.20
# Up to so many labelled groups none is set aside for calibration: the training rows calibrate (core/train/students/crossfit.py).
# Beyond, a tenth is no loss, and fitting several times over would be.
CROSSFITTED, CALIBRATION = 20_000, 0.10
RESERVED_ROWS, FEWEST, MOST = 1000, 0.10, 0.20


@dataclass(frozen=True)
class Group:
    """One labelled duplicate group: its id, its category, its split so far, whether a file gave that, and what orders it."""

    id: int
    category: int
    split: str | None
    from_file: bool
    order: float
    family: int | None = None  # what it belongs to, where that is more than itself

    @property
    def unit(self) -> tuple[bool, int]:
        """What moves as one: its family, or itself."""
        return self.family is None, self.id if self.family is None else self.family


def calibration_share(groups: int) -> float:
    """The share of labelled groups kept for calibration: none while they are few enough to be cross-fitted."""
    return 0.0 if groups <= CROSSFITTED else CALIBRATION


def reserved_share(groups: int) -> float:
    """The share of groups reserved for calibration where training assets are chosen, and so cannot stand for all: 1,000, but
    no less than 10 % and no more than 20 %."""
    return min(max(RESERVED_ROWS / max(groups, 1), FEWEST), MOST)


def assign(db: Database, client_id: int, run_id: int) -> dict[str, int]:
    """Give each labelled duplicate group that has no split one; returns how many labelled groups each split has.

    Families stay whole, and a new group goes where most of its family is; a family's category is that of its first group.
    Within each category of the run's labels, families are ordered by a hash of their first asset's id: 20 % go to test,
    calibration_share of them to calibration, the rest to train, rounded so that a category's first groups go to train, as does
    a family that would take test far beyond its share.
    Groups that have a split keep it, with one exception: where a file gave the splits and none of them is calibration (or
    none is test), that share is taken out of train. Groups without a label wait for theirs. Call it as often as you like.
    """
    with db.atomic():
        # The lock first: a transaction that has read and finds itself overtaken when it wants to write fails at once.
        db.execute("update assets set split = split where id = -1")
        groups = _groups(db, client_id, run_id)
        from_files = {row[0] for row in db.execute(GIVEN, [client_id])}
        moves = plan(groups, from_files, _placed(db, client_id))
        db.conn.executemany(
            "update assets set split = ? where client_id = ? and group_id = ?",
            [(split, client_id, group_id) for group_id, split in moves.items()],
        )
    counts = Counter(moves.get(group.id, group.split) for group in groups)
    return {split: counts[split] for split in ("train", "calibration", "test")}


def reserve(db: Database, client_id: int) -> None:
    """Give every family that has no split one before it is labelled, by chance alone: a hash of its first asset's id.

    Where the training assets to label are chosen, those that calibrate and test must not be: drawn from all groups, in the order of
    chance(), any first so many of them stand for all assets. Where a file gave the splits and none of them is calibration (or
    test), that share is drawn out of train. Labelled groups are assign()'s. Call it as often as you like.
    """
    with db.atomic():
        db.execute("update assets set split = split where id = -1")  # the lock first, as above
        rows = db.execute(
            """select a.group_id, max(a.split), first.external_id, coalesce(a.family_id, a.group_id) from assets a
               join assets first on first.id = coalesce(a.family_id, a.group_id) where a.client_id = ? group by a.group_id""",
            [client_id],
        ).fetchall()
        share = reserved_share(len(rows))
        from_files = {row[0] for row in db.execute(GIVEN, [client_id])}
        there, placed = {row[1] for row in rows}, _placed(db, client_id)
        drawn = {"train"} if from_files else set()  # out of which what the file lacks is drawn
        moves = []
        for group_id, split, external_id, family in rows:
            lot = chance(external_id)
            new = "test" if lot < TEST else "calibration" if lot < TEST + share else "train"
            if split is None and family in placed and not drawn & placed[family].keys():
                new = placed[family].most_common(1)[0][0]
            if split is None or (split in drawn and new not in there):
                moves.append((new, client_id, group_id))
        db.conn.executemany("update assets set split = ? where client_id = ? and group_id = ?", moves)


GIVEN = "select distinct split from assets where client_id = ? and split_given = 1 and split is not null"


def plan(
    groups: Iterable[Group], from_files: set[str], placed: dict[int, Counter[str]] | None = None
) -> dict[int, str]:
    """The new split of each group that gets one. `from_files`: the splits that files gave to any of the client's assets; `placed`:
    how many assets of a family have which split."""
    groups = list(groups)
    share = calibration_share(len(groups))
    units: dict[tuple[bool, int], list[Group]] = {}
    for group in sorted(groups, key=lambda g: g.order):
        units.setdefault(group.unit, []).append(group)
    by_category: dict[int, list[list[Group]]] = {}
    for members in units.values():
        by_category.setdefault(min(members, key=lambda g: g.id).category, []).append(members)
    moves: dict[int, str] = {}
    for families in by_category.values():
        counts = Counter(group.split for members in families for group in members if group.split)
        total = counts.total()
        for members in families:
            new = [group for group in members if group.split is None]
            if new:
                total += len(new)
                there = (placed or {}).get(members[0].family) or Counter(g.split for g in members if g.split)
                split = there.most_common(1)[0][0] if there else _next(counts, total, share, len(new))
                counts[split] += len(new)
                moves.update((group.id, split) for group in new)
    if from_files:
        lacking = {"test": TEST, "calibration": share}
        for split, part in lacking.items():
            if split not in from_files and not any(g.split == split for g in groups):
                moves.update(_take(by_category, moves, split, part))
    return moves


def _next(counts: Counter, total: int, share: float, size: int) -> str:
    """The split of a category's next `size` groups, the last the total-th: test or calibration where half of them behind."""
    if TEST * total - counts["test"] >= size / 2:
        return "test"
    return "calibration" if share * total - counts["calibration"] >= size / 2 else "train"


def _take(by_category: dict[int, list[list[Group]]], moves: dict[int, str], split: str, share: float) -> dict[int, str]:
    """Groups that a file put into train and that go to `split` instead, whole families, `share` of each category's."""
    taken: dict[int, str] = {}
    for families in by_category.values():
        in_file = [members for members in families if any(g.from_file and g.split == "train" for g in members)]
        train = [[g for g in members if moves.get(g.id, g.split) == "train"] for members in in_file]
        wanted, count = share * sum(map(len, train)), 0
        for members in train:
            if members and count + len(members) / 2 <= wanted:
                count += len(members)
                taken.update((g.id, split) for g in members)
    return taken


def _placed(db: Database, client_id: int) -> dict[int, Counter[str]]:
    """How many assets of each family have which split."""
    query = (
        "select coalesce(family_id, group_id), split, count(*) from assets where client_id = ? and split is not null"
        " group by 1, 2 order by 1, 2"
    )
    placed: dict[int, Counter[str]] = {}
    for family_id, split, count in db.execute(query, [client_id]):
        placed.setdefault(family_id, Counter())[split] = count
    return placed


def _groups(db: Database, client_id: int, run_id: int) -> list[Group]:
    """The labelled groups of a run; a group's category is that of its first labelled asset, of several tags the rarest."""
    query = (
        "select a.group_id, min(a.id), l.category_id, a.split, max(a.split_given), first.external_id,"
        " coalesce(a.family_id, a.group_id) from labels l join assets a on a.id = l.asset_id"
        " join assets first on first.id = coalesce(a.family_id, a.group_id)"
        " where l.run_id = ? and a.client_id = ? and l.category_id is not null group by a.group_id"
    )
    rows = db.execute(query, [run_id, client_id]).fetchall()
    strata = _strata(db, run_id, [row[2] for row in rows])
    return [
        Group(group_id, category, split, bool(from_file), chance(external_id), family)
        for (group_id, _, _, split, from_file, external_id, family), category in zip(rows, strata)
    ]


def _strata(db: Database, run_id: int, answers: list[int]) -> list[int]:
    """What each answer of a run counts to: the category itself, or the rarest of several tags."""
    query = """select r.taxonomy_id from label_runs r join tasks t on t.id = r.task_id
               where r.id = ? and t.kind = 'choose_several'"""
    several = db.execute(query, [run_id]).fetchone()
    if several is None:
        return answers
    members = tagsets.load(db, several[0])
    return tagsets.stratum([members[answer] for answer in answers])
