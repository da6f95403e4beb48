"""Errors of what was said: fields, packages, drafts, parts and their states."""

from __future__ import annotations

from xietong.exchange.v1.error_reason_pb2 import ErrorReason
from xietong_exchange.domain.errors.base import XietongError


class InvalidField(XietongError):
    """A field of the request breaks a rule of the contract."""

    reason = ErrorReason.ERROR_REASON_INVALID_FIELD
    code = "INVALID_ARGUMENT"
    sentence_en = "{count} field(s) break the contract; correct the fields listed and call again"
    sentence_zh = "{count} 个字段不符合接口规范；请更正所列字段后重新调用"


class PreflightFailed(XietongError):
    """The package is not complete or not consistent."""

    reason = ErrorReason.ERROR_REASON_PREFLIGHT_FAILED
    code = "FAILED_PRECONDITION"
    sentence_en = (
        "the package has {count} error(s) and was not sent; correct "
        "the findings (Preflight lists all) and submit again"
    )
    sentence_zh = "数据包有 {count} 处错误，未发送；请按预检结果更正后重新提交"


class UnknownProcess(XietongError):
    """The process is not in the edition of the data standard."""

    reason = ErrorReason.ERROR_REASON_UNKNOWN_PROCESS
    code = "INVALID_ARGUMENT"
    sentence_en = "process {process} is not in edition {edition}; choose a code that it lists"
    sentence_zh = "数据标准 {edition} 中没有业务流程 {process}；请核对流程代码"


class EditionNotSupported(XietongError):
    """The node does not read this edition of the data standard."""

    reason = ErrorReason.ERROR_REASON_EDITION_NOT_SUPPORTED
    code = "FAILED_PRECONDITION"
    sentence_en = "edition {edition} is not read here; use one of {known}"
    sentence_zh = "不支持数据标准 {edition}；可用版本：{known}"


class PackageNotFound(XietongError):
    """No such package, or not one of the caller's."""

    reason = ErrorReason.ERROR_REASON_PACKAGE_NOT_FOUND
    code = "NOT_FOUND"
    sentence_en = "no package {package_id} here that you may see; check the id"
    sentence_zh = "未找到可查看的数据包 {package_id}；请核对编号"


class DraftNotFound(XietongError):
    """No open draft with this key."""

    reason = ErrorReason.ERROR_REASON_DRAFT_NOT_FOUND
    code = "NOT_FOUND"
    sentence_en = "no draft for {key}; open it first (OpenDraft)"
    sentence_zh = "没有 {key} 的草稿；请先新建草稿（OpenDraft）"


class IncidentNotFound(XietongError):
    """No such incident at this node."""

    reason = ErrorReason.ERROR_REASON_INCIDENT_NOT_FOUND
    code = "NOT_FOUND"
    sentence_en = "no incident {incident_id} at this node; ListIncidents shows those that there are"
    sentence_zh = "本节点没有告警 {incident_id}；请在告警列表（ListIncidents）中核对编号"


class ProblemNotFound(XietongError):
    """No such problem report at this node."""

    reason = ErrorReason.ERROR_REASON_PROBLEM_NOT_FOUND
    code = "NOT_FOUND"
    sentence_en = "no problem report {report_id} at this node; ListProblems shows those that there are"
    sentence_zh = "本节点没有问题单 {report_id}；请在问题单列表（ListProblems）中核对编号"


class ChangeNotFound(XietongError):
    """The hub knows no such change of the data standard."""

    reason = ErrorReason.ERROR_REASON_CHANGE_NOT_FOUND
    code = "NOT_FOUND"
    sentence_en = "no change {change_id} of the data standard; ListChanges shows those that there are"
    sentence_zh = "没有数据标准变更 {change_id}；请在变更列表（ListChanges）中核对编号"


class ChangeStepRefused(XietongError):
    """A step that the change of the data standard does not allow as it is, or not to this caller."""

    reason = ErrorReason.ERROR_REASON_CHANGE_STEP_REFUSED
    code = "FAILED_PRECONDITION"
    sentence_en = "change {change_id} is {state} and can't take this step; see what it needs first"
    sentence_zh = "变更 {change_id} 的当前状态不允许执行本步骤；请先满足所列条件"


class PartNotFound(XietongError):
    """The package has no such part."""

    reason = ErrorReason.ERROR_REASON_PART_NOT_FOUND
    code = "NOT_FOUND"
    sentence_en = "package {package_id} has no part {part}; the envelope lists its parts"
    sentence_zh = "数据包 {package_id} 没有第 {part} 号附件；请查看信封中的附件清单"


