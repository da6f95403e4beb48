"""What people read instead of the words of an edition: parties, roles, volumes, recordings, effects."""

from __future__ import annotations

from types import MappingProxyType

from xietong_standard.catalogue import ClockVerb, Content
from xietong_standard.model import AudioVideoMode, Party, ReceiverMode
from xietong_standard.text import Text
from xietong_standard.verdict import Severity

PARTIES = MappingProxyType(
    {
        Party.POLICE: Text("公安机关", "police"),
        Party.PROCURATORATE: Text("人民检察院", "procuratorate"),
        Party.COURT: Text("人民法院", "court"),
        Party.JUSTICE: Text("司法局（法律援助机构）", "justice bureau (legal aid)"),
        Party.HUB: Text("中心平台", "hub"),
        Party.PRISON: Text("监狱", "prison"),
        Party.COMMUNITY_CORRECTION: Text("社区矫正机构", "community correction"),
    }
)
RECEIVER_MODES = MappingProxyType(
    {ReceiverMode.ALL_OF: Text("全部送达", "all of"), ReceiverMode.ONE_OF: Text("择一送达", "one of")}
)
VOLUMES = MappingProxyType(
    {
        "DOCUMENTS": Text("诉讼文书卷", "volume of litigation documents"),
        "EVIDENCE": Text("证据卷", "volume of evidence"),
        "SUPPLEMENTARY": Text("补充侦查卷", "volume of the supplementary investigation"),
        "PROCURATORATE": Text("检察卷", "volume of the procuratorate"),
        "COURT": Text("审判卷", "volume of the court"),
    }
)
MEDIA = MappingProxyType(
    {
        "INTERROGATION": Text("讯问", "interrogation"),
        "QUESTIONING": Text("询问", "questioning"),
        "SCENE": Text("现场", "scene"),
        "HEARING": Text("庭审", "hearing"),
        "BODY_CAMERA": Text("执法记录仪", "body camera"),
        "SURVEILLANCE": Text("监控", "surveillance camera"),
        "PLEA": Text("认罪认罚具结", "signing of the plea"),
        "OTHER": Text("其他", "other"),
    }
)
AUDIO_VIDEO = MappingProxyType(
    {
        AudioVideoMode.NONE: Text("不附", "none"),
        AudioVideoMode.OPTIONAL: Text("可附", "may be added"),
        AudioVideoMode.IF_RECORDED: Text("有录音录像的附送", "where there is a recording"),
        AudioVideoMode.USUAL: Text("通常附送", "usual"),
        AudioVideoMode.REQUIRED: Text("必须附送", "required"),
    }
)
ROLES = MappingProxyType(
    {
        "SUSPECT": Text("犯罪嫌疑人", "suspect"),
        "DEFENDANT": Text("被告人", "defendant"),
        "CONVICT": Text("罪犯", "convict"),
        "VICTIM": Text("被害人", "victim"),
        "WITNESS": Text("证人", "witness"),
        "GUARDIAN": Text("法定代理人", "guardian"),
        "DEFENDER": Text("辩护人", "defender"),
        "AGENT": Text("诉讼代理人", "agent"),
        "CIVIL_PLAINTIFF": Text("附带民事诉讼原告人", "civil plaintiff"),
        "EXPERT": Text("鉴定人", "expert"),
        "INTERPRETER": Text("翻译人员", "interpreter"),
        "ORGANISATION": Text("单位", "organisation"),
        "DUTY_LAWYER": Text("值班律师", "duty lawyer"),
    }
)
CONTENTS = MappingProxyType(
    {
        Content.DATA: Text("案件数据", "case data"),
        Content.DOCUMENTS: Text("文书", "documents"),
        Content.VOLUMES: Text("卷宗", "volumes"),
        Content.MEDIA: Text("音视频", "audio and video"),
    }
)
CLOCK_VERBS = MappingProxyType(
    {
        ClockVerb.STARTS: Text("起算", "starts"),
        ClockVerb.STOPS: Text("终止", "stops"),
        ClockVerb.RESTARTS: Text("重新计算", "restarts"),
        ClockVerb.SUSPENDS: Text("中止", "suspends"),
        ClockVerb.RESUMES: Text("恢复", "resumes"),
        ClockVerb.EXTENDS: Text("延长", "extends"),
    }
)
PROVENANCE = MappingProxyType(
    {
        "src": Text("已读原文", "read in the text"),
        "ok": Text("有把握，未读原文", "known with confidence, not read"),
        "unsure": Text("待确认", "to be confirmed"),
        "practice": Text("实践做法", "practice"),
        "brief": Text("建设任务书", "brief of the project"),
        "design": Text("本标准的设计", "design of this standard"),
    }
)
# The middle part of a rule's code says what the rule is about.
RULE_GROUPS = MappingProxyType(
    {
        "PRC": Text("流程和收发单位", "Process, sender and receiver"),
        "CTR": Text("接口约束", "Constraints of the contract"),
        "TXT": Text("文字", "Characters of texts"),
        "FLD": Text("必填字段", "Required fields"),
        "DOC": Text("文书", "Documents"),
        "VOL": Text("卷宗", "Volumes"),
        "PAG": Text("页次和页数", "Pages"),
        "AVD": Text("音视频", "Audio and video"),
        "COD": Text("代码表", "Code tables"),
        "PRT": Text("文件", "Files"),
        "REF": Text("人员引用", "References to persons"),
        "IDN": Text("证件号码", "Numbers of persons and organisations"),
        "PER": Text("人员身份", "Identity"),
        "JUV": Text("年龄和未成年人", "Ages and minors"),
        "ROL": Text("人员在案件中的身份", "Roles"),
        "AID": Text("辩护和翻译", "Defence and interpreting"),
        "CAS": Text("案件", "Case"),
        "CHG": Text("罪名", "Charges"),
        "NUM": Text("案号和文号", "Numbers of cases and documents"),
        "DAT": Text("日期", "Dates"),
        "MEA": Text("强制措施", "Compulsory measures"),
        "DEC": Text("决定", "Decisions"),
        "SEN": Text("判处结果", "Sentences"),
        "PRO": Text("涉案财物", "Property"),
        "LIF": Text("流转状态", "Lifecycle"),
    }
)
SEVERITIES = MappingProxyType(
    {Severity.ERROR: Text("错误", "error"), Severity.WARNING: Text("提示", "warning")}
)
