"""What a decision model is asked about an asset, and what its answers mean: one question a facet, its categories as the options.

    ((_, request),) = DecisionAsking(connection, categories, prompt).requests([Asset(1, "Save 20 % …")])

None of these is always an option: without it such a model files whatever it is shown. Where there are more categories than it takes
options, it is asked among a short list, or (Params.by_level) first among the topmost level and then among what is below the one it
chose. What it answers is kept as it came; a refusal, a missing answer and one that contradicts itself are reasons, never labels.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.images.seen import sight_of
from core.label.asking import LONGER, LOOKING, UNATTRIBUTED, Answered, Asking, Question, sendable, texts_of
from core.label.joint import Facet, JointAsking, JointQuestion, own_share
from core.label.replies import NO_JSON, NOTHING_FITS, REFUSED
from core.label.teachers import Asset
from core.taxonomy import StoredCategory
from core.wires import providers
from core.wires.wire import Choice, Reply

NONE_NAMES = ("None of these", "None of the options listed", "No option of this list fits")
NONE_TEXT = "The text is about something that no other option stands for."
MISSING = "The model left the question unanswered."
CONTRADICTS = "The answer contradicts itself: another option has the larger probability."
DEEPER = "The model named the group {} and then nothing within it."
ELSEWHERE = "asked before"  # as the option before, of an answer whose question may have been another's
ALONE = "category"  # the question's name where there is one facet


@dataclass(frozen=True)
class DecisionQuestion(JointQuestion):
    """A call to a decision model. `after`: of facets asked once more, by the question's name, the option chosen before with its
    probability; the option is empty where the list was merely too short."""

    after: tuple[tuple[str, str, float], ...] = ()

    def whole(self, first: Reply, again: Question, second: Reply) -> Reply | None:
        """As there: the first answers, with those to the second question in the place of those that led to it."""
        said, then = json.loads(first.text), json.loads(second.text)
        for name, option, share in again.after:
            if name in then:
                said[name] = then[name] | {"after": option, "share": share}
        return replace(second, text=json.dumps(said, ensure_ascii=False))


class DecisionAsking(Asking):
    """How a decision model is asked about one taxonomy."""

    def __init__(
        self,
        connection,
        categories: Sequence[StoredCategory],
        prompt,
        examples=(),
        encoder_name: str = "packaged",
        looks: bool = False,
    ):
        most = providers.of(connection.kind).choices.options - 1  # one is none of these
        params = connection.params
        few = replace(params, shortlist_over=min(params.shortlist_over, most), shortlist=min(params.shortlist, most))
        super().__init__(replace(connection, params=few), categories, prompt, examples, encoder_name, looks)
        self.most = most
        names = [" ".join(c.label.split()) for c in self.categories]
        again = Counter(name.casefold() for name in names)
        self.names = [
            sendable(name if again[name.casefold()] == 1 else f"{name} ({short})")
            for name, short in zip(names, self.ids)
        ]
        taken = {name.casefold() for name in self.names}
        self.none = next(name for name in (*NONE_NAMES, f"{NONE_NAMES[0]} at all") if name.casefold() not in taken)
        self.place = {name: place for place, name in enumerate(self.names)}
        self.roots = _roots(categories, self.categories)
        self.by_level = self.shortlisting and few.by_level and 1 < len(self.roots) <= most
        self.instructions = sendable("\n\n".join([prompt.instructions, *self._shown(examples)]))
        self.looking_instructions = sendable("\n\n".join([prompt.instructions, LOOKING, *self._shown(examples)]))

    def _shown(self, examples: Sequence[tuple[str, str]]) -> list[str]:
        shown = [f"{json.dumps(text, ensure_ascii=False)} -> {label}" for text, label in examples]
        return ["Examples, as people decided:\n" + "\n".join(shown)] if shown else []

    # --- the request ---------------------------------------------------------------------------------------------

    def requests(self, assets: Sequence[Asset]) -> list[tuple[list[Asset], Question]]:
        return [([asset], _request([Facet("", ALONE, self)], asset, (0,))) for asset in assets]

    def choice(self, name: str, text: str) -> Choice:
        """The question about a text, and the image that it has for one who looks."""
        if self.by_level:
            roots = (*((root, "") for root in self.roots), (self.none, NONE_TEXT))
            return Choice(name, self._instructions(text), roots)
        return self.among(name, self.shortlist(text) if self.shortlisting else range(len(self.categories)), text)

    def among(self, name: str, places: Sequence[int], text: str) -> Choice:
        """The question about a text, which of the categories at these places."""
        options = ((self.names[place], self._about(place)) for place in places)
        return Choice(name, self._instructions(text), (*options, (self.none, NONE_TEXT)))

    def _instructions(self, text: str) -> str:
        return self.looking_instructions if self.looks and sight_of(text) else self.instructions

    def shortlist(self, text: str, most: int | None = None) -> list[int]:
        wanted = min(most or self.params.shortlist, self.most)
        found = super().shortlist(text, wanted)
        while len(found) > self.most:  # parents came beside those that were likeliest
            wanted -= max((len(found) - self.most) // 2, 1)
            found = super().shortlist(text, wanted)
        return found

    def _about(self, place: int) -> str:
        """What a category is, in the words that a model that writes gets beside its name."""
        return sendable(self.lines[place].partition(" — ")[2])

    # --- the answer ----------------------------------------------------------------------------------------------

    def read(self, assets: Sequence[Asset], request: Question, reply: Reply) -> list[Answered]:
        return _read([Facet("", ALONE, self)], assets[0], request, reply)

    def repair(self, request: Question, reply: Reply, answered: Sequence[Answered]) -> DecisionQuestion | None:
        return _again([Facet("", ALONE, self)], request, reply, answered)

    def answered(
        self, asset_id: int, said: dict | None, asked: Choice, facet: int, after: tuple[str, float]
    ) -> Answered:
        """What an answer means, which was given to `asked` once the option in `after`, with its probability, had been chosen; empty
        where none had."""
        if said is None:
            return Answered(asset_id, None, MISSING, facet=facet)
        if said.get("refusal"):
            return Answered(asset_id, None, REFUSED, facet=facet)
        option, shares = said.get("choice"), said.get("probabilities") or {}
        offered = [name for name, _ in asked.options]
        if option not in offered:
            shown = f"'{' '.join(option.split())[:60]}'" if isinstance(option, str) else "given"
            return Answered(asset_id, None, f"The answer {shown} was not among the options.", facet=facet)
        if shares.get(option, 1.0) < max(shares.values(), default=0.0) - 1e-6:
            return Answered(asset_id, None, CONTRADICTS, facet=facet)
        if option == self.none:
            return Answered(asset_id, None, NOTHING_FITS, facet=facet)
        if option not in self.place or (self.by_level and not after[0]):
            return Answered(asset_id, None, DEEPER.format(option), facet=facet)
        category = self.categories[self.place[option]].id
        whole = option in shares and abs(sum(shares.get(name, 0.0) for name in offered) - 1) <= UNATTRIBUTED
        if not whole:  # it is known which, not how likely
            return Answered(asset_id, category, facet=facet)
        confidence, distribution = shares[option] * after[1], None
        if after[1] >= 1 - UNATTRIBUTED:
            distribution = np.zeros(len(self.categories))
            for name, share in shares.items():
                if name in self.place:
                    distribution[self.place[name]] = share
            distribution /= distribution.sum()
        return Answered(asset_id, category, None, min(confidence, 1.0), distribution, "decision", facet=facet)

    def next_question(self, name: str, text: str, said: dict, problem: str) -> tuple[Choice, str, float] | None:
        """What is to be asked once more after an answer with this problem, with the option that was chosen and its probability;
        None where the same would come again."""
        if problem == NOTHING_FITS and self.shortlisting and not self.by_level:
            return self.among(name, self.shortlist(text, LONGER * self.params.shortlist), text), "", 1.0
        root = said.get("choice")
        if not self.by_level or root not in self.roots or problem != DEEPER.format(root):
            return None
        places, share = self.roots[root], (said.get("probabilities") or {}).get(root, 1.0)
        if len(places) > self.most:
            near = set(self.shortlist(text, self.most))
            places = [place for place in places if place in near] or places[: self.most]
        return self.among(name, places, text), root, min(share, 1.0)


class JointDecision(JointAsking):
    """How a decision model is asked about several facets of an asset in one call, a question each."""

    def requests(self, assets: Sequence[Asset]) -> list[tuple[list[Asset], JointQuestion]]:
        asked = [(asset, _request(self.facets, asset, self.lacking(asset))) for asset in assets]
        return [([asset], replace(request, tasks=self._tasks(request.facets))) for asset, request in asked]

    def read(self, assets: Sequence[Asset], request: JointQuestion, reply: Reply) -> list[Answered]:
        return _read(self.facets, assets[0], request, reply)

    def repair(self, request: JointQuestion, reply: Reply, answered: Sequence[Answered]) -> DecisionQuestion | None:
        again = _again(self.facets, request, reply, answered)
        return again and replace(again, tasks=self._tasks(again.facets))

    def part(self, answered: Answered, reply: Reply, own: str, facets: int) -> Reply:
        facet = self.facets[answered.facet]
        said = json.loads(reply.text)[facet.key]
        share = (said["probabilities"] or {}).get(said["choice"]) or 1.0
        led = {"after": ELSEWHERE, "share": 1.0 if answered.confidence is None else answered.confidence / share}
        return replace(own_share(reply, facets), text=json.dumps({own: said | led}, ensure_ascii=False))


def _roots(categories: Sequence[StoredCategory], assignable: Sequence[StoredCategory]) -> dict[str, list[int]]:
    """The topmost level's names, with the places among the `assignable` of those below each (and its own, where it can be
    chosen)."""
    by_id = {category.id: category for category in categories}
    found: dict[str, list[int]] = {}
    for place, category in enumerate(assignable):
        while category.parent_id in by_id:
            category = by_id[category.parent_id]
        found.setdefault(sendable(" ".join(category.label.split())), []).append(place)
    return found


def _request(facets: Sequence[Facet], asset: Asset, places: Sequence[int]) -> DecisionQuestion:
    """The call about an asset in the facets at `places`. Where a facet is asked about alone its question has the name it always
    has, so that what was answered stays known."""
    names = [ALONE if len(places) == 1 else facets[place].key for place in places]
    questions = tuple(facets[place].asking.choice(name, asset.text) for place, name in zip(places, names))
    seen = facets[places[0]].asking.pictures([asset])
    turns = (("user", sendable(asset.text)),)
    return DecisionQuestion("", turns, facets=tuple(places), questions=questions, pictures=seen)


def _by_place(request: Question) -> Iterator[tuple[int, Choice]]:
    return zip(request.facets, request.questions)


def _said(reply: Reply) -> dict[str, Any] | None:
    """The answers in a reply by their questions' names; None where it holds none."""
    try:
        said = json.loads(reply.text)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _read(facets: Sequence[Facet], asset: Asset, request: Question, reply: Reply) -> list[Answered]:
    said, found = _said(reply), []
    after = {name: (option, share) for name, option, share in getattr(request, "after", ())}
    for place, asked in _by_place(request):
        if said is None:
            found.append(Answered(asset.id, None, NO_JSON, facet=place))
            continue
        one, asking = said.get(asked.name), facets[place].asking
        before = after.get(asked.name, ("", 1.0))
        if one and "after" in one:  # kept with what it took two questions to find out
            before = (one["after"], one["share"])
            asked = asking.among(asked.name, range(len(asking.categories)), asset.text)
        found.append(asking.answered(asset.id, one, asked, place, before))
    return found


def _again(
    facets: Sequence[Facet], request: Question, reply: Reply, answered: Sequence[Answered]
) -> DecisionQuestion | None:
    """The facets for which one question leads to another, asked that; None where none does."""
    said, problems, (text,) = _said(reply) or {}, {one.facet: one.problem for one in answered}, texts_of(request)
    more = {
        place: facets[place].asking.next_question(asked.name, text, said.get(asked.name) or {}, problems[place])
        for place, asked in _by_place(request)
        if problems.get(place)
    }
    more = {place: found for place, found in more.items() if found}
    if not more:
        return None
    questions = tuple(question for question, _, _ in more.values())
    after = tuple((question.name, option, share) for question, option, share in more.values())
    return replace(request, questions=questions, facets=tuple(more), after=after)
