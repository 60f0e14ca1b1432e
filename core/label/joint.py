"""Several facets of an asset asked about in one call: the instructions and the text once, each facet a property of the answer.

    asking = JointAsking([Facet("Topic", "topic", topics), Facet("Offer", "offer", offers)])
    for assets, request in asking.requests([JointAsset(1, "Save 20 % …", (0, 1))]): ...

How one facet is asked about, and what its value means, is its own Asking's work. A facet that takes several categories answers with
a list of ids. An asset that lacks one facet only is asked about exactly as if there were no other.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from core.label import replies
from core.label.asking import (
    LONGER,
    LOOKING,
    REPAIR_SHOWN,
    Answered,
    Asking,
    Question,
    numbered,
    sendable,
    temperature,
    texts_of,
    unspoken,
    value_starts,
)
from core.label.replies import NONE, NOTHING_FITS
from core.label.teachers import Asset
from core.wires.wire import Reply, form, unthought

# As short as they can be: what stands beside text and lists is all that asking together saves.
EACH = "Choose for each facet by itself:"
SEVERAL = "Of this facet choose every category that fits, none where none does: a list of ids."
SOME = "Of this facet choose every category that fits, one at least: a list of ids."
TWICE = "It names {} twice, which counts once."
NO_TAG = "The answer gives no category, but every text has one at least."


@dataclass(frozen=True)
class Facet:
    """One question about an asset: the task's name and id, the property `key` of the answer, how it is asked about alone;
    `several`: it takes any number of categories."""

    name: str
    key: str
    asking: Asking
    several: bool = False
    task: int = 0


@dataclass(frozen=True)
class JointAsset(Asset):
    """An asset, and the places of the facets that are to be asked about."""

    facets: tuple[int, ...] = ()


@dataclass(frozen=True)
class JointQuestion(Question):
    """A call about facets, with the short ids (`options`) that may be answered in each; without `options` it is one facet's own
    call."""

    options: tuple[tuple[str, ...], ...] = ()

    def whole(self, first: Reply, again: Question, second: Reply) -> Reply | None:
        """As there; where some facets of one asset were asked again, their values take the places of those they had at first."""
        if again.facets == self.facets:
            return second
        values = [_objects(reply.text) for reply in (first, second)]
        if self.assets > 1 or not all(len(one) == 1 and isinstance(one[0], dict) for one in values):
            return None
        return replace(second, text=json.dumps(values[0][0] | values[1][0]), logprobs=None)


def keys(names: Sequence[str]) -> list[str]:
    """A property name of an answer for each facet's name: its Latin letters and digits, all different."""
    made: list[str] = []
    for place, name in enumerate(names, 1):
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40] or f"facet_{place}"
        taken = plain in made or plain in ("text", "answers")
        made.append(f"{plain}_{place}" if taken else plain)
    return made


