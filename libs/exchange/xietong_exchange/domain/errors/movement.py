"""Errors of movement: frames, streams, storage, neighbours."""

from __future__ import annotations

from xietong.exchange.v1.error_reason_pb2 import ErrorReason
from xietong_exchange.domain.errors.base import XietongError


class DigestMismatch(XietongError):
    """The bytes do not have the digest that was announced."""

    reason = ErrorReason.ERROR_REASON_DIGEST_MISMATCH
    code = "ABORTED"
    sentence_en = (
        "the content does not have the announced digest {digest}; it was dropped, send it again from 0"
    )
    sentence_zh = "内容与声明的摘要 {digest} 不一致，已丢弃；请从头重新发送"
    retryable = True


class ChunkOutOfOrder(XietongError):
    """The chunk does not begin where the part ends so far."""

    reason = ErrorReason.ERROR_REASON_CHUNK_OUT_OF_ORDER
    code = "OUT_OF_RANGE"
    sentence_en = (
        "chunk of part {part} begins at {offset}, expected {expected}; continue at the expected offset"
    )
    sentence_zh = "第 {part} 号附件的分块从 {offset} 开始，应为 {expected}；请从正确位置继续"
    retryable = True


class ChunkBeyondSize(XietongError):
    """The chunk reaches beyond the announced size."""

    reason = ErrorReason.ERROR_REASON_CHUNK_BEYOND_SIZE
    code = "OUT_OF_RANGE"
    sentence_en = (
        "chunk of part {part} reaches {end}, the announced size is {size}; send exactly the announced bytes"
    )
    sentence_zh = "第 {part} 号附件的分块到达 {end}，超出声明大小 {size}；请按声明的大小发送"
    retryable = True


class UnknownPart(XietongError):
    """The chunk belongs to a part that the envelope does not list."""

    reason = ErrorReason.ERROR_REASON_UNKNOWN_PART
    code = "INVALID_ARGUMENT"
    sentence_en = "the envelope lists no part {part}; send only parts that it lists"
    sentence_zh = "信封中没有第 {part} 号附件；请只发送清单内的附件"


class FrameTooLarge(XietongError):
    """The chunk holds more bytes than the receiver's `max_chunk_bytes`."""

    reason = ErrorReason.ERROR_REASON_FRAME_TOO_LARGE
    code = "INVALID_ARGUMENT"
    sentence_en = "a chunk of {size} bytes exceeds {limit}; send smaller chunks"
    sentence_zh = "分块 {size} 字节超过上限 {limit}；请减小分块"


class CommitTooEarly(XietongError):
    """Commit came before all bytes."""

    reason = ErrorReason.ERROR_REASON_COMMIT_TOO_EARLY
    code = "FAILED_PRECONDITION"
    sentence_en = "commit came while part {part} has {received} of {size} bytes; send the rest, then commit"
    sentence_zh = "第 {part} 号附件仅收到 {received}/{size} 字节时收到提交；请发完后再提交"
    retryable = True


class ProtocolViolation(XietongError):
    """Frames came in an order that the contract does not know."""

    reason = ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION
    code = "INVALID_ARGUMENT"
    sentence_en = "{why}; see the comments of the rpc for the order of frames"
    sentence_zh = "{why}；帧的顺序请参阅接口说明"


class StreamSuperseded(XietongError):
    """A newer stream has taken over this package."""

    reason = ErrorReason.ERROR_REASON_STREAM_SUPERSEDED
    code = "ABORTED"
    sentence_en = "a newer stream has taken over package {package_id}; nothing to do"
    sentence_zh = "数据包 {package_id} 已由新的连接接管；无需处理"
    retryable = True


class StorageFull(XietongError):
    """The node keeps its disk reserve, and what others were promised, and takes no new data for now."""

    reason = ErrorReason.ERROR_REASON_STORAGE_FULL
    code = "RESOURCE_EXHAUSTED"
    sentence_en = (
        "the node has {free} bytes free for this and takes no new data for now;"
        " it is tried again later, its operators must free space or raise the quota"
    )
    sentence_zh = "节点可用空间 {free} 字节，暂不接收新数据；系统稍后自动重试，请运维清理空间或调整配额"
    retryable = True
    retry_after_seconds = 60.0


