"""Errors of rights: who may call, send, receive, sign."""

from __future__ import annotations

from xietong.exchange.v1.error_reason_pb2 import ErrorReason
from xietong_exchange.domain.errors.base import XietongError


class SenderNotAllowed(XietongError):
    """The data standard does not let this party send this process."""

    reason = ErrorReason.ERROR_REASON_SENDER_NOT_ALLOWED
    code = "PERMISSION_DENIED"
    sentence_en = (
        "{party} may not send {process}; check the process code "
        "or send from the party that the data standard names"
    )
    sentence_zh = "数据标准不允许{party}发送 {process}；请核对流程代码或发送单位"


class ReceiverNotAllowed(XietongError):
    """The data standard does not let this process go to this receiver."""

    reason = ErrorReason.ERROR_REASON_RECEIVER_NOT_ALLOWED
    code = "FAILED_PRECONDITION"
    sentence_en = "{process} may not go to {party}; choose a receiver that the data standard names"
    sentence_zh = "数据标准不允许将 {process} 发送给{party}；请选择数据标准规定的接收单位"


class SenderMismatch(XietongError):
    """The envelope's sender is not the party of the signing certificate, or not the peer that sends it."""

    reason = ErrorReason.ERROR_REASON_SENDER_MISMATCH
    code = "PERMISSION_DENIED"
    sentence_en = (
        "the sender {party} does not match the certificate of {peer};"
        " send through the node of the sender's own party"
    )
    sentence_zh = "发送单位（{party}）与证书身份（{peer}）不一致；请通过本单位的交换节点发送"


class PeerNotAllowed(XietongError):
    """The certificate is valid, but its identity may not make this call."""

    reason = ErrorReason.ERROR_REASON_PEER_NOT_ALLOWED
    code = "PERMISSION_DENIED"
    sentence_en = "{peer} may not call {method}; use the certificate that this service expects"
    sentence_zh = "{peer} 无权调用 {method}；请使用该服务要求的证书"


class IdentityMissing(XietongError):
    """The certificate names no identity of the trust domain."""

    reason = ErrorReason.ERROR_REASON_IDENTITY_MISSING
    code = "UNAUTHENTICATED"
    sentence_en = (
        "the certificate names no identity of trust domain {trust_domain};"
        " have one issued with a spiffe:// URI"
    )
    sentence_zh = "证书中没有信任域 {trust_domain} 的身份；请申请带 spiffe:// 标识的证书"


class GrantMissing(XietongError):
    """The node's profile does not let this business system do this."""

    reason = ErrorReason.ERROR_REASON_GRANT_MISSING
    code = "PERMISSION_DENIED"
    sentence_en = (
        "system {system} has no grant '{grant}' at this node;"
        " ask the node's operators to add it to the profile"
    )
    sentence_zh = "系统 {system} 在本节点没有“{grant}”权限；请联系本节点运维在配置中授权"


class SignatureInvalid(XietongError):
    """A signature does not verify, or its certificate is not one of the trust domain."""

    reason = ErrorReason.ERROR_REASON_SIGNATURE_INVALID
    code = "PERMISSION_DENIED"
    sentence_en = (
        "the signature of {what} does not verify ({why}); sign with a "
        "certificate of the trust domain and do not change the bytes"
    )
    sentence_zh = "{what} 的签名验证失败（{why}）；请使用信任域内的证书签名且不要改动内容"


class ClassifiedRefused(XietongError):
    """Classified cases never enter the exchange."""

    reason = ErrorReason.ERROR_REASON_CLASSIFIED_REFUSED
    code = "FAILED_PRECONDITION"
    sentence_en = (
        "only unclassified cases may enter the exchange; classified ones go the prescribed other way"
    )
    sentence_zh = "仅非涉密案件可以进入协同平台；涉密案件请按保密规定另行移送"