class JointAsking:
    """How one connection asks about several facets; of each asset about those it lacks."""

    def __init__(self, facets: Sequence[Facet]):
        self.facets = list(facets)
        self.params = facets[0].asking.params
        self.looks, self.a_call, self.pictures = (
            facets[0].asking.looks,
            facets[0].asking.a_call,
            facets[0].asking.pictures,
        )
        self._systems: dict[tuple, str] = {}

    @cached_property
    def fingerprint(self) -> str:
        """Of all facets together; a label belongs to its own facet's run, whatever it was asked together with."""
        return " ".join(facet.asking.fingerprint for facet in self.facets)

    def asked(self, places: Sequence[int]) -> dict:
        """What of the connection's parameters can change an answer about these facets."""
        return {name: value for place in places for name, value in self.facets[place].asking.asked.items()}

    # --- the request ---------------------------------------------------------------------------------------------

    def lacking(self, asset: Asset) -> tuple[int, ...]:
        """The places of the facets an asset is asked about: all where nobody says which it lacks."""
        return asset.facets if isinstance(asset, JointAsset) else tuple(range(len(self.facets)))

    def requests(self, assets: Sequence[Asset]) -> list[tuple[list[JointAsset], JointQuestion]]:
        """The calls that ask about `assets`, those that lack the same facets together."""
        groups: dict[tuple[int, ...], list[JointAsset]] = {}
        for asset in assets:
            groups.setdefault(self.lacking(asset), []).append(asset)
        size, made = self.a_call, []
        for places, members in groups.items():
            if len(places) == 1 and not self.facets[places[0]].several:
                alone = self.facets[places[0]].asking.requests(members)
                made += [(group, JointQuestion(**vars(question) | {"facets": places})) for group, question in alone]
                continue
            parts = [members[start : start + size] for start in range(0, len(members), size)]
            made += [(part, self._request(part, places)) for part in parts]
        return made

    def _request(self, assets: list[JointAsset], places: tuple[int, ...]) -> JointQuestion:
        lines, options = [], []
        for place in places:
            facet = self.facets[place]
            offer, ids = facet.asking.offered([asset.text for asset in assets])
            lines += [f"{facet.key}:", *offer] if offer else []
            options.append(tuple(ids))
        lines += [*numbered(assets), self._form(places, len(assets))]
        seen = self.pictures(assets)
        return JointQuestion(
            self.system(places, bool(seen)),
            (("user", sendable("\n".join(lines))),),
            self._schema(places, options, len(assets)),
            temperature(self.params),
            self.params.max_tokens_out * len(assets) * len(places),
            logprobs=self.params.logprobs,
            assets=len(assets),
            facets=places,
            options=tuple(options),
            tasks=self._tasks(places),
            pictures=seen,
        )

    def _tasks(self, places: Sequence[int]) -> tuple[int, ...]:
        return tuple(self.facets[place].task for place in places) if len(places) > 1 else ()

    def system(self, places: tuple[int, ...], looking: bool = False) -> str:
        """What every call about these facets begins with: instructions, once for all facets that share them, those of images where
        it is `looking` at some, and each facet's list."""
        if (places, looking) not in self._systems:
            asked = [self.facets[place] for place in places]
            wordings: dict[str, list[str]] = {}
            for facet in asked:
                wordings.setdefault(facet.asking.prompt.instructions, []).append(f'"{facet.key}"')
            parts = [
                words if len(wordings) == 1 else f"For {', '.join(whose)}:\n{words}"
                for words, whose in wordings.items()
            ]
            parts += [LOOKING] if looking else []
            parts += [EACH] if len(places) > 1 else []
            for facet in asked:
                title = facet.key + ("" if _plain(facet.name) == _plain(facet.key) else f" ({facet.name})")
                lines = [] if facet.asking.shortlisting else map(_bare, facet.asking.lines)
                parts += [
                    "\n".join([title, *([SOME if facet.asking.some else SEVERAL] if facet.several else []), *lines]),
                    *facet.asking.examples,
                ]
            self._systems[places, looking] = sendable("\n\n".join(parts))
        return self._systems[places, looking]

    def _schema(self, places: Sequence[int], options: Sequence[tuple[str, ...]], count: int) -> dict | None:
        asked = [self.facets[place] for place in places]
        return schema(tuple((facet.key, ids, facet.several) for facet, ids in zip(asked, options)), count)

    def _form(self, places: Sequence[int], count: int, every: bool = False) -> str:
        """How the answer is to look: the first facet stands for all that take one category unless `every` one is to be named, as
        where no schema says so."""
        asked, every = [self.facets[place] for place in places], every or self.params.schema == "plain"
        shown = [one for one in asked if every or one is asked[0] or one.several]
        values = ", ".join(f'"{one.key}": ' + ('["<id>", …]' if one.several else '"<id>"') for one in shown)
        values += ", …" * (len(shown) < len(asked))
        if count == 1:
            return f"Answer with JSON alone, an id a facet: {{{values}}}"
        return (
            f"Answer with JSON alone, an id a facet for each of the {count} texts, in their order: "
            f'{{"answers": [{{"text": 1, {values}}}, …]}}'
        )

    # --- the answer ----------------------------------------------------------------------------------------------

    def read(self, assets: Sequence[Asset], request: JointQuestion, reply: Reply) -> list[Answered]:
        """What a reply says of each asset in each facet asked about; each without a clear category with its problem."""
        if not request.options:
            (place,) = request.facets
            alone = self.facets[place].asking.read(assets, request, reply)
            return [replace(answered, facet=place) for answered in alone]
        problem = unspoken(reply)
        objects = problem or _answers(reply.text, len(assets), [self.facets[place] for place in request.facets])
        found = []
        for place, allowed in zip(request.facets, request.options):
            facet = self.facets[place]
            starts = [None] * len(assets) if facet.several else value_starts(reply, facet.key, len(assets))
            for number, (asset, start) in enumerate(zip(assets, starts)):
                said = objects if isinstance(objects, str) else objects[number]
                found.append(_read(facet, place, asset, said, allowed, reply, start))
        return found

    def repair(self, request: JointQuestion, reply: Reply, answered: Sequence[Answered]) -> JointQuestion:
        """The request that tells the model what was wrong and asks once more, about the facets that failed alone; where a short
        list had nothing that fits, with a longer one."""
        if not request.options:
            return self.facets[request.facets[0]].asking.repair(request, reply, answered)
        wrong: dict[int, Counter] = {}
        for one in answered:
            if one.problem:
                wrong.setdefault(one.facet, Counter())[one.problem] += 1
        failed = tuple(place for place in request.facets if place in wrong)
        told = {" ".join(wrong[place]): self.facets[place].key for place in failed}
        lines = list(told) if len(told) == 1 else [f"{self.facets[p].key}: {' '.join(wrong[p])}" for p in failed]
        options = []
        for place in failed:
            allowed = request.options[request.facets.index(place)]
            if NONE in allowed and set(wrong[place]) == {NOTHING_FITS}:
                asking = self.facets[place].asking
                offer, allowed = asking.offered(texts_of(request), LONGER * asking.params.shortlist)
                lines += [f'Here is a longer list for the facet "{self.facets[place].key}".', *offer]
            options.append(tuple(allowed))
        only = "" if failed == request.facets else ", about these facets alone"
        lines.append(f"Answer once more{only}. {self._form(failed, request.assets, every=True)}")
        shown = reply.answer.strip()[:REPAIR_SHOWN] or "(no answer)"
        return replace(
            request,
            turns=(*request.turns, ("assistant", shown), ("user", "\n".join(lines))),
            schema=self._schema(failed, options, request.assets),
            facets=failed,
            options=tuple(options),
            tasks=self._tasks(failed),
        )

    def part(self, answered: Answered, reply: Reply, own: str, facets: int) -> Reply:
        """A sound answer of one facet, out of a reply about so many, as the reply to a question about that facet alone, in which
        its property is called `own`; it took its share."""
        facet, mine = self.facets[answered.facet], own_share(reply, facets)
        short = {id: short for short, id in facet.asking.reader.by_short.items()}
        if facet.several:
            said = json.dumps({own: [short[tag] for tag in answered.tags]})
            return replace(mine, text=said, logprobs=None)
        opening, id = f'{{"{own}": "', short[answered.category_id]
        spread = None
        if answered.confidence_kind == "logprobs":
            (start,) = value_starts(reply, facet.key, 1)
            spread = replies.moved(reply.logprobs, start, opening)
        return replace(mine, text=f'{opening}{id}"}}', logprobs=spread)

    def combine(self, votes: Sequence[Answered]) -> Answered:
        """What several answers about one asset in one facet come to; of a facet that takes several, each category that more than
        half of them named."""
        place = votes[0].facet
        if not self.facets[place].several:
            return replace(self.facets[place].asking.combine(votes), facet=place)
        sound = [vote for vote in votes if vote.tags is not None]
        if not sound:
            return votes[0]
        counts = Counter(tag for vote in sound for tag in vote.tags)
        tags = tuple(tag for tag, count in counts.items() if 2 * count > len(sound))
        if not tags and self.facets[place].asking.some:
            tags = (counts.most_common(1)[0][0],)
        same = sum(set(vote.tags) == set(tags) for vote in sound) / len(sound)
        return replace(sound[0], tags=tags, confidence=same, confidence_kind="votes")

    @property
    def longer_list(self) -> int:
        """The most bytes that a repair turn's longer lists can have."""
        return sum(facet.asking.longer_list for facet in self.facets)


