"""What the processes of one edition may name: its laws, kinds of documents, systems and code tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.person_pb2 import PersonRole
from xietong_standard.catalogue import BusinessSystem, CodeTable
from xietong_standard.model import Basis, Law
from xietong_standard.paths import FieldPath, PathError
from xietong_standard.source import Entry
from xietong_standard.text import Text

# How sure an item is: read in the law, known with confidence, to be confirmed, and where else it comes from.
PROVENANCE = ("src", "ok", "unsure", "practice", "brief", "design")

# Filters of paths whose values a code table lists: field and key, and the table.
_TABLE_OF_FILTER = MappingProxyType(
    {
        "decisions.kind.name": "decision-kind",
        "sentences.principal_penalty.name": "principal-penalty",
    }
)


def short_names(names: Iterable[str], prefix: str) -> frozenset[str]:
    """Names of a contract's enum as an edition writes them: without prefix, without 'unspecified'."""
    return frozenset(name.removeprefix(prefix) for name in names) - {"UNSPECIFIED"}


PERSON_ROLES = short_names(PersonRole.keys(), "PERSON_ROLE_")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that are known, each kind by its key."""

    laws: Mapping[str, Law]
    document_kinds: Mapping[str, Text]
    systems: Mapping[str, BusinessSystem]
    code_tables: Mapping[str, CodeTable]

    def document_kind(self, entry: Entry) -> Text:
        """A kind of documents by its Chinese name."""
        kind = self.document_kinds.get(entry.text())
        if kind is None:
            entry.fail(f"document kind '{entry.text()}' is not in documents.yaml")
        return kind

    def law(self, entry: Entry) -> Law:
        """A law by its key."""
        law = self.laws.get(entry.text())
        if law is None:
            entry.fail(f"law '{entry.text()}' is not in edition.yaml")
        return law

    def basis(self, entry: Entry) -> tuple[Basis, ...]:
        """Laws with their articles: `{CPL: ["91"]}`."""
        return tuple(Basis(self.law(key), value.texts()) for key, value in entry.pairs())

    def system(self, entry: Entry) -> BusinessSystem:
        """A business system by its id."""
        system = self.systems.get(entry.text())
        if system is None:
            entry.fail(f"system '{entry.text()}' is not in systems.yaml")
        return system

    def code_table(self, entry: Entry) -> CodeTable:
        """A code table by its id."""
        table = self.code_tables.get(entry.text())
        if table is None:
            entry.fail(f"code table '{entry.text()}' is not in edition.yaml")
        return table

    def path(self, entry: Entry, *, required: bool) -> FieldPath:
        """A path into the manifest, checked against the contract, the kinds of documents and the code tables.

        A value that can't be missing (true or false) can't be `required`.
        """
        try:
            path = FieldPath.parse(entry.text(), Manifest.DESCRIPTOR, required=required)
        except PathError as error:
            entry.fail(str(error))
        for segment in path.segments:
            for condition in segment.filters:
                self._check_names(entry, ".".join((segment.names[0], *condition.key)), condition.values)
        return path

    def _check_names(self, entry: Entry, key: str, values: Collection[str | int]) -> None:
        table = self.code_tables.get(_TABLE_OF_FILTER.get(key, ""))
        if key == "documents.kind.name":
            known, source = frozenset(self.document_kinds), "documents.yaml"
        elif table is not None:
            known, source = table.names(), f"code table {table.id}"
        else:
            return
        if unknown := sorted(str(value) for value in values if value not in known):
            entry.fail(f"'{unknown[0]}' is not in {source}")


def read_text(entry: Entry) -> Text:
    """Reads a text in both languages: `{zh: …, en: …}`."""
    fields = entry.fields(("zh", "en"))
    return Text(fields["zh"].text(), fields["en"].text())


def read_provenance(entry: Entry) -> tuple[str, ...]:
    """Reads how sure an item is."""
    return tuple(item.choice(PROVENANCE) for item in entry.items())


def items_of(entry: Entry | None) -> list[Entry]:
    """The entries of a list that may be left out."""
    return [] if entry is None else entry.items()
