"""Which column holds what: by names of many languages, then by what the cells hold; never two roles, never a column that is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import tasks, taxonomy
from core.asset_columns import ASSET_COLUMNS, TEXT_NAMES
from core.assets import imports
from core.tables import columns
from core.tables.column_names import TAXONOMY_NAMES
from core.tables.columns import Mapping, correct, guess_assets
from core.taxonomy import Category
from core.taxonomy import columns as category_columns
from core.taxonomy.matching import name_forms

SHOP = name_forms(
    [Category("Shoes", "Shoes", key="S1"), Category("Hats", "Hats", key="H1"), Category("Bags", "Bags", key="12")]
)


@pytest.mark.parametrize(
    "names",
    [
        "Nr Überschrift Kategorie",
        "NR. UEBERSCHRIFT KATEGORIE",
        "Numéro Titre Catégorie",
        "numero titre categorie",
        "Número Título Categoría",
        "Numero Titolo Categoria",
        "Código Texto Etiqueta",
        "Nummer Tekst Categorie",
        "Numer Nagłówek Kategoria",
        "Sıra Başlık Kategori",
        "番号 本文 カテゴリ",
        "编号 文案 类别",
        "序號 標題 分類",
    ],
)
def test_columns_are_known_in_other_languages(names):
    id, text, label = names.split()
    guess = guess_assets([id, text, label, "Marke"], [["1", "a text", "x", "Zeta"], ["2", "b text", "y", "Zeta"]])
    assert (guess.id, guess.text, guess.label) == (id, (text,), label)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            "Unterkategorie Kategorie Beschreibung Beispiele",
            ("Unterkategorie", "Kategorie", "Beschreibung", "Beispiele"),
        ),
        ("Kategoria Opis Przykłady", ("Kategoria", None, "Opis", "Przykłady")),
        ("名称 父类别 描述 示例", ("名称", "父类别", "描述", "示例")),
    ],
)
def test_taxonomies_too(names, expected):
    found = category_columns.guess(names.split(), [])
    assert tuple(found[role] for role in ("name", "parent", "description", "examples")) == expected


def table(rows: int, **makers) -> tuple[list[str], list[list[str]]]:
    return list(makers), [[make(n) for make in makers.values()] for n in range(rows)]


def texts(n: int) -> str:
    return f"Новые ботинки {'и шапки ' * (n % 3)}{n}"


def test_cells_that_are_categories_are_labels_and_codes_that_never_repeat_the_id():
    names, rows = table(
        20, x=lambda n: f"AD-{n:04}", y=texts, z=lambda n: ("Shoes", "hats", "Odd one")[n % 3], w=lambda n: "Zeta"
    )
    assert guess_assets(names, rows, SHOP) == Mapping(("y",), id="x", label="z")
    assert guess_assets(names, rows) == Mapping(("y",), id="x"), "without a taxonomy nothing tells a label"
    names, rows = table(20, y=texts, z=lambda n: ("S1", "H1")[n % 2])
    assert guess_assets(names, rows, SHOP).label == "z", "codes are labels, too"


def test_what_a_name_says_is_not_overridden_by_cells():
    names, rows = table(
        9, y=texts, label=lambda n: "unknown", z=lambda n: "Shoes", id=lambda n: "1", k=lambda n: f"k{n}"
    )
    assert guess_assets(names, rows, SHOP) == Mapping(("y",), id="id", label="label")
    names, rows = table(9, y=texts, topic=lambda n: "spring", category=lambda n: "", kategorie=lambda n: "Shoes")
    assert guess_assets(names, rows, SHOP).label == "kategorie", (
        "of several such names, the one whose cells are categories"
    )


@pytest.mark.parametrize(
    "cell",
    [
        lambda n: f"https://example.com/shop/shoes-and-hats/{n}",
        lambda n: f"banner_shoes_{n}.jpg",
        lambda n: f"2024-01-{n + 1:02}",
        lambda n: f"{n + 1}. Januar 2024",
        lambda n: f"2024-01-{n + 1:02}T10:00:00Z",
        lambda n: str(1_000 + 37 * n * n),
        lambda n: str(1_700_000_000 + 991 * n),
        lambda n: f"{n}.{n}5s",
        lambda n: f"€ {n},50",
    ],
)
def test_addresses_dates_and_measures_are_neither_text_nor_label_nor_id(cell):
    names, rows = table(20, a=cell, b=lambda n: f"Hut {n % 7}")
    assert guess_assets(names, rows, SHOP) == Mapping(("b",))


def test_a_date_called_tag_and_an_address_called_post_give_way():
    names, rows = table(9, Tag=lambda n: f"0{n + 1}.01.2024", Post=lambda n: f"https://t.co/{n}", Copy=texts)
    assert guess_assets(names, rows) == Mapping(("Copy",))


def test_numbers_that_count_are_ids_and_vague_names_are_none_where_values_repeat():
    names, rows = table(9, a=lambda n: str(n + 1), text=texts)
    assert guess_assets(names, rows).id == "a"
    names, rows = table(9, a=lambda n: str(23_850_001_234_567 + n * 7_919), text=texts)
    assert guess_assets(names, rows).id == "a"
    names, rows = table(9, code=lambda n: ("S1", "H1")[n % 2], text=texts)
    guess = guess_assets(names, rows, SHOP)
    assert (guess.id, guess.label) == (None, "code")


NAMES = st.sampled_from(
    [
        *TEXT_NAMES,
        *(n for column in ASSET_COLUMNS.values() for n in column.names),
        *(n for words in TAXONOMY_NAMES.values() for n in words),
    ]
)
CELLS = st.sampled_from(
    ["Shoes", "hats", "S1", "12", "", "A-1", "A-2", "https://a.b/c", "2024-01-02", "some longer words here"]
)


@given(st.lists(NAMES | st.text(max_size=8), max_size=8, unique=True), st.data())
def test_a_guess_takes_columns_that_are_there_and_each_for_one_role(names, data):
    rows = data.draw(st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), max_size=6))
    guess = guess_assets(names, rows, data.draw(st.sampled_from([SHOP, frozenset()])))
    used = [*guess.text, *guess.columns().values()]
    assert len(used) == len(set(used)) and set(used) <= set(names)
    named = (
        data.draw(st.dictionaries(st.sampled_from(["id", "label", "family"]), st.sampled_from(names), max_size=1))
        if names
        else {}
    )
    chosen = correct(guess, (), named)
    used = [*chosen.text, *chosen.columns().values()]
    assert len(used) == len(set(used)) and all(getattr(chosen, role) == column for role, column in named.items())
    picked = columns.guess_roles(names, TAXONOMY_NAMES).values()
    assert len([one for one in picked if one]) == len({one for one in picked if one})


def test_an_import_guesses_by_the_clients_own_categories(db, tmp_path):
    client = tasks.of(db, "Acme")
    taxonomy.save(db, client, [Category("Обувь", "Обувь"), Category("Шапки", "Шапки")], "t.csv")
    lines = [f"{n};{texts(n)};{('Обувь', 'шапки')[n % 2]}" for n in range(8)]
    (tmp_path / "a.csv").write_text("Позиция;Реклама;Раздел\n" + "\n".join(lines) + "\n", encoding="utf-8")
    imports.import_assets(db, client, tmp_path / "a.csv")
    query = "select source, label, count(*) from recordings group by 1, 2 order by 2"
    assert db.execute(query).fetchall() == [("Раздел", "Обувь", 4), ("Раздел", "шапки", 4)]
    assert [row[0] for row in db.execute("select external_id from assets order by id")] == [str(n) for n in range(8)]
