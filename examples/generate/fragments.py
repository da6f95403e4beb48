"""Builds the fragments of the manifest, in protobuf's JSON mapping, for the contributions of a package."""

from __future__ import annotations

from datetime import datetime, timedelta

from generate.sources import Entry, case, document, load
from generate.typesetting import Typeset, typeset_document, typeset_volume

PDF = "application/pdf"


def fragment(contribution: Entry) -> Entry:
    """The fragment of one contribution, without empty lists. Sizes and digests come later, from the files."""
    documents = contribution.get("documents", [])
    volumes = contribution.get("volumes", [])
    media = contribution.get("media", [])
    built: Entry = {
        "case": _case(contribution["case"]) if "case" in contribution else None,
        "persons": [_person(key, roles) for key, roles in contribution.get("persons", {}).items()],
        "charges": _charges(contribution),
        "measures": _measures(contribution),
        "properties": _properties(contribution.get("properties", "")),
        "decisions": [_decision(entry) for entry in contribution.get("decisions", [])],
        "sentences": _sentences(contribution.get("sentences", "")),
        "documents": [_document(key, contribution.get("persons", {})) for key in documents],
        "volumes": [_volume(number, key) for number, key in enumerate(volumes, 1)],
        "media": [_media(key) for key in media],
        "parts": [
            *(
                _paper(document(key)["file"], "PART_KIND_DOCUMENT", typeset_document(key))
                for key in documents
            ),
            *(
                _paper(load("dossier")["volumes"][key]["file"], "PART_KIND_DOSSIER", typeset_volume(key))
                for key in volumes
            ),
            *(_recording_part(load("recordings")[key]) for key in media),
        ],
    }
    return {name: value for name, value in built.items() if value}


def case_number(key: str) -> Entry:
    """A case number with the organ that gave it."""
    number = case()["numbers"][key]
    return {**number, "organ": case()["organs"][number["organ"]]}


def _case(choice: Entry) -> Entry:
    facts = case()
    built = {
        "name": facts["name"],
        "numbers": [case_number(key) for key in choice["numbers"]],
        "cause": facts["offence"],
        "filing_date": facts["filing_date"],
        "offence_date": facts["offence_date"],
        "offence_end_date": facts["offence_end_date"],
        "offence_region": facts["region"],
        "offence_place": facts["offence_place"],
        "summary": facts["summary"],
        "handling_organ": facts["organs"][choice["organ"]],
        "handler_name": facts["officials"][facts["handlers"][choice["organ"]]["official"]],
        "handler_phone": facts["office_phone"],
    }
    if "traits" in choice:
        built["traits"] = facts["traits"]
    if "procedure" in choice:
        built["procedure"] = facts["procedure"]
    return built


def _person(key: str, roles: list[str]) -> Entry:
    person = case()["persons"][key]
    return {"id": key, "roles": [f"PERSON_ROLE_{role}" for role in roles], **person}


def _accused(contribution: Entry) -> list[str]:
    """The suspects, defendants or convicts among the persons of a contribution."""
    sentenced = case()["sentences"]
    return [key for key in contribution.get("persons", {}) if key in sentenced]


def _charges(contribution: Entry) -> list[Entry]:
    facts = case()
    return [
        {
            "person_id": key,
            "stage": f"CHARGE_STAGE_{stage}",
            "offence": facts["offence"],
            "article": facts["article"],
            "role_in_offence": facts["sentences"][key]["role"],
            "form": facts["form"],
            "amount": f"{facts['amounts']['goods_cny']} CNY",
        }
        for stage in contribution.get("charges", [])
        for key in _accused(contribution)
    ]


def _measures(contribution: Entry) -> list[Entry]:
    return [
        _measure(case()["measures"][name], key)
        for key in _accused(contribution)
        for name in contribution.get("measures", [])
    ]


def _measure(entry: Entry, person: str) -> Entry:
    organs = case()["organs"]
    rest = {name: value for name, value in entry.items() if name != "document"}
    for place in ("decided_by", "executed_by", "place"):
        rest[place] = organs[rest[place]]
    number = document(f"{entry['document']}-{person}")["number"]
    return {"person_id": person, **rest, "document_number": number}


