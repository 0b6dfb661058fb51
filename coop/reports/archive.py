"""From a drawn document to one that keeps for decades: PDF/A-3a and PDF/UA-1, its figures inside.

ReportLab's file gets its structure tree as an incremental section written here as text (thousands
of small objects: a PDF library takes ten times longer), then pikepdf adds the catalog, metadata,
output intent and attachment, and writes everything anew: compressed, checked, and the same bytes
for the same input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String

from coop.reports import theme
from coop.reports.errors import TwinMalformed, TwinMissing
from coop.reports.tagged import Drawn, Link, Tag, pdf_bytes, pdf_text

PRODUCER = "coop"
TWIN_MEDIA_TYPE = "/application/json"
_SIZE = re.compile(rb"/Size (\d+)")
_UNWRITABLE = re.compile("[\x00-\x1f\ufffe\uffff\ud800-\udfff]")
_START = re.compile(rb"startxref\s+(\d+)")
_ROOT = re.compile(rb"/Root (\d+) 0 R")


@dataclass(frozen=True, slots=True)
class Imprint:
    """What a document declares of itself.

    `issued_at` is its date, whenever it was drawn; `layout` says which drawing of its kind it is.
    """

    title: str
    author: str
    subject: str
    language: str
    issued_at: datetime
    layout: str


def imprint_of(
    title: str, author: str, subject: str, language: str, issued_at: datetime, layout: str
) -> Imprint:
    """An imprint in UTC and without characters that XML cannot hold."""

    def plain(text: str) -> str:
        return _UNWRITABLE.sub(" ", text)

    instant = issued_at.astimezone(UTC)
    return Imprint(plain(title), plain(author), plain(subject), language, instant, layout)


def archived(drawn: Drawn, imprint: Imprint, twin_name: str, twin: bytes) -> bytes:
    """The finished file, with `twin` attached as its data under `twin_name`."""
    with Pdf.open(BytesIO(drawn.pdf)) as plain:
        pages = [page.obj.objgen[0] for page in plain.pages]
    with_tree, tree_root = _with_structure(drawn, pages)
    with Pdf.open(BytesIO(with_tree)) as pdf:
        for index, page in enumerate(pdf.pages):
            page.obj.StructParents = index
            page.obj.Tabs = Name.S
            del page.obj["/Trans"]  # ReportLab writes an empty one
        pdf.Root.StructTreeRoot = pdf.get_object(tree_root, 0)
        for number, link in enumerate(drawn.links, tree_root + 1 + len(drawn.tags)):
            holder: Any = pdf.pages[link.page].obj
            holder.Annots = Array([*holder.get("/Annots", []), pdf.get_object(number, 0)])
        _declare(pdf, imprint)
        _attach(pdf, imprint, twin_name, twin)
        target = BytesIO()
        pdf.save(
            target,
            deterministic_id=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            fix_metadata_version=False,
            min_version="1.7",
        )
    return target.getvalue()


def _with_structure(drawn: Drawn, pages: list[int]) -> tuple[bytes, int]:
    """ReportLab's file followed by the tree, and the object number of the tree's root."""
    root = _found(_SIZE, drawn.pdf)
    first = root + 1
    nums = [
        f"{page} [{' '.join([f'{first + tag.number} 0 R' for tag in marks])}]"
        for page, marks in enumerate(drawn.marks)
    ]
    annotations = []
    for number, link in enumerate(drawn.links):
        key, reference = len(nums), first + len(drawn.tags) + number
        link.tag.kids.append(f"<</Type/OBJR/Obj {reference} 0 R/Pg {pages[link.page]} 0 R>>")
        nums.append(f"{key} {first + link.tag.number} 0 R")
        annotations.append(_annotation(link, key))
    parents = f"/ParentTree<</Nums[{' '.join(nums)}]>>/ParentTreeNextKey {len(nums)}"
    objects = [
        f"<</Type/StructTreeRoot/K[{first} 0 R]{parents}>>",
        *[_element(tag, first, pages) for tag in drawn.tags],
        *annotations,
    ]
    return _appended(drawn.pdf, root, objects), root


def _annotation(link: Link, key: int) -> str:
    box = " ".join(f"{edge:.2f}" for edge in link.box)
    return (
        f"<</Type/Annot/Subtype/Link/Rect[{box}]/Border[0 0 0]/F 4/StructParent {key}"
        f"/Contents{pdf_text(link.text)}/A<</S/URI/URI{pdf_bytes(link.uri)}>>>>"
    )


def _element(tag: Tag, first: int, pages: list[int]) -> str:
    """One structure element; the parent of the first is the root, numbered just before it."""
    kids = [f"{first + kid.number} 0 R" if isinstance(kid, Tag) else str(kid) for kid in tag.kids]
    inside = f"/K[{' '.join(kids)}]" if kids else ""
    page = "" if tag.page < 0 else f"/Pg {pages[tag.page]} 0 R"
    return f"<</S/{tag.role}/P {first + tag.parent} 0 R{page}{inside}{tag.attributes}>>"


def _appended(pdf: bytes, first: int, objects: list[str]) -> bytes:
    """An incremental update: the objects numbered from `first`, their offsets, a trailer."""
    parts = [pdf, b"\n"]
    position = len(pdf) + 1
    offsets = []
    for number, source in enumerate(objects, first):
        text = f"{number} 0 obj\n{source}\nendobj\n".encode("ascii")
        offsets.append(b"%010d 00000 n \n" % position)
        parts.append(text)
        position += len(text)
    trailer = (
        f"trailer\n<</Size {first + len(objects)}/Root {_found(_ROOT, pdf)} 0 R"
        f"/Prev {_found(_START, pdf)}>>\nstartxref\n{position}\n%%EOF\n"
    )
    parts += [f"xref\n{first} {len(objects)}\n".encode("ascii"), *offsets, trailer.encode("ascii")]
    return b"".join(parts)


def _found(pattern: re.Pattern[bytes], pdf: bytes) -> int:
    return int(pattern.findall(pdf)[-1])


def _declare(pdf: Pdf, imprint: Imprint) -> None:
    """Catalog, document information and XMP packet; the last two say the same."""
    root = pdf.Root
    root.Lang = String(imprint.language)
    root.MarkInfo = Dictionary(Marked=True)
    root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
    profile = pdf.make_stream(_icc_profile(), N=3)
    root.OutputIntents = Array([
        pdf.make_indirect(Dictionary(
            Type=Name.OutputIntent,
            S=Name.GTS_PDFA1,
            OutputConditionIdentifier=String("sRGB"),
            Info=String("sRGB IEC61966-2.1"),
            DestOutputProfile=profile,
        ))
    ])  # fmt: skip
    stamp = imprint.issued_at.strftime("D:%Y%m%d%H%M%SZ")
    pdf.trailer.Info = pdf.make_indirect(Dictionary(
        Title=String(imprint.title), Author=String(imprint.author), Subject=String(imprint.subject),
        Creator=String(imprint.layout), Producer=String(PRODUCER),
        CreationDate=String(stamp), ModDate=String(stamp),
    ))  # fmt: skip
    root.Metadata = pdf.make_stream(_xmp(imprint), Type=Name.Metadata, Subtype=Name.XML)


@cache
def _icc_profile() -> bytes:
    return theme.ICC_PROFILE.read_bytes()


def _attach(pdf: Pdf, imprint: Imprint, name: str, data: bytes) -> None:
    """The machine-readable twin, as associated data of the whole document."""
    stamp = String(imprint.issued_at.strftime("D:%Y%m%d%H%M%SZ"))
    stream = pdf.make_stream(data, Type=Name.EmbeddedFile, Subtype=Name(TWIN_MEDIA_TYPE))
    stream.Params = Dictionary(Size=len(data), ModDate=stamp, CreationDate=stamp)
    file = pdf.make_indirect(Dictionary(
        Type=Name.Filespec, F=String(name), UF=String(name), AFRelationship=Name.Data,
        Desc=String("The same figures for machines"), EF=Dictionary(F=stream, UF=stream),
    ))  # fmt: skip
    pdf.Root.AF = Array([file])
    pdf.Root.Names = Dictionary(EmbeddedFiles=Dictionary(Names=Array([String(name), file])))


def attachment(pdf: bytes, name: str) -> bytes:
    """The bytes attached to a file under `name`. Refuses TWIN_MISSING when there are none."""
    try:
        with Pdf.open(BytesIO(pdf)) as opened:
            return opened.attachments[name].get_file().read_bytes()
    except (pikepdf.PdfError, KeyError, ValueError):
        raise TwinMissing(f"This file has no {name} inside.") from None


def language_of(pdf: bytes) -> str:
    """The language a file declares ("de-CH"). Refuses TWIN_MALFORMED when it declares none."""
    with Pdf.open(BytesIO(pdf)) as opened:
        language = opened.Root.get("/Lang")
    if language is None:
        raise TwinMalformed("The file does not say its language.")
    return str(language)


def layout_of(pdf: bytes) -> str:
    """Which drawing a file says it is; empty when it does not say."""
    with Pdf.open(BytesIO(pdf)) as opened:
        information: Any = opened.trailer.get("/Info", Dictionary())
        return str(information.get("/Creator", ""))


_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance><pdfuaid:part>1</pdfuaid:part>
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>
<xmp:CreatorTool>{layout}</xmp:CreatorTool><pdf:Producer>{producer}</pdf:Producer>
<xmp:CreateDate>{date}</xmp:CreateDate><xmp:ModifyDate>{date}</xmp:ModifyDate>
<xmp:MetadataDate>{date}</xmp:MetadataDate>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289 the file follows</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def _xmp(imprint: Imprint) -> bytes:
    packet = _XMP.format(
        title=escape(imprint.title),
        author=escape(imprint.author),
        subject=escape(imprint.subject),
        language=imprint.language,
        producer=PRODUCER,
        layout=imprint.layout,
        date=imprint.issued_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    return packet.encode()
