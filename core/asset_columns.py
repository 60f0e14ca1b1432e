"""The columns of an assets file: each is one entry, which says what it is called, what its cells hold and where they are kept.

Names are written as people write them, in one word, the surest first, in the languages that clients' exports are written in;
they are compared folded (core/tables/columns.py: no signs, no accents, one case), so that "Catégorie", "categorie" and
"CATEGORIE" are one. Whatever else has to know the columns reads it from here: the mapping and its guess, the cards of the Assets
page, the command's options, the rows and the tables of the database.
"""

from __future__ import annotations

from dataclasses import dataclass

COUNT, SHARE, LATENCY, TEXT = "count", "share", "latency", "text"  # what cells hold
SQL = {COUNT: "integer", SHARE: "real", LATENCY: "real", TEXT: "text"}


def _names(words: str) -> tuple[str, ...]:
    return tuple(words.split())


@dataclass(frozen=True)
class AssetColumn:
    """`title` and `help` stand on its card on the Assets page (none: it is asked for elsewhere); `option` is what the command's
    `--<name>-column` is the column of (none: the command has another option for it). `cells`: what they hold, None where rows.py
    has a reading of its own for them. `with_label`: it says something of the recorded label and is kept with it, else with the
    asset."""

    names: tuple[str, ...]
    title: str = ""
    help: str = ""
    option: str = ""
    cells: str | None = None
    with_label: bool = False


