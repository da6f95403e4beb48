"""Whether recordings say whom they record, how long they are, and which transcript belongs to them."""

from __future__ import annotations

from collections.abc import Iterator

from xietong.casefile.v1.media_pb2 import Media, MediaKind
from xietong_standard.checks.sources import CONTRACT, both, procedure_law, procurators_rules
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error, warning

LENGTH_DIFFERS = warning(
    "XT-AVD-04",
    (
        "音视频“{recording}”的时长 {stated} 秒与起止时间 {found} 秒不一致",
        "recording '{recording}' lasts {stated} s, but {found} s lie between its begin and end",
    ),
    (
        "请核对；录音录像应当全程、不间断，有中断的请说明原因",
        "compare them; a recording is to be whole, tell the reason of an interruption",
    ),
    procedure_law("123", provenance="ok"),
)
NO_LENGTH = warning(
    "XT-AVD-05",
    ("音视频“{recording}”没有填写时长", "the length of recording '{recording}' is not given"),
    ("请填写文件的时长（毫秒）", "give the length of the file in milliseconds"),
    CONTRACT,
)
NOBODY = warning(
    "XT-AVD-06",
    (
        "讯问、询问录音录像“{recording}”没有列明被讯问、询问人",
        "recording '{recording}' of an interrogation or questioning names nobody",
    ),
    ("请填写人员编号", "give the ids of those whom it records"),
    CONTRACT,
)
NO_TRANSCRIPT = warning(
    "XT-AVD-07",
    (
        "讯问录音录像“{recording}”没有列明对应的笔录，卷宗中也没有被讯问人的讯问笔录",
        "no transcript is named for the interrogation '{recording}', and the package has none of this person",
    ),
    (
        "请移送讯问笔录，或填写其文号，以便与录音录像核对",
        "add the transcript, or give its number, so that both can be compared",
    ),
    procurators_rules("75"),
)
SEGMENT = error(
    "XT-AVD-08",
    (
        "“{path}”的起止时间不在录音录像之内，或终点在起点之前",
        "'{path}' does not lie within the recording, or ends before it begins",
    ),
    ("请更正片段的起止时间", "correct the begin and end of the stretch"),
    CONTRACT,
)
NOT_ACCUSED = warning(
    "XT-AVD-09",
    (
        "讯问录音录像“{recording}”所列人员 {person} 不是犯罪嫌疑人、被告人",
        "recording '{recording}' is of an interrogation, but person {person} is not accused",
    ),
    (
        "请核对；对证人、被害人的应选询问",
        "compare it; for a witness or victim choose questioning",
    ),
    both(procedure_law("118", provenance="ok"), procedure_law("124", provenance="ok")),
)
RULES = (LENGTH_DIFFERS, NO_LENGTH, NOBODY, NO_TRANSCRIPT, SEGMENT, NOT_ACCUSED)

_INTERROGATION = MediaKind.MEDIA_KIND_INTERROGATION
_OF_PERSONS = frozenset({_INTERROGATION, MediaKind.MEDIA_KIND_QUESTIONING})
_MS_PER_SECOND = 1000
# Clocks of devices and the ends of files differ by some seconds.
_SECONDS_OF_TOLERANCE = 60


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on recordings, which are named by their place: titles often hold the names of persons."""
    for position, media in enumerate(submission.manifest.media):
        path = f"media[{position}]"
        yield from _length(path, media)
        for index, segment in enumerate(media.sensitive_segments):
            beyond = media.duration_ms and segment.end_ms > media.duration_ms
            if segment.end_ms < segment.start_ms or beyond:
                yield SEGMENT.at(f"{path}.sensitive_segments[{index}]")
        if media.kind in _OF_PERSONS and not media.person_ids:
            yield NOBODY.at(f"{path}.person_ids", recording=path)
        if media.kind == _INTERROGATION:
            yield from _interrogation(path, media, submission)


def _length(path: str, media: Media) -> Iterator[Finding]:
    if not media.duration_ms:
        yield NO_LENGTH.at(f"{path}.duration_ms", recording=path)
        return
    if not (media.HasField("start_time") and media.HasField("end_time")):
        return
    stated = media.duration_ms // _MS_PER_SECOND
    found = media.end_time.seconds - media.start_time.seconds
    if found >= 0 and abs(stated - found) > _SECONDS_OF_TOLERANCE:
        yield LENGTH_DIFFERS.at(f"{path}.duration_ms", recording=path, stated=stated, found=found)


def _interrogation(path: str, media: Media, submission: Submission) -> Iterator[Finding]:
    facts = submission.facts
    named = media.transcript_document_number or any(
        name in facts.transcripts
        for person_id in media.person_ids
        if (person := facts.persons.get(person_id)) is not None
        for name in (person.name, *person.other_names, person.number_for_unknown)
        if name
    )
    if not named:
        yield NO_TRANSCRIPT.at(f"{path}.transcript_document_number", recording=path)
    for index, person_id in enumerate(media.person_ids):
        if person_id in facts.persons and person_id not in facts.accused:
            yield NOT_ACCUSED.at(f"{path}.person_ids[{index}]", recording=path, person=person_id)