def own_share(reply: Reply, facets: int) -> Reply:
    """A reply about so many facets with what one of them took."""
    names = ("tokens_in", "tokens_out", "tokens_cached", "tokens_written")
    return replace(reply, cost_usd=None, **{name: (n := getattr(reply, name)) and round(n / facets) for name in names})


@lru_cache(maxsize=64)
def schema(facets: tuple[tuple[str, tuple[str, ...], bool], ...], count: int) -> dict | None:
    """The JSON schema of an answer for each of `count` texts in facets of (key, ids, several); None where the ids are too many.

    That a list names no id twice, and one at least where it must, is left to the reader: providers' strict schemas refuse
    uniqueItems, and some of them minItems.
    """
    properties, values = {}, 0
    for key, ids, several in facets:
        if replies.too_many(ids, values):
            return None
        values += len(ids)
        category = {"type": "string", "enum": list(ids)}
        properties[key] = {"type": "array", "items": category} if several else category
    if count == 1:
        return form(**properties)
    return form(answers={"type": "array", "items": form(text={"type": "integer"}, **properties)})


def _objects(text: str, wanted: frozenset[str] = frozenset()) -> list[object]:
    """The JSON answers in a reply."""
    text = unthought(text[: replies.LONGEST]).strip()
    return replies.json_values(text, lambda value: _names(value, wanted))


