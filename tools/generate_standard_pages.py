"""Generates `docs/reference/standard/`, the pages on the newest edition of the data standard, or checks them.

In each language a page per stage with its processes, and a first page with what they share: business systems, clocks,
code tables, laws, and what an authority has yet to confirm.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from xietong_standard import (
    RULES,
    Edition,
    Process,
    Rule,
    Severity,
    Text,
    available_editions,
    load_edition,
    statistics,
    unsure_points,
)
from xietong_standard.description import Section, describe
from xietong_standard.labels import PARTIES, PROVENANCE, RULE_GROUPS, SEVERITIES
from xietong_standard.model import Party
from xietong_standard.rule_description import describe_clock, describe_region

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs/reference/standard"
LANGUAGES = ("zh", "en")
HINT = Text(
    "由 `make reference` 从 `libs/standard` 生成，请勿手工修改。",
    "Generated from `libs/standard` by `make reference`: do not edit.",
)


def say(text: Text, language: str) -> str:
    """A text in one language."""
    return text.zh if language == "zh" else text.en


def pages(edition: Edition) -> dict[Path, str]:
    """Every page with what it should hold."""
    found = {}
    for language in LANGUAGES:
        found[PAGES / language / "README.md"] = first_page(edition, language)
        found[PAGES / language / "clocks.md"] = clocks_page(edition, language)
        found[PAGES / language / "lifecycle.md"] = lifecycle_page(edition, language)
        found[PAGES / language / "rules.md"] = rules_page(language)
        for stage, processes in stages(edition).items():
            found[PAGES / language / f"{slug(stage)}.md"] = stage_page(stage, processes, edition, language)
    return found


def stages(edition: Edition) -> dict[Text, list[Process]]:
    """The processes of each stage."""
    found: dict[Text, list[Process]] = {}
    for process in edition.processes.values():
        found.setdefault(process.stage, []).append(process)
    return found


def slug(stage: Text) -> str:
    """The name of a stage's page."""
    return re.sub(r"[^a-z]+", "-", stage.en.lower()).strip("-")


def stage_page(stage: Text, processes: list[Process], edition: Edition, language: str) -> str:
    """The page of a stage."""
    title = Text(f"{stage.zh}：数据标准 {edition.id}", f"{stage.en}: data standard {edition.id}")
    lines = [f"# {say(title, language)}", "", say(HINT, language), ""]
    for process in processes:
        priority = Text(f"第 {process.priority} 优先级", f"priority {process.priority}")
        lines += [f"## {process.code} {say(process.name, language)}", "", f"{say(priority, language)}", ""]
        lines += [*sections(describe(process, edition), language), ""]
    return "\n".join(lines).rstrip() + "\n"


def clocks_page(edition: Edition, language: str) -> str:
    """The page of the clocks: what starts, ends and lengthens each."""
    title = Text(f"办案期限：数据标准 {edition.id}", f"Clocks: data standard {edition.id}")
    note = Text(
        "本系统只作提示，不作超期认定。起算当日不计入；一个月至次月同日，半个月为十五日。",
        "Clocks warn and never find a delay unlawful. The day of the start is not counted; a month ends on the same "
        "date, half a month is 15 days.",
    )
    lines = [f"# {say(title, language)}", "", say(HINT, language), "", say(note, language), ""]
    for item in edition.clocks.items.values():
        lines += [f"## {item.id} {say(item.name, language)}", ""]
        lines += [*sections(describe_clock(item, edition), language), ""]
    return "\n".join(lines).rstrip() + "\n"


def lifecycle_page(edition: Edition, language: str) -> str:
    """The page of the lifecycle: each state and the ways out of it."""
    title = Text(f"流转状态：数据标准 {edition.id}", f"Lifecycle: data standard {edition.id}")
    regions = (
        (Text("程序", "Procedure"), edition.lifecycle.procedure),
        (Text("强制措施", "Compulsory measure"), edition.lifecycle.measure),
    )
    lines = [f"# {say(title, language)}", "", say(HINT, language), ""]
    for heading, region in regions:
        lines += [f"## {say(heading, language)}", ""]
        lines += [*sections(describe_region(region, edition), language), ""]
    return "\n".join(lines).rstrip() + "\n"


def rules_page(language: str) -> str:
    """The page of the validation rules: what each finds, how to mend it, and on what it rests."""
    errors = sum(rule.severity is Severity.ERROR for rule in RULES.values())
    title = Text("校验规则", "Validation rules")
    note = Text(
        f"共 {len(RULES)} 条：{errors} 条为错误，不改正不能发送；{len(RULES) - errors} 条为提示，核对后可以继续发送。"
        "规则只看所提交的数据包，同样的数据包总得到同样的结论。“…”处由系统填入具体内容。",
        f"{len(RULES)} rules: {errors} errors, which keep a package from leaving, and {len(RULES) - errors} warnings, "
        "which do not. Rules look at the package alone: the same package always gets the same verdict. What stands "
        "for '…' is filled in.",
    )
    lines = [f"# {say(title, language)}", "", say(HINT, language), "", say(note, language), ""]
    for group, heading in RULE_GROUPS.items():
        lines += [f"## {say(heading, language)}", ""]
        for rule in RULES.values():
            if rule.code.split("-")[1] == group:
                lines += rule_lines(rule, language)
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def rule_lines(rule: Rule, language: str) -> Iterator[str]:
    """A rule as a list entry."""
    severity, sure = SEVERITIES[rule.severity], PROVENANCE[rule.provenance]
    text, remedy = (re.sub(r"{[a-z]+}", "…", say(words, language)) for words in (rule.text, rule.remedy))
    basis = Text(f"依据：{rule.basis}（{sure.zh}）", f"Basis: {rule.basis} ({sure.en})")
    yield f"- `{rule.code}` ({say(severity, language)}) {text}"
    yield f"  - {remedy}"
    yield f"  - {say(basis, language)}"