ASSET_COLUMNS: dict[str, AssetColumn] = {
    "id": AssetColumn(
        _names(
            "assetid creativeid adid externalid itemid placementid uniqueid adcreativeid uuid uid id assetkey"
            # de, fr, es, it, pt, nl, pl, tr, ja, zh
            " anzeigenid werbemittelid anzeigennummer kennung identifiant idannonce idanuncio identificador idannuncio"
            " identificativo"
            " identificatore advertentieid identyfikator idreklamy reklamid kimlik 広告id 广告id 廣告id 创意id"
            " key assetkey code nr no nummer number num numéro número numero numer numara kod codigo codice lfdnr laufendenummer"
            " rowid row sıra sırano lp 番号 编号 編號 序号 序號 コード 代码"
        ),
        title="asset id",
        help="Tells assets apart; without one, an id is made from the text.",
    ),
    "label": AssetColumn(
        _names(
            "recordedlabel teacherlabel llmlabel modellabel ailabel gptlabel predictedlabel predictedcategory prediction"
            " label labels"
            " category categoryname"
            " kategorie kategoriename catégorie catégories categoría categoria categorie categorianome kategoria kategori"
            " kategorija"
            " kategória カテゴリ カテゴリー 类别 類別 分类 分類 品类 카테고리 категория"
            " iabcategory class classification"
            " klasse klassifikation klassifizierung classe clase classificatie clasificación classificazione classificação"
            " klasa sınıf"
            " etikett étiquette etiqueta etichetta rótulo etykieta etiket ラベル 标签 標籤 라벨"
            " topic intent"
            " thema sujet tema argomento assunto onderwerp konu トピック 主题 主題 rubrik rubrique rubryka"
            " tag"
        ),
        title="teacher's label",
        help="Labels bought before: they teach at once, as a recorded teacher.",
    ),
    "gold": AssetColumn(
        _names(
            "goldlabel gold humanlabel goldcategory truelabel groundtruth truth expectedlabel expected reviewedlabel approvedlabel"
            " correctlabel correctcategory manuallabel manualcategory humancategory"
            " geprüftekategorie richtigekategorie catégoriecorrecte categoríacorrecta categoriacorretta categoriacorreta"
            " juistecategorie poprawnakategoria doğrukategori 正解 正解ラベル 正确标签 人工标签"
        ),
        title="gold label",
        help="What people settled.",
        option="labels that people settled",
    ),
    "split": AssetColumn(
        _names(
            "split datasplit dataset set fold partition subset"
            " aufteilung teilmenge partición partizione partição verdeling podział bölüm 分割 数据集"
        ),
        title="split",
        help="`train`, `calibration` or `test`; without one, assets are split for you.",
        option="`train`, `calibration` or `test`",
    ),
    "confidence": AssetColumn(
        _names(
            "confidence recordedconfidence labelconfidence teacherconfidence llmconfidence modelconfidence conf certainty"
            " probability"
            " prob score labelscore"
            " konfidenz sicherheit wahrscheinlichkeit confiance probabilité confianza probabilidad confidenza probabilità confiança"
            " probabilidade betrouwbaarheid waarschijnlijkheid pewność prawdopodobieństwo güven olasılık 信頼度 確信度 置信度 概率"
        ),
        title="confidence",
        help="How sure the teacher was, 0 to 1.",
        option="how sure the teacher was",
        cells=SHARE,
        with_label=True,
    ),
    "tokens_in": AssetColumn(
        _names("tokensin prompttokens inputtokens tokensprompt tokensinput intokens tokenin recordedtokensin"),
        title="tokens in",
        help="Tokens sent to the teacher for this asset.",
        option="tokens sent to the teacher",
        cells=COUNT,
        with_label=True,
    ),
    "tokens_out": AssetColumn(
        _names(
            "tokensout completiontokens outputtokens tokenscompletion tokensoutput outtokens tokenout recordedtokensout"
        ),
        title="tokens out",
        help="Tokens the teacher wrote.",
        option="tokens the teacher wrote",
        cells=COUNT,
        with_label=True,
    ),
    "tokens_cached": AssetColumn(
        _names(
            "tokenscached cachedtokens cachedprompttokens cachedinputtokens cachereadinputtokens recordedtokenscached"
        ),
        title="tokens cached",
        help="Of the tokens sent, those the provider had in its cache.",
        option="tokens sent that the provider had in its cache",
        cells=COUNT,
        with_label=True,
    ),
    "latency_ms": AssetColumn(
        _names(
            "latencyms latencys latencyseconds latencysec latencysecs latency responsetimems responsetimes responsetimeseconds"
            " durationms elapsedms elapsedseconds recordedlatencyms recordedlatencys recordedlatency responsetime latencymillis"
            " latencymilliseconds"
            " latenz antwortzeit latence tempsderéponse latencia tiempoderespuesta latenza tempodirisposta latência tempoderesposta"
            " latentie responstijd opóźnienie czasodpowiedzi gecikme yanıtsüresi 応答時間 延迟 响应时间"
        ),
        title="latency",
        help="How long the teacher took.",
        option="how long the teacher took",
        cells=LATENCY,
        with_label=True,
    ),
    "family": AssetColumn(
        _names(
            "conceptid concept parentcreative parentcreativeid parentid creativegroup masterid master variantof"
            " translationof sourceid"
            " utteranceid campaignid campaign campaignname adgroupid adgroup adgroupname"
            " konzept kampagne kampagnenid kampagnenname anzeigengruppe campagne groupedannonces campaña grupodeanuncios campagna"
            " gruppodiannunci campanha advertentiegroep kampania grupareklam kampanya reklamgrubu"
            " キャンペーン 広告グループ 广告系列 广告组"
        ),
    ),
    # The content hash of the asset's image (core/images/kept.py): no file has such a column, an import of images makes it.
    "image": AssetColumn((), cells=TEXT),
}
# Names that also stand over what is no id (a code of the category, a house number): ids only where no value comes twice.
VAGUE_IDS = frozenset(_names("key code") + ASSET_COLUMNS["id"].names[ASSET_COLUMNS["id"].names.index("nr") :])
DURATIONS = _names(
    "durationseconds durations durationsec duration seconds elapsed elapsedtime dauer durée duración durata"
)
TEXT_NAMES = _names(
    "text headline longheadline shortheadline title adtitle body bodytext bodycopy copy adcopy adtext primarytext maintext"
    " description caption cta calltoaction message content tagline slogan script transcript voiceover ocr ocrtext creativetext"
    " creative fulltext statement utterance query question post comment subject subjectline dialogue sentence review summary"
    # German
    " texte titel überschrift ueberschrift schlagzeile anzeigentitel anzeigentext textzeile werbetext haupttext fließtext"
    " beschreibung bildunterschrift inhalt nachricht betreff handlungsaufforderung beitrag frage zusammenfassung"
    # French
    " titre intitulé accroche légende contenu corps annonce textedelannonce lignededescription objet appelàlaction"
    " commentaire"
    # Spanish, Portuguese
    " texto título titular encabezado cuerpo descripción mensaje contenido leyenda asunto textodelanuncio llamadaalaacción"
    " comentario manchete corpo descrição mensagem conteúdo legenda textodoanúncio chamadaparaação comentário"
    # Italian, Dutch
    " testo titolo intestazione corpo descrizione messaggio contenuto didascalia oggetto testodellannuncio invitoallazione"
    " tekst kop koptekst omschrijving beschrijving bericht inhoud bijschrift advertentietekst"
    # Polish, Czech, Turkish
    " tytuł nagłówek treść opis wiadomość podpis tekstreklamy wezwaniedodziałania nadpis popis titulek"
    " metin başlık içerik açıklama mesaj gövde reklammetni slogan eylemçağrısı"
    # Scandinavian, Russian
    " brödtext beskrivning beskrivelse overskrift текст заголовок описание содержание сообщение объявление"
    # Japanese, Chinese, Korean
    " テキスト 本文 見出し タイトル 説明 説明文 広告文 コピー キャッチコピー 内容 メッセージ 件名"
    " 文本 正文 标题 標題 描述 说明 文案 广告文案 广告语 消息 텍스트 본문 제목 내용 설명 문구"
)


def stored_columns(with_label: bool) -> dict[str, str]:
    """The columns whose cells are kept with a recorded label, or with the asset itself, each with its type in the database."""
    return {
        role: SQL[column.cells]
        for role, column in ASSET_COLUMNS.items()
        if column.cells and column.with_label == with_label
    }


RECORDED = ", ".join(("label", "category", *stored_columns(True)))  # what a recording is, as columns of a statement
