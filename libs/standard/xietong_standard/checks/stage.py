"""Whether the package makes sense in the state in which its persons stand, as far as the sender knows it.

Warnings only: what a node has not seen may well have happened.
"""

from __future__ import annotations

from collections.abc import Iterator

from xietong_standard.checks.sources import LIFECYCLE, procedure_law
from xietong_standard.checks.submission import Submission
from xietong_standard.lifecycle.engine import Sense, sense_of
from xietong_standard.verdict import Finding, warning

OTHER_STATE = warning(
    "XT-LIF-01",
    (
        "人员 {person} 现处于“{state}”，通常不会发送“{process}”",
        "person {person} stands at '{state}', where '{process}' is not usual",
    ),
    (
        "请核对所选流程和人员；确有其他情形的可继续发送",
        "check the process and the person; go on if there is a reason that the exchange does not know",
    ),
    LIFECYCLE,
)
TOO_OFTEN = warning(
    "XT-LIF-02",
    (
        "人员 {person} 的“{process}”次数已达上限（改变管辖后合并计算）",
        "for person {person}, '{process}' has been used as often as the law allows, over all jurisdictions",
    ),
    (
        "请核对次数；证据仍不足的，应当依法作出不起诉等决定",
        "check the count; if the evidence is still short, the law asks for a decision such as non-prosecution",
    ),
    procedure_law("175"),
)
RULES = (OTHER_STATE, TOO_OFTEN)

_RULE = {Sense.OTHER_STATE: OTHER_STATE, Sense.TOO_OFTEN: TOO_OFTEN}


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on persons whose state is known, by their collaboration person id."""
    process = submission.process
    region = submission.edition.lifecycle.procedure
    for index, person in enumerate(submission.manifest.persons):
        position = submission.positions.get(person.collaboration_person_id)
        if process is None or position is None:
            continue
        sense = sense_of(region, position, process.code)
        if sense in _RULE:
            state = region.states[position.state].name
            yield _RULE[sense].at(f"persons[{index}]", person=person.id, state=state, process=process.name)
