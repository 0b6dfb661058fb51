"""From a drawn document to one that keeps for decades: PDF/A-3a and PDF/UA-1, its figures inside.

ReportLab's file gets its structure tree as an incremental section written here as text (thousands
of small objects: a PDF library takes ten times longer), then pikepdf adds the catalog, metadata,
output intent and attachment, and writes everything anew: compressed, checked, and the same bytes
for the same input.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String

from coop.reports import theme, xmp
from coop.reports.errors import TwinMalformed, TwinMissing
from coop.reports.tagged import Drawn, Link, Tag, pdf_bytes, pdf_text

PRODUCER = "coop"
TWIN_MEDIA_TYPE = "/application/json"
_SIZE = re.compile(rb"/Size (\d+)")
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


@dataclass(frozen=True, slots=True)
class Attached:
    """A file inside the document: how it relates to it is AFRelationship of ISO 32000-2.

    `Data` is what it was drawn from, `Alternative` says the same in another form.
    """

    name: str
    content: bytes
    media_type: str = TWIN_MEDIA_TYPE
    relationship: str = "Data"


def imprint_of(
    title: str, author: str, subject: str, language: str, issued_at: datetime, layout: str
) -> Imprint:
    """An imprint in UTC and without characters that XML cannot hold."""

    def plain(text: str) -> str:
        return xmp.UNWRITABLE.sub(" ", text).replace("\n", " ")

    instant = issued_at.astimezone(UTC)
    return Imprint(plain(title), plain(author), plain(subject), language, instant, layout)


def archived(drawn: Drawn, imprint: Imprint, *files: Attached) -> bytes:
    """The finished file, with these files inside."""
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
        _declare(pdf, imprint, files)
        _attach(pdf, imprint, files)
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


def _declare(pdf: Pdf, imprint: Imprint, files: Sequence[Attached]) -> None:
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
    packet = _xmp(imprint, e_invoice=any(file.name == xmp.E_INVOICE for file in files))
    root.Metadata = pdf.make_stream(packet, Type=Name.Metadata, Subtype=Name.XML)


@cache
def _icc_profile() -> bytes:
    return theme.ICC_PROFILE.read_bytes()


def _attach(pdf: Pdf, imprint: Imprint, files: Sequence[Attached]) -> None:
    """Files associated with the whole document, in order of their names as a name tree demands."""
    stamp = String(imprint.issued_at.strftime("D:%Y%m%d%H%M%SZ"))
    listed = []
    for one in sorted(files, key=lambda file: file.name):
        subtype = Name(one.media_type)
        stream = pdf.make_stream(one.content, Type=Name.EmbeddedFile, Subtype=subtype)
        stream.Params = Dictionary(Size=len(one.content), ModDate=stamp, CreationDate=stamp)
        file = pdf.make_indirect(Dictionary(
            Type=Name.Filespec, F=String(one.name), UF=String(one.name),
            AFRelationship=Name(f"/{one.relationship}"),
            Desc=String("The same figures for machines"), EF=Dictionary(F=stream, UF=stream),
        ))  # fmt: skip
        listed.append((String(one.name), file))
    pdf.Root.AF = Array([file for _, file in listed])
    names = [part for pair in listed for part in pair]
    pdf.Root.Names = Dictionary(EmbeddedFiles=Dictionary(Names=Array(names)))


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


def _xmp(imprint: Imprint, *, e_invoice: bool) -> bytes:
    return xmp.packet(
        e_invoice=e_invoice,
        title=imprint.title,
        author=imprint.author,
        subject=imprint.subject,
        language=imprint.language,
        producer=PRODUCER,
        layout=imprint.layout,
        date=imprint.issued_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