class PartBusy(XietongError):
    """Somebody else is bringing the same content and was not done in time."""

    reason = ErrorReason.ERROR_REASON_PART_BUSY
    code = "UNAVAILABLE"
    sentence_en = (
        "{what} is being received from somebody else at this moment;"
        " try again, what has come by then is not sent again"
    )
    sentence_zh = "{what} 正由其他连接传入；请稍后重试，已到达的内容无需重发"
    retryable = True
    retry_after_seconds = 5.0


class TransferStalled(XietongError):
    """The sender owes bytes and has sent none for too long."""

    reason = ErrorReason.ERROR_REASON_TRANSFER_STALLED
    code = "UNAVAILABLE"
    sentence_en = (
        "nothing has come for {seconds} seconds, so the transfer was ended; begin it again, what has come is not"
        " sent again"
    )
    sentence_zh = "已有 {seconds} 秒未收到数据，本次传输已结束；请重新发起，已到达的内容无需重发"
    retryable = True
    retry_after_seconds = 1.0


class TooManyTransfers(XietongError):
    """As many transfers are under way as the node takes at once from this caller, or in this stream."""

    reason = ErrorReason.ERROR_REASON_TOO_MANY_TRANSFERS
    code = "RESOURCE_EXHAUSTED"
    sentence_en = (
        "{limit} transfers are under way from you or in this stream, which is the limit;"
        " begin this one again when one of them has ended"
    )
    sentence_zh = "来自贵方或该连接的 {limit} 个传输正在进行，达到上限；请待其中之一结束后再传"
    retryable = True
    retry_after_seconds = 1.0


class DatabaseUnavailable(XietongError):
    """The node's database does not answer."""

    reason = ErrorReason.ERROR_REASON_DATABASE_UNAVAILABLE
    code = "UNAVAILABLE"
    sentence_en = "the node's database does not answer; nothing was changed, try again"
    sentence_zh = "节点数据库暂不可用，未作任何更改；请稍后重试"
    retryable = True
    retry_after_seconds = 2.0


class NodeUnreachable(XietongError):
    """The next node does not answer."""

    reason = ErrorReason.ERROR_REASON_NODE_UNREACHABLE
    code = "UNAVAILABLE"
    sentence_en = (
        "the node of {party} does not answer; the package stays "
        "here and is tried again, resending does not help"
    )
    sentence_zh = "{party}的节点无应答；数据包已保存并自动重试，无需重新发送"
    retryable = True
    retry_after_seconds = 5.0


class RouteNotFound(XietongError):
    """The node has no route to the receiver."""

    reason = ErrorReason.ERROR_REASON_ROUTE_NOT_FOUND
    code = "FAILED_PRECONDITION"
    sentence_en = "there is no route to {party}; ask the operators to configure it"
    sentence_zh = "没有到{party}的路由；请联系运维配置"


class DeliveryGivenUp(XietongError):
    """No progress within the time that the retry policy gives."""

    reason = ErrorReason.ERROR_REASON_DELIVERY_GIVEN_UP
    code = "UNAVAILABLE"
    sentence_en = (
        "no progress for {hours} hours, the delivery was given up;"
        " an operator may replay it when the cause is mended"
    )
    sentence_zh = "{hours} 小时无进展，已停止投递；排除故障后可由运维重新投递"


class ShuttingDown(XietongError):
    """The node is stopping."""

    reason = ErrorReason.ERROR_REASON_SHUTTING_DOWN
    code = "UNAVAILABLE"
    sentence_en = "the node is stopping; try again, it goes on where it was"
    sentence_zh = "节点正在停止；请重试，将从中断处继续"
    retryable = True
    retry_after_seconds = 2.0


class InternalError(XietongError):
    """A defect of the node."""

    reason = ErrorReason.ERROR_REASON_INTERNAL
    code = "INTERNAL"
    sentence_en = "a defect of the node; give incident id {incident} to its operators"
    sentence_zh = "节点内部错误；请将事件编号 {incident} 提供给运维"
    retryable = True
