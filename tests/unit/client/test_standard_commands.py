"""The commands on the data standard: text, JSON, and what is told when something is named that there is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.client.commands import Xietong

from xietong_client.cli.exit_codes import ExitCode


async def test_list_names_every_process(xietong: Xietong) -> None:
    found = (await xietong("standard", "list", "--json")).json
    assert len(found["processes"]) == 136
    first = next(process for process in found["processes"] if process["code"] == "PB-01")
    assert first == {
        "code": "PB-01",
        "name": {"zh": "提请批准逮捕", "en": "Request for arrest approval"},
        "stage": {"zh": "批捕", "en": "Arrest review"},
        "priority": 1,
        "technical": False,
        "complete": True,
    }
    assert "提请批准逮捕" in (await xietong("standard", "list", "--lang", "zh")).out


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "zh",
            [
                "提请批准逮捕",
                "《提请批准逮捕书》",
                "证据卷",
                "case.filing_date",
                "D03",
                "刑事诉讼法",
                "已读原文",
            ],
        ),
        (
            "en",
            [
                "Request for arrest approval",
                "volume of evidence",
                "for each suspect",
                "evidence-archive",
                "D02",
            ],
        ),
    ],
)
async def test_show_tells_all_in_the_chosen_language(
    xietong: Xietong, language: str, words: list[str]
) -> None:
    result = await xietong("standard", "show", "pb-01", "--lang", language)
    assert result.code == ExitCode.OK
    assert [word for word in words if word not in result.out] == []


async def test_show_as_json(xietong: Xietong) -> None:
    shown = (await xietong("standard", "show", "PB-01", "--json")).json
    assert shown["contributions"]["evidence-archive"] == ["VOLUMES", "MEDIA"]
    assert shown["clocks"] == {"starts": ["D03", "D04"], "stops": ["D02"]}
    assert {key: shown["fields"][0][key] for key in ("path", "label")} == {
        "path": "case.name",
        "label": {"zh": "案件名称", "en": "name of the case"},
    }
    assert shown["documents"][2]["condition"] == "detained"
    assert shown["gaps"] == []
    receipt = (await xietong("standard", "show", "TY-01", "--json")).json
    assert receipt["carried_by"] == {"evidence": "DELIVERED", "envelope": ""}


async def test_stats_count_and_list_what_is_unsure(xietong: Xietong) -> None:
    counts = (await xietong("standard", "stats", "--json")).json
    assert (counts["processes"], counts["first_release_complete"], counts["clocks"]) == (136, 58, 39)
    assert counts["rules"] > 40
    assert counts["unsure"] == len(counts["unsure_items"]) > 0
    assert all(item["text"]["zh"] and item["text"]["en"] for item in counts["unsure_items"])
    assert "待主管部门确认" in (await xietong("standard", "stats", "--lang", "zh")).out


async def test_template_writes_a_folder(xietong: Xietong) -> None:
    result = await xietong("standard", "template", "FY-01", "new/folder", "--from", "court", "--json")
    assert result.json["files"] == ["new/folder/package.yaml", "new/folder/case.yaml"]
    assert "from: court\n" in Path("new/folder/package.yaml").read_text(encoding="utf-8")
    again = await xietong("standard", "template", "FY-01", "new/folder")
    assert again.code == ExitCode.CONTENT_INVALID
    assert "is not empty" in again.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "PB-99"), "no process PB-99"),
        (("show", "PB-01", "--edition", "2031.1"), "no edition 2031.1"),
        (("template", "TY-01", "x"), "no case folder"),
        (("template", "FY-01", "x", "--from", "prison"), "prison does not send FY-01"),
        (("template", "FY-01", "x", "--from", "nobody"), "nobody does not send FY-01"),
    ],
)
async def test_what_is_not_there_is_told(xietong: Xietong, arguments: tuple[str, ...], words: str) -> None:
    result = await xietong("standard", *arguments)
    assert result.code == ExitCode.USAGE
    assert words in result.err
    assert not Path("x").exists()
