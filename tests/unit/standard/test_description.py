"""The words that people read of a process: every word of an edition has its label, in both languages."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from xietong_standard import Edition, Party
from xietong_standard import labels as words
from xietong_standard.catalogue import ClockVerb, Content
from xietong_standard.description import describe
from xietong_standard.model import AudioVideoMode, ReceiverMode
from xietong_standard.process_reader import MEDIA_KINDS, VOLUME_KINDS
from xietong_standard.skeleton import Leaf, skeleton
from xietong_standard.text import Text
from xietong_standard.vocabulary import PERSON_ROLES, PROVENANCE


@pytest.mark.parametrize(
    ("labels", "vocabulary"),
    [
        (words.PARTIES, Party),
        (words.RECEIVER_MODES, ReceiverMode),
        (words.VOLUMES, VOLUME_KINDS),
        (words.MEDIA, MEDIA_KINDS),
        (words.AUDIO_VIDEO, AudioVideoMode),
        (words.ROLES, PERSON_ROLES),
        (words.CONTENTS, Content),
        (words.CLOCK_VERBS, ClockVerb),
        (words.PROVENANCE, PROVENANCE),
    ],
)
def test_every_word_has_a_label(labels: Mapping[str, Text], vocabulary: Collection[str]) -> None:
    assert set(labels) == set(vocabulary)
    assert all(label.zh and label.en for label in labels.values())


def lines(edition: Edition, code: str) -> dict[str, list[str]]:
    return {
        section.heading.en: [line.en for line in section.lines]
        for section in describe(edition.process(code), edition)
    }


def test_all_that_a_process_needs_is_told(edition: Edition) -> None:
    told = lines(edition, "QS-08")
    assert told["Receivers (all of)"] == ["police", "police (system detention) (who is in custody)"]
    assert told["Answers"][0].startswith("QS-01 ")
    assert (
        "kind of non-prosecution, code table 'kinds of non-prosecution': `decisions[kind.name=不起诉].reason.name`"
        in told["Required fields"]
    )
    assert told["Given where there is any"] == ["release of the property: `properties.disposal`"]
    assert told["Clocks"][0].startswith("stops: D08 ")
    assert "Still lacking" not in told


def test_a_technical_process_is_told_as_what_it_is(edition: Edition) -> None:
    told = lines(edition, "TY-04")
    assert told["Carried by"] == ["field corrects_package_id of the envelope"]
    assert "Audio and video" not in told


def test_every_process_can_be_told(edition: Edition) -> None:
    for process in edition.processes.values():
        for section in describe(process, edition):
            assert all(line.zh and line.en for line in (section.heading, *section.lines))


def test_a_skeleton_is_for_the_ordinary_case(edition: Edition) -> None:
    persons = skeleton(edition.process("PB-01"))["persons"]
    assert isinstance(persons, list)
    assert len(persons) == 1
    person = persons[0]
    assert isinstance(person, dict)
    assert "number_for_unknown" not in person
    name = person["name"]
    assert isinstance(name, Leaf)
    assert name.value == ""
    assert name.note is not None
