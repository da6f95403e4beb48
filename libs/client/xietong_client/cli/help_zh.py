"""Help of arguments and options in Chinese, by the English text; a test holds that none is missing.

Lines break at spaces only, and what is wider than its column is cut off: hence a space inside long texts. A test
holds that, too.
"""

from __future__ import annotations

from types import MappingProxyType

HELP_ZH = MappingProxyType(
    {
        "Address of the node.": "节点地址。",
        "Folder with the certificates of your party.": "本单位的证书文件夹。",
        "Your business system, or `operator`.": "系统名称，运维人员用 `operator`。",
        "Who is responsible.": "经办人。",
        "Print the result as JSON.": "以 JSON 输出结果。",
        "Language of the texts.": "文字的语言。",
        "Show the version and end.": "显示版本后退出。",
        "Show this help and end.": "显示帮助后退出。",
        "Log retries to standard error.": "在标准错误中记录重试。",
        "Folder with package.yaml and the files.": "含 package.yaml 和文件的文件夹。",
        "The process that the folder must be of, for example PB-01.": "文件夹应属的流程，例如 PB-01。",
        "Receiver instead of that of the folder; may be repeated.": "代替文件夹中的接收单位；可多次给出。",
        "Id of the package that this one answers.": "所答复数据包的编号。",
        "Id of the returned package that this one corrects.": "所补正的、被退回数据包的编号。",
        "Contribute only what the folder gives to your system; others bring the rest.": (
            "只提交本系统的内容，其余由其他系统提交。"
        ),
        "Follow the package after sending.": "发送后跟踪数据包。",
        "Why, in words.": "理由。",
        "Id of the package.": "数据包编号。",
        "A case number, or an id of the case or of a package of it.": "案号，或案件、案件中数据包的编号。",
        "Also clocks that were not observed.": "包括未监测到的期限。",
        "Id of the package; for operators also of the send or trace, or a case number.": (
            "数据包编号；运维人员还可用发送编号、跟踪号或案号。"
        ),
        "Only what this party has to do.": "只含该单位负责的。",
        "What ends within so many days; 0 is today.": "多少天内届满的；0 为今天。",
        "Leave out what ended longer ago than so many days.": "不列届满已超过多少天的。",
        "Show so many at most.": "最多列出多少项。",
        "Go on and show every change.": "持续显示变化。",
        "Also what is addressed to other systems.": "包括发给其他系统的来件。",
        "Where the files go.": "存放文件的位置。",
        "Only files of this kind, for example dossier; may be repeated.": (
            "只取这类文件，例如 dossier（卷宗）；可多次给出。"
        ),
        "Your case number for it.": "本单位的案号（接收方案号）。",
        "Why; PATH may be empty or #PART; may be repeated.": "理由；PATH 可为空或 #附件号；可多次给出。",
        "Only what goes to this neighbour.": "只含发往该相邻节点的。",
        "Only what was given up for this reason.": "只含因该原因停止投递的。",
        "Number of the delivery.": "投递编号。",
        "Numbers of deliveries.": "投递编号。",
        "All dead letters.": "全部死信。",
        "Id of the incident.": "告警编号。",
        "What there is to say.": "说明。",
        "File to write; it must not be there yet.": "要写入的文件，不得已存在。",
        "When it begins, such as 2027-01-01T22:00+08:00; without a zone that of this machine.": (
            "开始时间，如 2027-01-01T22:00+08:00 （不写时区则按本机时区）。"
        ),
        "When it ends, in the same form.": "结束时间，格式相同。",
        "What is done and what it means for others, in Chinese.": "维护内容和影响（中文）。",
        "The same in English.": "维护内容和影响（英文）。",
        "Whose node it is; by default that of the node that is called.": "所属单位；默认为所连接节点的单位。",
        "Id of the announcement.": "公告编号。",
        "Whose node is to answer.": "由哪个单位的节点应答。",
        "How long to wait for the answer.": "等待应答的秒数。",
        "Whose system it is.": "系统所属单位。",
        "operations or lead.": "operations（运维）或 lead（负责人）。",
        "The vendor or unit that answers.": "负责的厂商或单位。",
        "The system; `exchange` is the node, none is any system.": (
            "系统名称；`exchange` 指交换节点，不填为任一系统。"
        ),
        "The lead first, as when nobody took notice in time.": "负责人优先，与告警升级时相同。",
        "How to reach it: a duty telephone or address by role.": "联系方式：值班电话或岗位地址。",
        "When it is on duty, in words.": "值班时间。",
        "Id of the report.": "问题编号。",
        "What there is to say; nothing personal.": "说明，不写个人信息。",
        "One of: garbled-text, seal-not-shown, cannot-accept, cannot-parse, other.": (
            "其一：garbled-text（乱码）、 seal-not-shown（签章不显示）、 cannot-accept（无法受理）、 "
            "cannot-parse（解析失败）、 other（其他）。"
        ),
        "Number of the part; 0 is the whole package.": "附件序号；0 指整个数据包。",
        "The same id again is the same report.": "同一编号视为同一次上报。",
        "Closed ones too.": "包括已恢复的。",
        "Only those of this package.": "只含涉及该数据包的。",
        "Who works on it: a role, not a name.": "处理人：岗位，不写姓名。",
        "For how long; 0 ends the silence.": "静默分钟数；0 为解除静默。",
        "Edition of the data standard, by default the newest.": "数据标准的版本，默认最新版。",
        "Code of a process, for example PB-01.": "流程代码，例如 PB-01。",
        "Folder to write, empty or not there yet.": "要写入的文件夹，应为空或尚不存在。",
        "Who sends, where several parties may.": "发送方；可由多个单位发送的流程需要。",
        "Folder of the certificates.": "证书文件夹。",
        "Trust domain of the certificates.": "证书的信任域。",
        "The edition to try, for example 2026.2.": "要演练的版本，例如 2026.2。",
        "The sends of so many days.": "最近多少天的发送。",
        "Id of the change.": "变更编号。",
        "A party concerned; may be repeated.": "所涉单位；可多次给出。",
        "What it is about, in one line.": "一句话说明变更内容。",
        "Why it is needed, and what exactly.": "为什么需要，具体改什么。",
        "The unit's contact point for business matters: a role, not a name.": "业务接口人：填岗位，不填姓名。",
        "A process that changes; may be repeated.": "涉及的流程；可多次给出。",
        "The same id again is the same request.": "同一编号视为同一次需求。",
        "For it, or against it.": "通过，或不通过。",
        "Number of the notice.": "通知文号。",
        "The edition that holds the change.": "包含本次变更的版本。",
        "First day in force, such as 2027-01-01.": "生效日期，例如 2027-01-01。",
        "The edition that it replaces.": "被替换的版本。",
        "What changes, in words.": "变更内容说明。",
        "One of: not-begun, developing, testing, ready.": (
            "其一：not-begun（未开始）、 developing（改造中）、 testing（测试中）、 ready（已就绪）。"
        ),
        "The system; `exchange` is the node.": "系统名称；`exchange` 指交换节点。",
        "The vendor who does it.": "承担改造的厂商。",
        "The day on which it is to be ready.": "计划就绪日期。",
        "A party that stays on the older edition; may be repeated.": "暂留旧版的单位；可多次给出。",
    }
)
