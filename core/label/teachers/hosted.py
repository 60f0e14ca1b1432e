"""The hosted teacher: a model behind a connection, asked about one taxonomy. What it answers is bought by core/label/engine.py,
batches.py and desk.py."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace

from sqlite_utils import Database

from core import tasks
from core.images import kept
from core.images.seen import Seen, apart
from core.label import labels, looking
from core.label.asking import REPAIR_SHOWN, Answered, Asking, Question, of_task
from core.label.deciding import DecisionAsking
from core.label.model import MESSAGE_TOKENS, Model, connection_of, name_of, price_of
from core.label.teachers import Answer, Asset, lacking
from core.money.prices import CHARACTERS_A_TOKEN, Price
from core.tasks import Task
from core.taxonomy import StoredCategory
from core.wires import pictures, providers
from core.wires.connections import Connection
from core.wires.wire import Reply, Request


class Hosted(Model):
    """A model that sorts assets into the categories of one taxonomy."""

    runs: tuple[int, ...] = ()  # of a teacher of several facets (joint.py), a run each
    looks = False  # it gets the image of an asset that has one

    def __init__(self, name: str, connection: Connection, asking: Asking, price: Price | None):
        super().__init__(connection, price)
        self.name, self.asking = name, asking
        self.fingerprint = asking.fingerprint
        self.looks = asking.looks

    def key(self, request: Request, asked: object = None) -> bytes:
        return super().key(request, asked or self.asking.asked)

    def asks_for(self, request: Request) -> tuple[int, ...]:
        return request.tasks if isinstance(request, Question) else ()

    def about(self, text: str) -> Asset:
        """A text outside any run, to be asked about."""
        return Asset(0, text)

    def seen(self, db: Database, assets: Sequence[Asset]) -> list[Asset]:
        """A client's assets with the images that stand for them, where it looks; else as they are."""
        sights = kept.group_sights(db, [asset.id for asset in assets]) if self.looks else {}
        return [
            replace(asset, text=Seen(asset.text, sights[asset.id])) if asset.id in sights else asset for asset in assets
        ]

    def same(self, text: str) -> Hashable:
        """What two texts have in common that get one answer."""
        return apart(text) if self.looks else str(text)

    def image_characters(self, width: int, height: int) -> float:
        """The characters that take as many tokens as an image of that size, for forecasts; 0 where it does not look."""
        if not self.looks:
            return 0.0
        charge = pictures.charge(self.connection)
        return charge.tokens(*charge.fitted(width, height)) * CHARACTERS_A_TOKEN

    def parts(self, question: Question, answered: Sequence[Answered], reply: Reply) -> list[tuple[bytes, Reply]]:
        """What a reply to a question about several facets says of each, as the reply to that facet's own question with the key that
        it is kept under: so an answer is kept whatever the facet is asked about with. Nothing for one facet."""
        return []

    def pending(self, db: Database, run_id: int) -> Iterator[list[Asset]]:
        return (self.seen(db, page) for page in lacking(db, run_id))

    def write(self, db: Database, run_id: int, answers: Sequence[tuple[Sequence[int], Answer]]) -> None:
        """Labels, each with the facets that it was asked for together with, in the caller's transaction."""
        labels.write(db, run_id, [answer for _, answer in answers])

    def asked_about(self, db: Database, batch: dict, assets: Sequence[Asset]) -> list[Asset]:
        """Assets as a batch (a row of batches) asked about them."""
        return list(assets)

    def most_usd_repaired(self, question: Question) -> float:
        """The most USD that a call and the repair turn after it can cost. InputError where the model has no price."""
        tokens_in, tokens_out = self.most_tokens(question)
        shown = 4 * REPAIR_SHOWN + 200 * question.assets + self.asking.longer_list
        repair = tokens_in + shown + 2 * MESSAGE_TOKENS + 600
        return self.usd(tokens_in + repair, 2 * tokens_out, self.priced(), calls=2)

    def most_usd_answer(self, asset: Asset) -> float:
        """The most that an answer about one asset can cost, with all its votes and repair turns. InputError where the model has no
        price."""
        ((_, question),) = self.asking.requests([asset])
        return max(self.connection.params.votes, 1) * self.most_usd_repaired(question)


def make(db: Database, task: Task, spec: str, categories: list[StoredCategory], looks: bool | None = None) -> Hosted:
    """The teacher "connection:NAME" or "KIND:MODEL"; `looks`: whether it gets the images (None: as was chosen). InputError where
    there is none, or it is to look and its model takes no images."""
    connection = connection_of(db, task.client_id, spec)
    name = name_of(spec, connection)
    looks = looking.chosen(db, task.client_id, name) if looks is None else looks
    if looks:
        pictures.must_take(connection)
    if providers.of(connection.kind).choices:
        tasks.one_category(
            task, f"{connection.name} is a decision model: asking it", "Take a teacher that writes for this task."
        )
        asking = of_task(db, task, connection, categories, kind=DecisionAsking, looks=looks)
    else:
        asking = of_task(db, task, connection, categories, looks=looks)
    return Hosted(name, connection, asking, price_of(db, connection))
