"""A metric is one row of a table: Compare, the report, its workbook, the model card and `compare --json` have it from there."""

import io
import json

import openpyxl
import pytest

from core import tasks
from core.__main__ import main
from core.deploy import card
from core.evaluate import metrics
from core.evaluate.comparison import judgement
from core.evaluate.metrics import Metric
from core.report import content, html, workbook
from tests.pages.conftest import ask, no_worker, open_page  # noqa: F401


@pytest.fixture
def one_more(monkeypatch):
    """A metric worked out from the confusion matrix that every evaluation keeps."""

    def largest(found) -> float:
        return max(n for _, _, n in found.pairs) / found.agreement.n

    row = Metric("largest_pair", "Largest pair", "The share of the most frequent pair of categories.", largest)
    monkeypatch.setattr(metrics, "METRICS", (*metrics.METRICS, row))
    return row


def test_one_row_is_seen_everywhere(one_more, open_page, filled, capsys):  # noqa: F811
    found = judgement(filled, 1).figures
    words = one_more.words(found)
    table = ask(open_page("compare"), "For your analyst").dataframe[-1].value.set_index("measure")
    assert table.loc["Largest pair"].tolist() == [words, "measured", one_more.hint]
    report = content.gather(filled, tasks.get(filled, 2), "1")
    assert f"<td>Largest pair</td><td>{words}</td>" in html.render(report)
    sheet = openpyxl.load_workbook(io.BytesIO(workbook.workbook(report)))["measures"]
    assert ("Largest pair", words, "measured", one_more.hint) in sheet.iter_rows(values_only=True)
    assert f"| Largest pair | {words} |" in card._quality(found)
    assert main(["compare", "--client", "Northwind", "--student", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["metrics"]
    assert told["largest_pair"] == one_more.value(found) and list(told)[-1] == "largest_pair"


def test_a_metric_that_says_nothing_is_left_out(filled):
    found = judgement(filled, 1).figures.model_copy(update={"kappa": None})
    assert "kappa" not in metrics.as_json(found) and "Cohen's kappa" not in set(metrics.table(found)["measure"])
