"""Which images look alike: one creative in several sizes. Linear in the images.

An image's likeness is 64 bits; two look alike where at most NEAR of them differ. Two of its eight bytes are the same in any such
pair, so images are sorted by each pair of bytes, and each is compared with the next few that share them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

NEAR = 6
NEXT = 3


def near(likenesses: Sequence[str]) -> np.ndarray:
    """The pairs of places, int (pairs, 2), the lower first, of images that look alike."""
    n = len(likenesses)
    if n < 2:
        return np.zeros((0, 2), dtype=np.int64)
    data = np.frombuffer(bytes.fromhex("".join(likenesses)), dtype=np.uint8).reshape(n, 8)
    whole = np.ascontiguousarray(data).view(">u8").ravel().astype(np.uint64)
    found = [np.zeros((0, 2), dtype=np.int64)]
    for left, right in combinations(range(8), 2):
        key = data[:, left].astype(np.uint32) << 8 | data[:, right]
        order = np.lexsort((np.arange(n), whole, key))
        for step in range(1, NEXT + 1):
            first, second = order[:-step], order[step:]
            alike = (key[first] == key[second]) & (np.bitwise_count(whole[first] ^ whole[second]) <= NEAR)
            found.append(np.sort(np.stack([first[alike], second[alike]], axis=1), axis=1))
    return np.unique(np.concatenate(found), axis=0)