def sections(found: Iterable[Section], language: str) -> Iterator[str]:
    """Sections as list entries."""
    for section in found:
        yield from section_lines(
            say(section.heading, language), [say(line, language) for line in section.lines]
        )


def section_lines(heading: str, lines: list[str]) -> list[str]:
    """A section as a list entry, on one line where there is one."""
    if len(lines) == 1:
        return [f"- **{heading}** {lines[0]}"]
    return [f"- **{heading}**", *(f"  - {line}" for line in lines)]


def first_page(edition: Edition, language: str) -> str:
    """The page on all that the processes share."""
    title = Text(f"数据标准 {edition.id}", f"Data standard {edition.id}")
    counts = statistics(edition)
    summary = Text(
        f"{counts.processes} 个流程，{counts.complete} 个内容完整；{counts.clocks} 项办案期限；"
        f"{counts.code_tables} 个代码表；{counts.unsure} 项待主管部门确认。",
        f"{counts.processes} processes, {counts.complete} of them complete; {counts.clocks} clocks; "
        f"{counts.code_tables} code tables; {counts.unsure} items that an authority has yet to confirm.",
    )
    rules = Text(f"[校验规则](rules.md)：{len(RULES)} 条。", f"[Validation rules](rules.md): {len(RULES)}.")
    heading = Text("阶段", "Stages")
    lines = [f"# {say(title, language)}", "", say(HINT, language), "", say(summary, language), ""]
    lines += [say(rules, language), ""]
    lines += [f"## {say(heading, language)}", ""]
    for stage, processes in stages(edition).items():
        codes = ", ".join(process.code for process in processes)
        lines.append(f"- [{say(stage, language)}]({slug(stage)}.md): {codes}")
    for parts in (systems(edition), clocks(edition), code_tables(edition), laws(edition), unsure(edition)):
        lines += ["", *(say(part, language) for part in parts)]
    return "\n".join(lines) + "\n"


def heading_of(zh: str, en: str) -> Iterator[Text]:
    """A heading and the blank line below it."""
    yield Text(f"## {zh}", f"## {en}")
    yield Text("", "")


def systems(edition: Edition) -> Iterator[Text]:
    """The business systems."""
    yield from heading_of("业务系统", "Business systems")
    for system in edition.systems.values():
        party, name = PARTIES[Party(system.party)], system.name
        planned = Text("，尚未接入", ", planned") if system.planned else Text("", "")
        note = system.note or Text("", "")
        yield Text(
            f"- `{system.id}` {name.zh}（{party.zh}{planned.zh}）{note.zh}",
            f"- `{system.id}` {name.en} ({party.en}{planned.en}) {note.en}".rstrip(),
        )


def clocks(edition: Edition) -> Iterator[Text]:
    """The clocks with their basis."""
    yield from heading_of("办案期限和流转状态", "Clocks and lifecycle")
    yield Text("- [全部办案期限规则](clocks.md)", "- [all rules of the clocks](clocks.md)")
    yield Text("- [流转状态](lifecycle.md)", "- [the lifecycle](lifecycle.md)")
    for item in edition.clocks.items.values():
        basis = item.basis_text()
        yield Text(f"- {item.id} {item.name.zh}：{basis.zh}", f"- {item.id} {item.name.en}: {basis.en}")


def code_tables(edition: Edition) -> Iterator[Text]:
    """The code tables with their source and codes."""
    yield from heading_of("代码表", "Code tables")
    for table in edition.code_tables.values():
        sure = [PROVENANCE[word] for word in table.provenance]
        yield Text(
            f"- `{table.id}` {table.version} {table.name.zh}（{'、'.join(text.zh for text in sure)}）"
            f"：{table.source.zh}",
            f"- `{table.id}` {table.version} {table.name.en} ({', '.join(text.en for text in sure)}): "
            f"{table.source.en}",
        )
        yield joined(
            Text(f"`{code}` {text.zh}", f"`{code}` {text.zh} {text.en}") for code, text in table.codes.items()
        )


def joined(texts: Iterable[Text]) -> Text:
    """Texts below a list entry, one after the other."""
    listed = list(texts)
    return Text("  " + "、".join(text.zh for text in listed), "  " + ", ".join(text.en for text in listed))


def laws(edition: Edition) -> Iterator[Text]:
    """The laws with their versions."""
    yield from heading_of("法律依据", "Laws")
    for law in edition.laws.values():
        read = Text("已读全文", "read in full") if law.read else Text("未读到全文", "full text not read")
        yield Text(
            f"- 《{law.title.zh}》（{law.version}），{read.zh}",
            f"- {law.title.en} ({law.version}), {read.en}",
        )


def unsure(edition: Edition) -> Iterator[Text]:
    """What is yet to be confirmed."""
    yield from heading_of("待主管部门确认", "To be confirmed by an authority")
    for item, note in unsure_points(edition):
        yield Text(f"- {item}：{note.zh}", f"- {item}: {note.en}")


def main() -> int:
    """Returns 1 when `--check` finds a page that is stale, missing or left over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a page is stale")
    check_only = parser.parse_args().check
    wanted = pages(load_edition(available_editions()[-1]))
    left_over = set(PAGES.rglob("*.md")) - wanted.keys()
    stale = [
        path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if check_only:
        for path in [*stale, *sorted(left_over)]:
            print(
                f"stale: {path.relative_to(ROOT)}: run `make reference` and commit the result",
                file=sys.stderr,
            )
        return 1 if stale or left_over else 0
    for path in left_over:
        path.unlink()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
