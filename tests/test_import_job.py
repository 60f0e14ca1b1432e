"""An import from the Assets page takes labels that came with the file, which cost nothing."""

from core import jobs, tasks, taxonomy
from core.label.runs import newest_in_use, summary


def bring(db, tmp_path, name, lines, labels=True):
    client = tasks.of(db, "Acme")
    if labels and taxonomy.latest(db, client) is None:
        taxonomy.save(db, client, [taxonomy.Category("Shoes", "Shoes"), taxonomy.Category("Hats", "Hats")], "t.csv")
    path = tmp_path / name
    path.write_text("id,headline,label\n" + lines)
    params = {"task_id": client.id, "path": str(path), "filename": name, "mapping": None}
    return client, jobs.run_here(db, "import_assets", params, client).result


def test_labels_of_the_file_teach_without_a_further_click_and_a_second_file_adds_its_own(db, tmp_path):
    client, result = bring(
        db, tmp_path, "one.csv", "1,running far today,Shoes\n2,caps for all,Hats\n3,no label here,\n"
    )
    assert (result["imported"], result["labels"]) == (3, 2)
    run_id = newest_in_use(db, client)
    assert summary(db, run_id)["teacher"] == "recorded:label"
    _, result = bring(db, tmp_path, "two.csv", "4,boots and sneakers,Shoes\n")
    assert result["labels"] == 3 and newest_in_use(db, client) == run_id


def test_without_a_taxonomy_or_labels_nothing_is_labelled(db, tmp_path):
    client, result = bring(db, tmp_path, "one.csv", "1,running far today,Shoes\n", labels=False)
    assert (result["imported"], result["labels"]) == (1, 0) and newest_in_use(db, client) is None
    client, result = bring(db, tmp_path, "two.csv", "9,nobody says,\n")
    assert result["imported"] == 1


def test_labels_that_name_no_category_are_listed_and_teach_nothing(db, tmp_path):
    _, result = bring(db, tmp_path, "one.csv", "1,running far today,Boats\n")
    assert result["imported"] == 1 and result["labels"] == 0


def test_labels_of_several_tasks_come_in_with_one_import(db, tmp_path):
    client, _ = bring(db, tmp_path, "one.csv", "1,running far today,Shoes\n")
    offer = tasks.add(db, client.client_id, "Offer")
    taxonomy.save(db, offer, [taxonomy.Category("Yes", "Yes"), taxonomy.Category("No", "No")], "o.csv")
    path = tmp_path / "two.csv"
    path.write_text("id,headline,label,offer\n2,boots,Shoes,Yes\n3,caps,Hats,No\n4,hoods,Hats,Perhaps\n")
    params = {
        "task_id": client.id,
        "path": str(path),
        "filename": "two.csv",
        "mapping": None,
        "facets": {str(offer.id): "offer"},
    }
    result = jobs.run_here(db, "import_assets", params, client).result
    assert (result["imported"], result["labels"], result["facets"]) == (3, 4, {"Offer": 2})
    assert db["assets"].count == 4 and summary(db, newest_in_use(db, offer))["teacher"] == "recorded:offer"
