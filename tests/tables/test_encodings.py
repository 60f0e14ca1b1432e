"""Old encodings are told apart by their letters, or the page asks; Unicode in any form is read as it is."""

from __future__ import annotations

import pytest

from core.tables.encodings import find_encoding, look
from core.tables.files import Problems, ReadAs, open_table

# fmt: off
TEXTS = {

"pl":("Wyprzedaż obuwia: żółte kalosze, ciepłe śniegowce i łyżwy","cp1250 iso8859-2 cp852 cp1257"),
"cs":("Výprodej bot: žluté holínky, teplé sněhule a brusle, příští týden končíme","cp1250 iso8859-2 cp852"),
"hu":("Őszi leárazás: női cipők, kényelmes bőr csizmák és télikabátok","cp1250 iso8859-2 cp852"),
"ro":("Reduceri la încălţăminte până sâmbătă, şi la geantă","cp1250"),
"hr":("Rasprodaja obuće: čizme, cipele i školske torbe već od šest eura","cp1250 cp852"),
"tr":("Kışlık ayakkabılarda indirim başladı, çocuk botları ve şapkalar mağazada","cp1254 iso8859-9 cp857"),
"lt":("Žieminių batų išpardavimas: šilti aulinukai ir kepurės visai šeimai už mažą kainą","cp1257"),
"lv":("Ziemas apavu izpārdošana: silti zābaki un cepures visai ģimenei","cp1257"),
"ru":("Скидки на обувь и одежду до конца недели, успейте купить сегодня","cp1251 koi8-r cp866 iso8859-5 mac-cyrillic"),
"uk":("Знижки на взуття та одяг до кінця тижня, встигніть купити сьогодні її","cp1251"),
"el":("Εκπτώσεις στα παπούτσια και στις τσάντες μέχρι την Κυριακή","cp1253 iso8859-7"),
"he":("מבצע על נעליים ותיקים עד סוף השבוע בכל החנויות","cp1255"),
"ar":("تخفيضات على الأحذية والحقائب حتى نهاية الأسبوع","cp1256"),
"fr":("Été: découvrez nos chaussures à prix réduit, livraison gratuite dès 50 €, c’est parti","cp1252 mac-roman"),
"fr2":("Été: découvrez nos chaussures à prix réduit, forêt, hôtel, garçon","cp1252 mac-roman cp850 cp437"),
"de":("Schöne Schuhe für große Füße – jetzt günstig über die Straße","cp1252 mac-roman"),
"de2":("Schöne Schuhe für große Füße jetzt günstig, Äpfel und Öl","cp1252 mac-roman cp850 cp437"),
"de1":("Schuhe für alle","cp1252 mac-roman cp850"),
"es":("¡Rebajas de otoño! ¿Buscas zapatos cómodos para niños y señoras? Aquí están","cp1252 mac-roman cp850 cp437"),
"pt":("Promoção de sapatos: botas, tênis e calçados para o verão em São João, até amanhã","cp1252 mac-roman cp850"),
"sv":("Skor för hela familjen på våra butiker, även på nätet","cp1252 cp850 mac-roman"),
"da":("Sko til små fødder, køb nu på nettet – få fri fragt æøå","cp1252 mac-roman"),
"it":("Scarpe in saldo: città, perché, più comodità e qualità","cp1252 mac-roman cp850"),
"ja":("秋の新作ブーツが勢ぞろい。今だけ送料無料でお届けします","cp932 euc_jp"),
"zh":("秋季新款靴子上市，限时免运费，快来选购","gb18030"),
"tw":("秋季新款靴子上市，限時免運費，快來選購","big5"),
"ko":("가을 신상 부츠 출시, 지금 무료 배송으로 만나보세요","cp949"),
}
# fmt: on
CASES = [(language, text, name) for language, (text, names) in TEXTS.items() for name in names.split()]


def write(path, text: str, encoding: str, rows: int = 3):
    lines = "".join(f"{n};{text};Label\n" for n in range(rows))
    path.write_bytes(("id;text;label\n" + lines).encode(encoding))
    return path


@pytest.mark.parametrize(("language", "text", "encoding"), CASES, ids=lambda value: str(value)[:12])
def test_an_old_encoding_is_found_or_asked_for(language, text, encoding, tmp_path):
    path = write(tmp_path / "a.csv", text, encoding)
    table = open_table(path)
    cells = [row[1] for _, row in table.records(Problems())]
    if cells == [text] * 3:
        return
    doubt = next(doubt for doubt in table.doubts if doubt.option == "encoding")
    assert doubt.chosen in doubt.choices and len(doubt.lines) >= 2
    right = [name for name in doubt.choices if text in path.read_bytes().decode(name, "replace")]
    assert right
    again = open_table(path, read_as=ReadAs(encoding=right[0]))
    assert [row[1] for _, row in again.records(Problems())] == [text] * 3
    assert [doubt.chosen for doubt in again.doubts if doubt.option == "encoding"] == [right[0]]


SIGNS = [
    "Boots – now",
    "Don’t wait",
    "“Big” sale",
    "Only 50 €",
    "€50 only",
    "Nike® shoes",
    "Wait…",
    "«Été»",
    "5–7 days",
]


@pytest.mark.parametrize("text", SIGNS)
def test_a_sign_or_two_of_windows_are_read_as_windows_wrote_them(text, tmp_path):
    table = open_table(write(tmp_path / "a.csv", text, "cp1252", rows=1))
    assert [row[1] for _, row in table.records(Problems())] == [text]


def test_nearly_all_are_found_without_asking(tmp_path):
    asked = [case for case in CASES if look(write(tmp_path / "a.csv", case[1], case[2])).doubt]
    assert len(asked) <= 0.1 * len(CASES)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-8-sig", "utf-8", "utf-32"])
def test_unicode_with_and_without_a_mark(encoding, tmp_path):
    text = "秋の新作ブーツ ab"
    path = write(tmp_path / "a.csv", text, encoding, rows=8)
    assert [row[1] for _, row in open_table(path).records(Problems())] == [text] * 8


def test_a_few_damaged_bytes_leave_utf_8_what_it_is_and_are_listed_by_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("id,text\n1,Größe für alle\n".encode() + b"2,caf\xe9\n3,plain\n")
    table, problems = open_table(path), Problems()
    assert [cells[1] for _, cells in table.records(problems)] == ["Größe für alle", "caf\ufffd", "plain"]
    assert [problem.row for problem in problems.listed] == [3]


def test_the_first_odd_letter_may_come_late(tmp_path):
    path = tmp_path / "a.csv"
    rows = "".join(f"{n},plain words about shoes\n" for n in range(60_000))
    path.write_bytes(("id,text\n" + rows + "60000,Żółte kalosze i ciepłe śniegowce\n").encode("cp1250"))
    assert find_encoding(path) == "cp1250"


def test_text_encoded_twice_is_said(tmp_path):
    path = tmp_path / "a.csv"
    twice = "Größe für Café’s".encode().decode("cp1252")
    path.write_text(f"id,text\n1,{twice}\n2,plain\n", encoding="utf-8")
    problems = Problems()
    assert [cells[1] for _, cells in open_table(path).records(problems)] == [twice, "plain"]
    assert "once too often" in problems.listed[0].what