class ContentsRemoved(XietongError):
    """The retention of the package's contents has ended."""

    reason = ErrorReason.ERROR_REASON_CONTENTS_REMOVED
    code = "FAILED_PRECONDITION"
    sentence_en = (
        "the contents of package {package_id} were removed here at {time}, when their retention ended;"
        " its evidence is still here, ask for the contents where the case is kept"
    )
    sentence_zh = (
        "数据包 {package_id} 的内容保存期已满，已于 {time} 清除；回执仍可查询，内容请向保存该案卷的单位调取"
    )


class PackageConflict(XietongError):
    """A package with this id and another seal is known."""

    reason = ErrorReason.ERROR_REASON_PACKAGE_CONFLICT
    code = "ALREADY_EXISTS"
    sentence_en = "package id {package_id} is known with another seal; a new content needs a new package id"
    sentence_zh = "数据包编号 {package_id} 已存在且封签不同；新内容请使用新的编号"


class RequestConflict(XietongError):
    """The request id was used for something else."""

    reason = ErrorReason.ERROR_REASON_REQUEST_CONFLICT
    code = "ALREADY_EXISTS"
    sentence_en = "request id {request_id} was used for another send; choose a new one for a new send"
    sentence_zh = "请求编号 {request_id} 已用于另一次发送；新的发送请使用新的请求编号"


class PartNameConflict(XietongError):
    """Two contributions give files of the same name."""

    reason = ErrorReason.ERROR_REASON_PART_NAME_CONFLICT
    code = "ALREADY_EXISTS"
    sentence_en = "file name {name} is given by contribution {other} already; rename one of the files"
    sentence_zh = "文件名 {name} 已被 {other} 使用；请将其中一个文件改名"


class EnvelopeInvalid(XietongError):
    """The envelope cannot be read or breaks a rule of the contract."""

    reason = ErrorReason.ERROR_REASON_ENVELOPE_INVALID
    code = "INVALID_ARGUMENT"
    sentence_en = "the envelope is not valid: {why}; correct it at the sender's node"
    sentence_zh = "信封无效：{why}；请在发送节点更正"


class EvidenceInvalid(XietongError):
    """The evidence cannot be read, or its stating party may not state this."""

    reason = ErrorReason.ERROR_REASON_EVIDENCE_INVALID
    code = "INVALID_ARGUMENT"
    sentence_en = "the evidence is not valid: {why}; its stating node must mend it"
    sentence_zh = "回执无效：{why}；请由出具回执的节点更正"


class StateConflict(XietongError):
    """The package or draft is in a state that does not allow this."""

    reason = ErrorReason.ERROR_REASON_STATE_CONFLICT
    code = "FAILED_PRECONDITION"
    sentence_en = "{what} is {state}, which does not allow this; look at its state first"
    sentence_zh = "{what} 当前状态为 {state}，不允许此操作；请先查看状态"


class WithdrawalTooLate(XietongError):
    """The package has an outcome already and cannot be withdrawn."""

    reason = ErrorReason.ERROR_REASON_WITHDRAWAL_TOO_LATE
    code = "FAILED_PRECONDITION"
    sentence_en = "package {package_id} is {state} and cannot be withdrawn; agree with the receiver instead"
    sentence_zh = "数据包 {package_id} 已{state}，不能撤回；请与接收方协商"


class PartIncomplete(XietongError):
    """The content is not there in whole yet."""

    reason = ErrorReason.ERROR_REASON_PART_INCOMPLETE
    code = "FAILED_PRECONDITION"
    sentence_en = "{what} is not complete yet; upload or wait for the rest first"
    sentence_zh = "{what} 尚未完整；请先上传或等待接收完成"
    retryable = True


class PackageTooLarge(XietongError):
    """The package exceeds a limit of the node."""

    reason = ErrorReason.ERROR_REASON_PACKAGE_TOO_LARGE
    code = "FAILED_PRECONDITION"
    sentence_en = (
        "{what} is {value}, {excess} above the limit of {limit};"
        " split the package or ask the operators for a higher limit"
    )
    sentence_zh = "{what} 为 {value}，超出上限 {limit} 达 {excess}；请拆分数据包或联系运维调整上限"


class PageTokenInvalid(XietongError):
    """The page token is not one that this call gave."""

    reason = ErrorReason.ERROR_REASON_PAGE_TOKEN_INVALID
    code = "INVALID_ARGUMENT"
    sentence_en = "the page token was not given by this call; begin with an empty token"
    sentence_zh = "分页标记无效；请从第一页开始"
