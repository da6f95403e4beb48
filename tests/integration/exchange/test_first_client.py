"""The first programs of a vendor: the READMEs' client, taken out of the page as a reader would, and a receiver."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest
from tests.integration.exchange.city import City

from xietong.exchange.v1.draft_pb2 import Accepted, Outcome
from xietong.exchange.v1.envelope_pb2 import Party

ROOT = Path(__file__).parents[3]
PROGRAM = re.compile(r"<!-- first-client -->\n```python\n(.*?)```\n<!-- /first-client -->", re.DOTALL)


def first_client(page: str) -> str:
    found = PROGRAM.findall((ROOT / page).read_text(encoding="utf-8"))
    assert len(found) == 1, f"{page} has {len(found)} first clients"
    return str(found[0])


def test_both_readmes_show_the_example() -> None:
    example = (ROOT / "examples/first_client.py").read_text(encoding="utf-8")
    assert first_client("README.md") == first_client("README.zh-CN.md") == example


async def started(program: Path, *arguments: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, program, *map(str, arguments), stdout=asyncio.subprocess.PIPE
    )


async def test_one_program_sends_a_case_folder_and_ends_with_the_outcome_and_one_takes_it_in(
    three: City, pki_folder: Path, tmp_path: Path
) -> None:
    program = tmp_path / "client.py"
    program.write_text(first_client("README.md"), encoding="utf-8")
    police, procuratorate = (
        (f"127.0.0.1:{three.ports[party]}", pki_folder / name)
        for party, name in ((Party.PARTY_POLICE, "police"), (Party.PARTY_PROCURATORATE, "procuratorate"))
    )
    receiver = ROOT / "examples/first_receiver.py"
    receiving = await started(receiver, *procuratorate, "prosecution", "440199100000:P-0001", tmp_path)
    running = await started(program, *police, "case-handling", ROOT / "examples/01-PB-01")
    try:
        assert receiving.stdout is not None
        package_id, process, files, _ = (await receiving.stdout.readline()).decode().split()
        assert (process, files) == ("PB-01", "8")
        assert len(list((tmp_path / package_id / "files").iterdir())) == int(files)
        prosecution = await three.agency(Party.PARTY_PROCURATORATE, "prosecution")
        accepted = Outcome(accepted=Accepted(receiver_case_number="示检受〔2026〕1号"))
        await prosecution.report(package_id, accepted)
        printed, _ = await running.communicate()
    finally:
        for one in (running, receiving):
            if one.returncode is None:
                one.kill()
                await one.wait()

    lines = printed.decode().splitlines()
    assert running.returncode == 0
    assert {line.split()[0] for line in lines} == {package_id}
    assert lines[-1].endswith("Accepted")


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_program_is_short(page: str) -> None:
    assert len(first_client(page).splitlines()) <= 20
