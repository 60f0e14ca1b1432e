"""Our features are scikit-learn's, whatever the text."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from core.train.students import tfidf
from tests import small

TEXTS = [row["text"] for row in small.rows(400)]
ODD = [
    "",
    " \t\n",
    "a",
    "5 %",
    "50% off!! 50%-Off",
    "don't e-mail a@b.example…",
    "İstanbul STRASSE straße ΟΔΟΣ ὈΔΥΣΣΕΎΣ",
    "日本語のテキスト 安い",
    "a\u00a0b\u2003c\x1cd\u200be",
    "👟👟 e\u0301te\u0301 _under_score_",
    "word " * 300,
    "x" * 3000,
]


def theirs(kind: str, **more) -> TfidfVectorizer:
    shape = (1, 2) if kind == tfidf.WORD else (2, 5)
    pattern = r"(?u)\w+" if kind == tfidf.WORD else None
    return TfidfVectorizer(
        analyzer=kind, ngram_range=shape, token_pattern=pattern, sublinear_tf=True, dtype=np.float32, **more
    )


def difference(ours: tfidf.Tfidf, texts: list[str]) -> float:
    """The largest difference of any feature from scikit-learn's on the same vocabulary."""
    blocks = []
    for kind in tfidf.KINDS:
        vectorizer = theirs(kind, vocabulary={name: column for column, name in enumerate(ours.features[kind])})
        vectorizer.idf_ = ours.idf[kind]
        blocks.append(vectorizer.transform(texts).toarray())
    made = ours(texts)
    assert made.dtype == np.float32
    return float(np.abs(made.toarray() - np.hstack(blocks)).max())


@pytest.fixture(scope="module")
def learnt() -> tfidf.Tfidf:
    return tfidf.learn(TEXTS + 2 * ODD)


def test_what_is_learnt_is_what_scikit_learn_learns(learnt):
    for kind in tfidf.KINDS:
        vectorizer = theirs(kind, min_df=2).fit(TEXTS + 2 * ODD)
        assert learnt.features[kind] == list(vectorizer.get_feature_names_out())
        assert np.allclose(learnt.idf[kind], vectorizer.idf_, atol=1e-5)


def test_the_most_frequent_features_stay_where_there_are_too_many():
    made = tfidf.learn(TEXTS, 40)
    for kind in tfidf.KINDS:
        every = theirs(kind, min_df=2)
        every.set_params(use_idf=False, norm=None, sublinear_tf=False)
        counts = np.asarray(every.fit_transform(TEXTS).sum(0)).ravel()
        found = dict(zip(every.get_feature_names_out(), counts))
        assert len(made.features[kind]) == 40
        assert sum(found[name] for name in made.features[kind]) == np.sort(counts)[-40:].sum()
    assert difference(made, TEXTS + ODD) < 1e-6  # a pair of words may stay where one of the two did not


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_give_the_same_features(learnt, text):
    assert difference(learnt, [text]) < 1e-6
    assert difference(learnt, ["before", text, "after"]) < 1e-6


PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [*" ".join(TEXTS[:5]).split(), "off", " ", "\n", "\u00a0", "\x1c", "İ", "Σ", "ß", "ﬁ", "a", "%", "\0"]
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=12).map("".join), min_size=1, max_size=6))
def test_any_text_gives_the_same_features(texts):
    made = tfidf.learn(texts + TEXTS[:5] * 2)
    assert difference(made, texts) < 1e-6


def test_texts_in_chunks_and_remembered_pieces_change_nothing(learnt, monkeypatch):
    texts = TEXTS + ODD
    whole = tfidf.Tfidf(learnt.features, learnt.idf)(texts)
    monkeypatch.setattr(tfidf, "CHUNK", 7)
    monkeypatch.setattr(tfidf, "CHUNK_CHARACTERS", 1500)
    monkeypatch.setattr(tfidf, "REMEMBERED", 300)
    parts = tfidf.Tfidf(learnt.features, learnt.idf)(texts)
    assert abs(whole - parts).max() == 0
    again = tfidf.learn(TEXTS + 2 * ODD)
    assert again.features == learnt.features
    assert all(np.array_equal(again.idf[kind], learnt.idf[kind]) for kind in tfidf.KINDS)


def test_no_text_and_nothing_to_learn(learnt):
    width = sum(map(len, learnt.features.values()))
    assert learnt([]).shape == (0, width)
    nothing = tfidf.learn(["one", "two"])
    assert nothing.features[tfidf.WORD] == []
    assert nothing(["one three"]).shape == (1, sum(map(len, nothing.features.values())))


def test_one_student_may_serve_several_threads(learnt, monkeypatch):
    monkeypatch.setattr(tfidf, "REMEMBERED", 200)
    expected, wrong = learnt(TEXTS[:50]), []

    def ask(start: int) -> None:
        rows = [*range(start, 50), *range(start)]
        wrong.extend(row for row in rows if abs(learnt([TEXTS[row]]) - expected[row]).max() > 0)

    threads = [threading.Thread(target=ask, args=(start,)) for start in (0, 10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
