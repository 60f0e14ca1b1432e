import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.encoder import BATCH_TOKENS, batches


@given(st.lists(st.integers(1, 128), max_size=900))
def test_batches_hold_every_row_once_and_stay_small(lengths):
    rising = np.sort(np.array(lengths, int))
    cuts = list(batches(rising))
    assert [first for first, _ in cuts] == [0, *(end for _, end in cuts)][: len(cuts)]
    assert (cuts[-1][1] if cuts else 0) == len(rising)
    assert all(end == first + 1 or (end - first) * rising[end - 1] <= BATCH_TOKENS for first, end in cuts)


def test_vectors_do_not_depend_on_what_they_are_read_with(encoders):
    from core.encoder import encoder

    texts = ["two words", "a somewhat longer sentence about a summer sale", "x " * 300, ""] * 40
    read = encoder()
    together, alone = read(texts), np.concatenate([read([text]) for text in texts[:4]])
    assert together.shape == (160, 384) and np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-4)
    # int8 activations are scaled by batch, so the vectors are the same but for rounding
    assert ((together[:4] * alone).sum(1) > 0.95).all()
