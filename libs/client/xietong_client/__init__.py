"""The SDK and command line through which agency systems and operators use their node.

`Node` is the entrance, `send_folder` the shortest way to send; messages are those of the contract.
"""

from __future__ import annotations

import xietong_client.quiet_grpc  # noqa: F401 - for its effect, before all that imports gRPC

# isort: split
from xietong_client.case_folder import CaseFolder, FolderContribution
from xietong_client.credentials import Credentials
from xietong_client.directory import Directory
from xietong_client.draft import DraftSession
from xietong_client.errors import (
    Conflict,
    ContentInvalid,
    ContentMismatch,
    CredentialsInvalid,
    FileChanged,
    LocalStorageFailed,
    NodeDefect,
    NotAllowed,
    NotFound,
    Refused,
    SettingsInvalid,
    Unreachable,
    Violation,
    XietongClientError,
)
from xietong_client.fetch import Fetched
from xietong_client.flows import Flows
from xietong_client.incidents import Incidents
from xietong_client.node import Node
from xietong_client.operations import Operations
from xietong_client.packages import (
    FINAL_STATES,
    READABLE_STATES,
    envelope_of,
    is_final,
    statements_of,
    trace_id_of,
)
from xietong_client.problems import Problems
from xietong_client.progress import Phase, Progress, ProgressListener
from xietong_client.send import SendOptions, contribute_folder, prepare_folder, send_folder
from xietong_client.standard_changes import StandardChanges, open_standard_changes
from xietong_client.text import Language, Text
from xietong_client.waterfall import Bar, Waterfall, waterfall_of
from xietong_client.yaml_source import CaseFolderInvalid, Problem

__all__ = [
    "FINAL_STATES",
    "READABLE_STATES",
    "Bar",
    "CaseFolder",
    "CaseFolderInvalid",
    "Conflict",
    "ContentInvalid",
    "ContentMismatch",
    "Credentials",
    "CredentialsInvalid",
    "Directory",
    "DraftSession",
    "Fetched",
    "FileChanged",
    "Flows",
    "FolderContribution",
    "Incidents",
    "Language",
    "LocalStorageFailed",
    "Node",
    "NodeDefect",
    "NotAllowed",
    "NotFound",
    "Operations",
    "Phase",
    "Problem",
    "Problems",
    "Progress",
    "ProgressListener",
    "Refused",
    "SendOptions",
    "SettingsInvalid",
    "StandardChanges",
    "Text",
    "Unreachable",
    "Violation",
    "Waterfall",
    "XietongClientError",
    "contribute_folder",
    "envelope_of",
    "is_final",
    "open_standard_changes",
    "prepare_folder",
    "send_folder",
    "statements_of",
    "trace_id_of",
    "waterfall_of",
]