def _names(value: object, wanted: frozenset[str]) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_names(one, wanted) for one in value)
    return isinstance(value, dict) and any(_plain(key) in wanted or key == "answers" for key in value)


def _bare(line: str) -> str:
    """A category's line without the colon behind the id, where what follows is no number."""
    short, _, name = line.partition(": ")
    return line if name[:1].isdigit() else f"{short} {name}"


def _plain(key: str) -> str:
    """The form in which a property and the name of a facet are one."""
    return " ".join(key.replace("_", " ").split()).lower()


def _answers(text: str, count: int, facets: Sequence[Facet]) -> list[object] | str:
    """The object that a reply gives for each of `count` texts, or what is wrong with it as a whole."""
    if not unthought(text[: replies.LONGEST]).strip():
        return replies.EMPTY
    found = _objects(text, frozenset(_plain(name) for facet in facets for name in (facet.key, facet.name)))
    if len({json.dumps(value, sort_keys=True) for value in found}) > 1:
        return replies.SEVERAL_ANSWERS
    if not found:
        return replies.NO_JSON
    answers = found[0]["answers"] if isinstance(found[0], dict) and "answers" in found[0] else found[0]
    answers = answers if isinstance(answers, list) else [answers]
    if problem := replies.misnumbered(answers, count):
        return problem
    return answers if all(isinstance(one, dict) for one in answers) else replies.NO_JSON


def _read(
    facet: Facet, place: int, asset: Asset, said: object, allowed: Sequence[str], reply: Reply, start: int | None
) -> Answered:
    """One facet's answer about one asset, out of the object `said` of it (or the problem of the whole reply)."""
    if isinstance(said, str):
        return Answered(asset.id, None, said, facet=place)
    if facet.key in said:
        values, mapped = [said[facet.key]], False
    else:
        values, mapped = [said[key] for key in said if _plain(key) in (_plain(facet.key), _plain(facet.name))], True
    if len(values) != 1:
        problem = replies.SEVERAL_ANSWERS if values else f"The answer says nothing of the facet {facet.name}."
        return Answered(asset.id, None, problem, facet=place)
    if facet.several:
        return _read_tags(facet, place, asset, values[0], allowed, mapped)
    reading = facet.asking.reader.answer(values[0], allowed)
    reading = replace(reading, mapped=reading.mapped or (mapped and not reading.problem))
    answered = facet.asking.answered(asset, reading, allowed, reply, None if mapped else start)
    return replace(answered, facet=place)


def _read_tags(facet: Facet, place: int, asset: Asset, value: object, allowed: Sequence[str], mapped: bool) -> Answered:
    """The categories of a list, each once, in its order; what is no list, or names one twice, is a near miss."""
    listed = value if isinstance(value, list) else [value]
    read = [facet.asking.reader.value(one, allowed) for one in listed]
    read = [one for one in read if one.problem != NOTHING_FITS]
    problem = next((one.problem for one in read if one.problem), None)
    if problem:
        return Answered(asset.id, None, problem, facet=place)
    tags = tuple(dict.fromkeys(one.category for one in read))
    if facet.asking.some and not tags:
        return Answered(asset.id, None, NO_TAG, facet=place)
    near = mapped or listed is not value or len(tags) < len(read) or any(one.mapped for one in read)
    twice = next((tag for tag, n in Counter(one.category for one in read).items() if n > 1), None)
    remark = None if twice is None else TWICE.format(facet.asking.reader.match.label(twice))
    return Answered(asset.id, None, mapped=near, facet=place, tags=tags, remark=remark)
