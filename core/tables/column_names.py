"""What columns are called: the names of each role, the surest first, in the languages that clients' exports are written in.

Names are written as people write them, in one word; they are compared folded (core/tables/columns.py: no signs, no accents,
one case), so that "Catégorie", "categorie" and "CATEGORIE" are one.
"""

from __future__ import annotations


def _names(words: str) -> tuple[str, ...]:
    return tuple(words.split())


ASSET_NAMES: dict[str, tuple[str, ...]] = {
    "id": _names(
        "assetid creativeid adid externalid itemid placementid uniqueid adcreativeid uuid uid id assetkey"
        # de, fr, es, it, pt, nl, pl, tr, ja, zh
        " anzeigenid werbemittelid anzeigennummer kennung identifiant idannonce idanuncio identificador idannuncio identificativo"
        " identificatore advertentieid identyfikator idreklamy reklamid kimlik 広告id 广告id 廣告id 创意id"
        " key assetkey code nr no nummer number num numéro número numero numer numara kod codigo codice lfdnr laufendenummer"
        " rowid row sıra sırano lp 番号 编号 編號 序号 序號 コード 代码"
    ),
    "gold": _names(
        "goldlabel gold humanlabel goldcategory truelabel groundtruth truth expectedlabel expected reviewedlabel approvedlabel"
        " correctlabel correctcategory manuallabel manualcategory humancategory"
        " geprüftekategorie richtigekategorie catégoriecorrecte categoríacorrecta categoriacorretta categoriacorreta"
        " juistecategorie poprawnakategoria doğrukategori 正解 正解ラベル 正确标签 人工标签"
    ),
    "label": _names(
        "recordedlabel teacherlabel llmlabel modellabel ailabel gptlabel predictedlabel predictedcategory prediction label labels"
        " category categoryname"
        " kategorie kategoriename catégorie catégories categoría categoria categorie categorianome kategoria kategori kategorija"
        " kategória カテゴリ カテゴリー 类别 類別 分类 分類 品类 카테고리 категория"
        " iabcategory class classification"
        " klasse klassifikation klassifizierung classe clase classificatie clasificación classificazione classificação klasa sınıf"
        " etikett étiquette etiqueta etichetta rótulo etykieta etiket ラベル 标签 標籤 라벨"
        " topic intent"
        " thema sujet tema argomento assunto onderwerp konu トピック 主题 主題 rubrik rubrique rubryka"
        " tag"
    ),
    "confidence": _names(
        "confidence recordedconfidence labelconfidence teacherconfidence llmconfidence modelconfidence conf certainty probability"
        " prob score labelscore"
        " konfidenz sicherheit wahrscheinlichkeit confiance probabilité confianza probabilidad confidenza probabilità confiança"
        " probabilidade betrouwbaarheid waarschijnlijkheid pewność prawdopodobieństwo güven olasılık 信頼度 確信度 置信度 概率"
    ),
    "tokens_in": _names("tokensin prompttokens inputtokens tokensprompt tokensinput intokens tokenin recordedtokensin"),
    "tokens_out": _names(
        "tokensout completiontokens outputtokens tokenscompletion tokensoutput outtokens tokenout recordedtokensout"
    ),
    "latency_ms": _names(
        "latencyms latencys latencyseconds latencysec latencysecs latency responsetimems responsetimes responsetimeseconds"
        " durationms elapsedms elapsedseconds recordedlatencyms recordedlatencys recordedlatency responsetime latencymillis"
        " latencymilliseconds"
        " latenz antwortzeit latence tempsderéponse latencia tiempoderespuesta latenza tempodirisposta latência tempoderesposta"
        " latentie responstijd opóźnienie czasodpowiedzi gecikme yanıtsüresi 応答時間 延迟 响应时间"
    ),
    "family": _names(
        "conceptid concept parentcreative parentcreativeid parentid creativegroup masterid master variantof translationof sourceid"
        " utteranceid campaignid campaign campaignname adgroupid adgroup adgroupname"
        " konzept kampagne kampagnenid kampagnenname anzeigengruppe campagne groupedannonces campaña grupodeanuncios campagna"
        " gruppodiannunci campanha advertentiegroep kampania grupareklam kampanya reklamgrubu"
        " キャンペーン 広告グループ 广告系列 广告组"
    ),
    "split": _names(
        "split datasplit dataset set fold partition subset"
        " aufteilung teilmenge partición partizione partição verdeling podział bölüm 分割 数据集"
    ),
}
# Names that also stand over what is no id (a code of the category, a house number): ids only where no value comes twice.
VAGUE_IDS = frozenset(_names("key code") + ASSET_NAMES["id"][ASSET_NAMES["id"].index("nr") :])
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
TAXONOMY_NAMES: dict[str, tuple[str, ...]] = {
    "name": _names(
        "name categoryname subcategory"
        " unterkategorie souscatégorie subcategoría subcategoria sottocategoria subcategorie podkategoria altkategori"
        " サブカテゴリ サブカテゴリー 子类别 子分类"
        " label labelname topicname"
        " bezeichnung kategoriename nom nombre nome naam nazwa isim adı kategoriadı 名前 名称 名稱 カテゴリ名 类别名称 分类名称"
        " category"
        " kategorie catégorie categoría categoria categorie kategoria kategori カテゴリ カテゴリー 类别 類別 分类 分類 品类"
        " topic title class segment intent term node value"
        " thema titel sujet titre tema título titolo argomento onderwerp temat konu klasse classe clase klasa sınıf begriff"
        " etikett étiquette etiqueta etichetta etykieta etiket ラベル 标签 主题 トピック"
    ),
    "parent": _names(
        "parentid parent parentname parentcategory parentcategoryid parentlabel parentuniqueid parentkey parenttopic broader group"
        " oberkategorie hauptkategorie elternkategorie übergeordnet übergeordnetekategorie catégorieparente catégorieprincipale"
        " padre categoríapadre categoríaprincipal categoriapadre categoriaprincipale categoriasuperiore pai categoriapai"
        " categoriaprincipal bovenliggend bovenliggendecategorie hoofdcategorie nadrzędna kategorianadrzędna kategoriagłówna"
        " üstkategori anakategori 親カテゴリ 親カテゴリー 上位カテゴリ 大カテゴリ 父类别 父分类 上级分类 上级类别"
        " gruppe groupe grupo gruppo groep grupa grup"
        " category kategorie catégorie categoría categoria categorie kategoria kategori カテゴリ カテゴリー 类别 類別 分类 分類"
        " topic supercategory"
    ),
    "description": _names(
        "description definition desc meaning explanation scopenote note notes details guidance instructions"
        " whatbelongshere whatbelongs whatitmeans whatitcovers"
        " beschreibung erklärung erläuterung définition explication descripción definición explicación descrizione definizione"
        " spiegazione descrição definição explicação omschrijving beschrijving uitleg definitie opis definicja wyjaśnienie"
        " açıklama tanım 説明 定義 描述 说明 定义 釋義"
    ),
    "examples": _names(
        "examples example sampletexts sampletext samples sample exampletexts exampleads keywords"
        " beispiele beispiel exemples exemple ejemplos ejemplo esempi esempio exemplos exemplo voorbeelden voorbeeld przykłady"
        " przykład örnekler örnek schlüsselwörter 例 事例 示例 例子"
    ),
    "key": _names(
        "uniqueid id key categoryid code categorycode nodeid iabid uid slug labelid"
        " kennung schlüssel nummer nr identifiant clé numéro clave código identificador chiave codice chave identyfikator klucz kod"
        " numer anahtar numara no コード 番号 代码 编码 编号"
    ),
}
LEVEL_NAMES = _names(
    "tier level lvl depth hierarchy hierarchylevel categorylevel ebene nivel niveau livello nível poziom"
)
