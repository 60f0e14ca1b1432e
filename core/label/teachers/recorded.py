"""The recorded teacher: labels bought before, out of a column of the assets file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from sqlite_utils import Database

from core.errors import InputError
from core.ingest.duplicates import form_hash, normal_form
from core.ingest.taxonomy import Matcher, StoredCategory
from core.label.teachers import Answer, Asset, batches

NONE_YET = "Name the label column when importing, and check that its labels are names of the taxonomy."


class Recorded:
    """Answers from the recordings table; nothing is bought and every recorded asset keeps its own answer."""

    def __init__(self, db: Database, source: str, categories: list[StoredCategory], client_id: int):
        self.db, self.source = db, source
        self.name = f"recorded:{source}"
        self.fingerprint = hashlib.sha256(self.name.encode()).hexdigest()
        self.labels = {c.label: c.id for c in categories if c.assignable}
        self.match = self._column(Matcher(categories), client_id)

    def pending(self, db: Database, run_id: int) -> Iterator[list[Asset]]:
        return batches(
            db,
            """select a.id, a.text from label_runs run join assets a on a.client_id = run.client_id
               join recordings r on r.source = ? and r.asset_id = a.id
               left join labels l on l.run_id = run.id and l.asset_id = a.id and l.error is null
               where run.id = ? and l.asset_id is null""",
            [self.source, run_id],
            size=2000,
        )

    def _column(self, match: Matcher, client_id: int) -> Matcher:
        """For labels that are categories' own, or were read before there was a taxonomy: the whole column is read one way."""
        counts = self.db.execute(
            """select r.label, count(*) from recordings r join assets a on a.id = r.asset_id
               where r.source = ? and a.client_id = ? and r.category is null group by r.label""",
            [self.source, client_id],
        )
        return match.for_column(dict(counts.fetchall()), tie="names")

    def answer(self, assets: Sequence[Asset]) -> list[Answer]:
        found = self.db.execute(
            f"""select asset_id, label, category, confidence, tokens_in, tokens_out, latency_ms from recordings
                where source = ? and asset_id in ({",".join("?" * len(assets))})""",
            [self.source, *(a.id for a in assets)],
        )
        recorded = {row[0]: row[1:] for row in found}
        return [self._one(asset.id, *recorded[asset.id]) for asset in assets]

    def most_usd(self, asset: Asset) -> float:
        return 0.0

    def known(self, client_id: int, text: str) -> Asset | None:
        """An asset with this text whose answer is recorded: the only texts that this teacher can answer."""
        row = self.db.execute(
            """select a.id from assets a join recordings r on r.source = ? and r.asset_id = a.id
               where a.client_id = ? and a.text_hash = ? limit 1""",
            [self.source, client_id, form_hash(normal_form(text))],
        ).fetchone()
        return Asset(row[0], text) if row else None

    def _one(self, asset_id, label, known, confidence, tokens_in, tokens_out, latency_ms) -> Answer:
        category = self.labels.get(known) or self.match(label)
        return Answer(
            asset_id,
            category,
            confidence=confidence,
            confidence_kind="given" if confidence is not None else None,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            latency_ms=latency_ms,
            error=None if category else f"The recorded answer '{label[:80]}' is not in the taxonomy.",
        )


def make(db: Database, client_id: int, detail: str, categories: list[StoredCategory]) -> Recorded:
    """The recorded teacher of column `detail`. InputError when the client has no labels from that column."""
    sources = [
        row[0]
        for row in db.execute(
            "select distinct r.source from recordings r join assets a on a.id = r.asset_id where a.client_id = ?",
            [client_id],
        )
    ]
    if detail not in sources:
        known = f"Columns with recorded labels: {', '.join(sources)}." if sources else NONE_YET
        raise InputError(f"No recorded labels from a column '{detail}'.", known)
    return Recorded(db, detail, categories, client_id)
