"""What the columns of a taxonomy file are called: the names of each role, the surest first, in the languages of clients' exports.

Names are written as people write them, in one word; they are compared folded (core/tables/columns.py: no signs, no accents,
one case), so that "Catégorie", "categorie" and "CATEGORIE" are one.
"""

from __future__ import annotations


def _names(words: str) -> tuple[str, ...]:
    return tuple(words.split())


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
    "facet": _names(
        "facet facetname dimension dimensionname taxonomyname attribute attributename"
        " facette dimensión dimensione dimensão dimensie wymiar boyut attribut atributo attributo 属性 维度"
    ),
    "pick": _names("pick picks cardinality"),
}
LEVEL_NAMES = _names(
    "tier level lvl depth hierarchy hierarchylevel categorylevel ebene nivel niveau livello nível poziom"
)
