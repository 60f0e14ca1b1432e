"""Pictures in a report: each of at most 40 KB, all together so few that the file stays below 5 MB, their names escaped."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import numpy as np
from PIL import Image

from core.evaluate import evaluation
from core.report import content, html
from core.report.content import Example, Worst
from core.report.thumbnails import MOST, Thumbnails
from tests.evaluate.conftest import client, insert_assets
from tests.images import pictures

__all__ = ["client"]


def noise(side: int, seed: int) -> bytes:
    """A JPEG that compresses badly."""
    return pictures.saved(
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)),
        "JPEG",
        quality=95,
    )


def test_400_images_stay_within_both_limits(client, tmp_path):
    insert_assets(client, "calibration", 300, 25, start=100)
    insert_assets(client, "test", 200, 20, start=1000)
    evaluation.evaluate(client.db, client.student_id)
    report = content.of(client.db, client.task, str(client.student_id))
    examples = []
    for number in range(400):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(noise(240, number % 4))
        examples.append(Example("words", "Sale", "Brand", f'<"{number}"> onerror=alert(1)', path))
    assert len(examples[0].picture.read_bytes()) > MOST, "as it lies there it is too large"
    page = html.render(replace(report, worst=[Worst("Sale", "1 of 2", "", examples)]))
    addresses = re.findall(r'src="(data:image/jpeg;base64,[^"]*)"', page)
    assert 60 < len(addresses) < 400 and max(map(len, addresses)) <= MOST == 40_000
    assert len(page.encode()) < 5_000_000 and page.count("<blockquote") == 400, (
        "those without a picture keep their words"
    )
    assert 'alt="The image of asset &lt;&#34;0&#34;&gt; onerror=alert(1)"' in page and '<"0">' not in page
    assert "<img" not in html.render(
        replace(report, worst=[Worst("Sale", "1 of 2", "", [replace(examples[0], picture=None)])])
    )


def test_a_small_one_is_taken_as_it_is_and_a_lost_one_left_out(tmp_path):
    small = pictures.saved(pictures.drawn(size=(60, 50)), "JPEG")
    (tmp_path / "a.jpg").write_bytes(small)
    found = Thumbnails()
    assert base64.b64decode(found.address(tmp_path / "a.jpg").partition(",")[2]) == small
    assert found.address(tmp_path / "gone.jpg") == found.address(None) == ""
    assert Thumbnails(room=10).address(tmp_path / "a.jpg") == ""
