"""Students that read together answer as they would alone, and read each text once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core import distil, tasks
from core.train import registry, students
from core.train.students.neighbours import Neighbours
from core.train.students.together import OneGraph, OneSearch, Readings, SharedNeighbours
from tests import small


class Counting:
    """An encoder of two numbers a text that counts what it is asked."""

    def __init__(self):
        self.read = []

    def __call__(self, texts):
        self.read += texts
        return np.array([[len(text), text.count("a")] for text in texts], np.float32).reshape(-1, 2)


@given(st.lists(st.lists(st.text("ab", max_size=4), max_size=6), max_size=4))
def test_each_text_is_read_once_until_it_is_forgotten(asked):
    graph = Counting()
    one = OneGraph(graph)
    for texts in asked:
        assert (one(texts) == Counting()(texts)).all()
    assert sorted(graph.read) == sorted({text for texts in asked for text in texts})
    one.forget()
    assert one(["a"]).tolist() == [[1, 1]] and graph.read[-1] == "a"


def test_the_nearest_are_found_once_for_all_and_are_the_same():
    random = np.random.default_rng(0)
    vectors, asked = (random.normal(size=(n, 8)).astype(np.float32) for n in (60, 9))
    answers = [random.integers(0, 4, 60).astype(np.int32) for _ in range(2)]
    search = OneSearch(vectors)
    for of_facet in answers:
        alone, shared = Neighbours(vectors, of_facet, 4), SharedNeighbours(search, of_facet, 4)
        for mine, own in zip(shared.look(asked), alone.look(asked)):
            assert np.allclose(mine, own, atol=1e-6)
    assert len(search._found) == 9


def test_facets_of_the_same_assets_share_what_they_read_with(db, tmp_path):
    facets, assets = small.facet_files(tmp_path / "files")
    how = {"client": "Northwind", "teacher": "recorded", "student": "linear", "target": 0.6}
    distil.distil(db, taxonomy=facets, assets=assets, go_live=True, **how)
    folders = [
        registry.folder_of(db, registry.find(db, task)["id"])
        for task in tasks.of_client(db, tasks.client_named(db, "Northwind"))
    ]
    texts, readings = [f"discount beach {n} buy" for n in range(5)], Readings()
    apart = [students.load(folder).answer(texts) for folder in folders]
    joined = [students.share(students.load(folder), folder, readings) for folder in folders]
    first, second = (one.members["linear"].features for one in joined)
    assert first is second
    with readings.once():
        together = [one.answer(texts) for one in joined]
    assert first._texts is None
    for mine, own in zip(together, apart):
        assert (mine.probabilities == own.probabilities).all() and (mine.strange == own.strange).all()