def _properties(choice: str) -> list[Entry]:
    """All items of property, or `incomplete`: without the one that the first transfer forgets."""
    if not choice:
        return []
    facts = case()
    keeper = facts["organs"]["police"]
    seized = {"status": "PROPERTY_STATUS_SEIZED", "keeper": keeper}
    listed = [
        item | ({"currency": "CNY"} if "value" in item else {}) | seized for item in facts["properties"]
    ]
    if choice == "incomplete":
        return [item for item in listed if item["id"] != facts["forgotten_property"]]
    return listed


def _decision(choice: Entry) -> Entry:
    paper = document(choice["document"])
    built: Entry = {
        "kind": {"name": choice["name"]},
        "person_id": choice.get("person"),
        "document_number": paper["number"],
        "decision_date": paper["date"],
        "decided_by": paper["organ"],
        "reason": {"name": choice["reason"]} if "reason" in choice else None,
        "legal_basis": choice.get("legal_basis"),
        "reply_due_date": choice.get("reply_due_date"),
        "appointed_person_id": choice.get("appointed_person"),
        "official_name": case()["officials"][choice["official"]] if "official" in choice else None,
    }
    return {name: value for name, value in built.items() if value}


def _sentences(choice: str) -> list[Entry]:
    """The sentences as `pronounced`, or as `effective`: with the day of effect and the deducted days."""
    if not choice:
        return []
    effective = choice == "effective"
    return [_sentence(key, entry, effective=effective) for key, entry in case()["sentences"].items()]


def _sentence(person: str, entry: Entry, *, effective: bool) -> Entry:
    facts = case()
    later = {"effective_date": facts["dates"]["effective"], "deducted_days": entry["deducted_days"]}
    return {
        "person_id": person,
        "judgment_number": facts["numbers"]["court"]["number"],
        "pronounced_date": facts["dates"]["judgment"],
        "principal_penalty": facts["principal_penalty"],
        "principal_term": entry["principal_term"],
        "term_start_date": entry["term_start_date"],
        "term_end_date": entry["term_end_date"],
        "supplementary_penalties": [entry["fine_text"]],
        "property_order": facts["property_order"],
        **(later if effective else {}),
    }


def _document(key: str, persons: Entry) -> Entry:
    """A document. Of those whom it concerns it names the ones that the package speaks of."""
    entry = document(key)
    typeset = typeset_document(key)
    return {
        "kind": {"name": entry["kind"]},
        "title": entry["kind"],
        "number": entry["number"],
        "issued_by": entry["organ"],
        "issue_date": entry["date"],
        "signed_by": entry["signed_by"],
        "person_ids": [person for person in entry.get("persons", []) if person in persons],
        "part": entry["file"],
        "page_count": typeset.page_count,
        "seal_count": typeset.seal_count,
    }


def _volume(number: int, key: str) -> Entry:
    entry = load("dossier")["volumes"][key]
    typeset = typeset_volume(key)
    ends = [mark["page"] - 1 for mark in typeset.items[1:]] + [typeset.page_count]
    return {
        "number": number,
        "title": entry["title"],
        "kind": entry["kind"],
        "items": [
            _volume_item(position, mark, end)
            for position, (mark, end) in enumerate(zip(typeset.items, ends, strict=True), 1)
        ],
        "page_count": typeset.page_count,
        "parts": [entry["file"]],
    }


def _volume_item(number: int, mark: Entry, last_page: int) -> Entry:
    item = {
        "number": number,
        "title": mark["title"],
        "responsible": mark["responsible"],
        "item_date": mark["date"],
        "kind": {"name": mark["kind"]},
        "first_page": mark["page"],
        "last_page": last_page,
    }
    return item | ({"document_number": mark["document"]} if mark["document"] else {})


def _media(key: str) -> Entry:
    entry = load("recordings")[key]
    end = datetime.fromisoformat(entry["start_time"]) + timedelta(milliseconds=entry["duration_ms"])
    return {
        "kind": entry["kind"],
        "title": entry["title"],
        "person_ids": entry["persons"],
        "place": entry["place"],
        "start_time": entry["start_time"],
        "end_time": end.isoformat(),
        "duration_ms": entry["duration_ms"],
        "device": entry["device"],
        "format": entry["format"],
        "part": entry["file"],
    }


def _recording_part(entry: Entry) -> Entry:
    return _part(entry["file"], entry["part_kind"], entry["media_type"])


def _paper(name: str, kind: str, typeset: Typeset) -> Entry:
    return _part(name, kind, PDF) | {"page_count": typeset.page_count}


def _part(name: str, kind: str, media_type: str) -> Entry:
    return {"name": name, "kind": kind, "media_type": media_type}
