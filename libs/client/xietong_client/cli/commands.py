"""The commands by their words, each with what it does and its help: the table that the command line is built from."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from xietong_client.cli import (
    chain,
    clocks,
    contacts,
    dead_letters,
    deadlines,
    incidents,
    maintenance,
    operating,
    problems,
    receiving,
    rehearsing,
    sending,
    standard,
    standard_changes,
    tracing,
    tracking,
)
from xietong_client.cli.exit_codes import ExitCode
from xietong_client.text import Text

CommandFunction = Callable[..., Coroutine[Any, Any, ExitCode | None]]


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its words, what it does, and its help."""

    words: tuple[str, ...]
    function: CommandFunction
    help: Text
    calls_node: bool = True


COMMANDS = (
    Command(("send",), sending.send, Text("发送一个案件文件夹。", "Send a case folder.")),
    Command(
        ("preflight",),
        sending.preflight,
        Text(
            "预检案件文件夹：列出全部问题，不发送。",
            "Check a case folder: every finding at once; nothing is sent.",
        ),
    ),
    Command(
        ("watch",), tracking.watch, Text("实时跟踪一个数据包。", "Follow a package until its state is final.")
    ),
    Command(
        ("status",),
        tracking.status,
        Text("查看数据包的状态、下一步和回执。", "Show a package: state, what comes next, evidence."),
    ),
    Command(
        ("trace",),
        tracing.trace,
        Text("画出数据包各阶段的耗时。", "Draw how long each stage of a package took, at every node."),
    ),
    Command(
        ("clocks",),
        clocks.clocks,
        Text(
            "查看案件的办案期限和诉讼阶段（中心平台）。",
            "Show the statutory clocks of a case (operators, hub).",
        ),
    ),
    Command(
        ("deadlines",),
        deadlines.deadlines,
        Text(
            "列出即将届满和已到届满时间的办案期限（中心平台）。",
            "List the statutory clocks of all cases that are near their end or past it (operators of the hub).",
        ),
    ),
    Command(("inbox",), tracking.inbox, Text("查看待处理的来件。", "List incoming packages that wait.")),
    Command(
        ("parties",), tracking.parties, Text("列出可达的政法单位。", "List the parties that can be reached.")
    ),
    Command(
        ("fetch",),
        receiving.fetch,
        Text("取件：下载并逐一核对摘要。", "Fetch a package and check every digest."),
    ),
    Command(("accept",), receiving.accept, Text("受理。", "Accept a package under an own case number.")),
    Command(("return",), receiving.return_package, Text("退回补正。", "Return a package for correction.")),
    Command(("reject",), receiving.reject, Text("拒收。", "Reject a package.")),
    Command(
        ("withdraw",), sending.withdraw, Text("撤回已发送的数据包。", "Withdraw a package that was sent.")
    ),
    Command(
        ("doctor",),
        operating.doctor,
        Text(
            "检查证书、网络、节点和时钟，并给出处置办法。",
            "Check certificate, network, node and clock, with remedies.",
        ),
    ),
    Command(
        ("operations", "test"),
        chain.try_chain,
        Text(
            "向某单位发送全链路测试包，逐段查看耗时。",
            "Send a test package through the whole chain to a party; show each hop with its times.",
        ),
    ),
    Command(
        ("operations", "withdraw"),
        chain.withdraw,
        Text("代本单位撤回已发送的数据包。", "Withdraw a package that your party sent."),
    ),
    Command(
        ("operations", "diagnostics"),
        operating.diagnostics,
        Text(
            "导出诊断包，供厂商支持人员使用（不含密钥和个人信息）。",
            "Write a diagnostics bundle for a vendor's support, without secrets and personal values.",
        ),
    ),
    Command(
        ("dead", "list"),
        dead_letters.list_dead,
        Text("列出死信：已停止投递的数据包和回执。", "List what was given up: packages and evidence."),
    ),
    Command(
        ("dead", "inspect"),
        dead_letters.inspect,
        Text(
            "查看一次投递：原因、次数、经过、数据包和回执。",
            "Show a delivery: reason, tries, what was done about it, package and evidence.",
        ),
    ),
    Command(
        ("dead", "replay"),
        dead_letters.replay,
        Text(
            "重新投递：指定编号，或按原因、去向全部。",
            "Put back into the queue: some, or all by reason or way.",
        ),
    ),
    Command(
        ("incidents", "list"),
        incidents.list_incidents,
        Text("列出告警：停滞、超时的传输。", "List incidents: what stands still or is late."),
    ),
    Command(
        ("incidents", "show"),
        incidents.show,
        Text(
            "查看一条告警：位置、原因、联系谁、怎么处理。",
            "Show an incident: where, why, whom to call, what to do.",
        ),
    ),
    Command(
        ("incidents", "ack"),
        incidents.acknowledge,
        Text("确认告警。", "Say that somebody has taken notice."),
    ),
    Command(
        ("incidents", "assign"),
        incidents.assign,
        Text("指派或移交告警。", "Say who works on an incident, or hand it over."),
    ),
    Command(
        ("incidents", "silence"),
        incidents.silence,
        Text("维护期间静默告警。", "Keep an incident silent, for example during maintenance."),
    ),
    Command(
        ("contacts", "list"),
        contacts.list_contacts,
        Text("列出通讯录。", "List the directory."),
    ),
    Command(
        ("contacts", "whom"),
        contacts.whom,
        Text("查找某系统出问题时联系谁。", "Tell whom to call about a system."),
    ),
    Command(
        ("contacts", "put"),
        contacts.put,
        Text("新增或修改联系人。", "Add a contact, or change it."),
    ),
    Command(
        ("contacts", "remove"),
        contacts.remove,
        Text("停用联系人。", "Remove a contact."),
    ),
    Command(
        ("maintenance", "list"),
        maintenance.list_maintenance,
        Text("列出维护公告。", "List announcements of maintenance."),
    ),
    Command(
        ("maintenance", "announce"),
        maintenance.announce,
        Text(
            "发布维护公告；期间该节点的告警静默。",
            "Announce maintenance of a node, whose incidents are silenced meanwhile.",
        ),
    ),
    Command(
        ("maintenance", "cancel"),
        maintenance.cancel,
        Text("取消维护公告。", "Take an announcement back."),
    ),
    Command(
        ("problems", "list"),
        problems.list_problems,
        Text("列出上报的问题。", "List what people reported of packages."),
    ),
    Command(
        ("problems", "show"),
        problems.show,
        Text("查看一个问题的全部经过。", "Show a problem and all that was said about it."),
    ),
    Command(
        ("problems", "report"),
        problems.report_problem,
        Text("上报数据包的问题。", "Report a problem with a package."),
    ),
    Command(
        ("problems", "say"),
        problems.say,
        Text("添加说明。", "Say something about a problem."),
    ),
    Command(
        ("problems", "pass"),
        problems.pass_on,
        Text("转给对方运维。", "Pass a problem to the other side's operators."),
    ),
    Command(
        ("problems", "close"),
        problems.close,
        Text("关闭问题。", "Close a problem."),
    ),
    Command(
        ("standard", "list"),
        standard.standard_list,
        Text("列出数据标准的流程。", "List the processes of the data standard."),
    ),
    Command(
        ("standard", "show"),
        standard.standard_show,
        Text("查看一个流程所需的全部内容。", "Show all that a process needs."),
    ),
    Command(
        ("standard", "template"),
        standard.standard_template,
        Text("生成待填写的案件文件夹。", "Write a case folder to fill in."),
    ),
    Command(
        ("standard", "stats"),
        standard.standard_stats,
        Text(
            "统计数据标准的内容和待确认事项。",
            "Count what the data standard holds, and list what is to be confirmed.",
        ),
    ),
    Command(
        ("standard", "rehearse"),
        rehearsing.rehearse,
        Text(
            "演练：新版数据标准下，近期哪些发送将失败（运维人员）。",
            "Rehearse an edition: which recent sends would fail under it (operators).",
        ),
    ),
    Command(
        ("standard", "request"),
        standard_changes.request,
        Text("提出数据标准变更需求。", "Ask for a change of the data standard."),
    ),
    Command(
        ("standard", "requests"),
        standard_changes.requests,
        Text("列出数据标准变更。", "List changes of the data standard."),
    ),
    Command(
        ("standard", "change"),
        standard_changes.show,
        Text("查看一项变更的全部经过。", "Show a change and all that was done about it."),
    ),
    Command(
        ("standard", "close"),
        standard_changes.close,
        Text("办结仅本单位的变更。", "Close a local change that your own vendor has made."),
    ),
    Command(
        ("standard", "decide"),
        standard_changes.decide,
        Text("登记专班的决定（中心平台）。", "Record what the task force decided (hub)."),
    ),
    Command(
        ("standard", "publish"),
        standard_changes.publish,
        Text("发布数据标准通知和生效日期（中心平台）。", "Publish the notice with the effective date (hub)."),
    ),
    Command(
        ("standard", "readiness"),
        standard_changes.readiness,
        Text("上报本单位系统的就绪情况。", "Report how ready a system of your party is."),
    ),
    Command(
        ("standard", "in-force"),
        standard_changes.in_force,
        Text("使变更生效（中心平台）。", "Put a change into force (hub)."),
    ),
    Command(
        ("standard", "retire"),
        standard_changes.retire,
        Text("停用被替换的旧版（中心平台）。", "Retire the edition that a change replaced (hub)."),
    ),
    Command(
        ("pki", "init"),
        operating.pki_init,
        Text("生成或补全开发用证书。", "Make or complete the certificates for development."),
        calls_node=False,
    ),
)
GROUPS = {
    "contacts": Text("通讯录（运维人员）。", "Whom to call, for operators."),
    "dead": Text("死信（运维人员）。", "Dead letters, for operators."),
    "incidents": Text("告警（运维人员）。", "Incidents, for operators."),
    "maintenance": Text("维护公告（运维人员）。", "Announcements of maintenance, for operators."),
    "operations": Text("节点运行（运维人员）。", "The node, for operators."),
    "pki": Text("开发用证书。", "Certificates for development."),
    "problems": Text("数据包问题（运维人员）。", "Problems with packages, for operators."),
    "standard": Text("数据标准，以及对它的变更。", "The data standard, and changes of it."),
}
