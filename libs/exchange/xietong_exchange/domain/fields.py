"""What protovalidate finds in a message, as violations of the error taxonomy, and what it leaves to the readers."""

from __future__ import annotations

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from xietong_exchange.domain.errors import Violation
from xietong_standard.constraints import broken_constraints

# What google.protobuf.Timestamp allows, the years 1 to 9999; protovalidate leaves that to the readers.
_SECONDS = range(-62_135_596_800, 253_402_300_800)
_NANOSECONDS = range(1_000_000_000)


def field_violations(message: Message) -> tuple[Violation, ...]:
    """Every field of the message that breaks a rule of the contract; empty when none does."""
    return tuple(
        Violation(path=broken.path, rule=broken.rule_id, text_en=broken.text.en, text_zh=broken.text.zh)
        for broken in broken_constraints(message)
    )


def is_time(moment: Timestamp) -> bool:
    """Whether a timestamp is one that every language can read."""
    return moment.seconds in _SECONDS and moment.nanos in _NANOSECONDS
