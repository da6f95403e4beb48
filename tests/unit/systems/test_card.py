"""The case card: it shows what the package holds, and nothing that it holds becomes markup."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from tests.unit.systems.submissions import example, manifest_of

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.envelope_pb2 import Address, Envelope, Party
from xietong_system_desk.card import render_card

ENVELOPE = Envelope(
    package_id="01900000-0000-7000-8000-000000000001",
    process_code="PB-01",
    sender=Address(party=Party.PARTY_POLICE),
    receiver=Address(party=Party.PARTY_PROCURATORATE),
)
OUR_TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "table", "tr", "th", "td", "a"}


class Reading(HTMLParser):
    """What a browser would see: tags with their attributes, links, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def read(manifest: Manifest, held: set[str] = frozenset()) -> Reading:  # type: ignore[assignment] # empty default
    return Reading(render_card(ENVELOPE, manifest, held, "检察业务应用系统2.0"))


def test_the_card_shows_what_a_handler_needs() -> None:
    text = read(example("07-SP-01")).text
    for expected in (
        *(
            "甲某𤩽",
            "阿诺·样本",
            "盗窃罪",
            "被告人",
            "逮捕",
            "起诉书",
            "量刑建议书",
            "证据卷（一）",
            "检察卷",
        ),
        *("撬棍", "A4401990000002026030017", "示样检诉受〔2026〕58号", "公安机关", "人民检察院"),
    ):
        assert expected in text


def test_files_that_the_system_holds_are_linked_and_others_are_not() -> None:
    manifest = example("02-PB-02")
    held = manifest.documents[0].part
    links = read(manifest, {held}).links
    assert links
    assert all(link.startswith("files/%") for link in links)
    assert len(links) == 2  # in the list of documents and in that of files


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</td></table><iframe src='data:text/html,x'>",
        "<svg/onload=alert(1)>",
        "]]><!--",
        "&lt;script&gt; stays as it is",
    ],
)
def test_hostile_text_stays_text(hostile: str) -> None:
    manifest = manifest_of(
        case={"name": hostile, "summary": hostile, "handlerName": hostile},
        persons=[{"id": "p1", "name": hostile, "otherNames": [hostile], "sexCode": "1"}],
        charges=[{"personId": "p1", "stage": "CHARGE_STAGE_TRANSFER", "offence": {"name": hostile}}],
        documents=[{"kind": {"name": "x"}, "title": hostile, "part": hostile}],
        properties=[{"id": "CW-1", "name": hostile, "features": hostile}],
        parts=[{"number": 1, "name": hostile, "kind": "PART_KIND_DOCUMENT"}],
    )
    seen = read(manifest, {hostile})
    assert seen.tags <= OUR_TAGS
    assert seen.attributes <= {"lang", "charset", "http-equiv", "content", "href"}
    assert all(link.startswith("files/") and link.count("/") == 1 for link in seen.links)
    assert seen.text.count(hostile) >= 9


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\u202e", "\u2066", "\x85"])
def test_characters_that_could_hide_or_turn_text_are_replaced(character: str) -> None:
    seen = read(manifest_of(case={"name": f"甲{character}乙"}))
    assert character not in seen.text
    assert "甲\N{REPLACEMENT CHARACTER}乙" in seen.text


def test_values_that_this_version_does_not_know_are_shown_as_such() -> None:
    manifest = Manifest()
    manifest.persons.add(id="p1", name="某", roles=[99])  # of a newer contract
    assert "未知（99）" in read(manifest).text
