"""Chinese labels of the contract's enumerations, as the case card shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from xietong.casefile.v1.case_pb2 import CaseNumberKind, CaseTrait
from xietong.casefile.v1.charge_pb2 import ChargeStage
from xietong.casefile.v1.dossier_pb2 import VolumeKind
from xietong.casefile.v1.manifest_pb2 import PartKind
from xietong.casefile.v1.measure_pb2 import MeasureKind
from xietong.casefile.v1.media_pb2 import MediaKind
from xietong.casefile.v1.person_pb2 import PersonRole
from xietong.casefile.v1.property_pb2 import PropertyStatus

CASE_NUMBERS: Mapping[int, str] = MappingProxyType(
    {
        CaseNumberKind.CASE_NUMBER_KIND_POLICE: "警综案件编号",
        CaseNumberKind.CASE_NUMBER_KIND_PROCURATORATE: "统一受案号",
        CaseNumberKind.CASE_NUMBER_KIND_COURT: "法院案号",
        CaseNumberKind.CASE_NUMBER_KIND_LEGAL_AID: "法律援助案号",
        CaseNumberKind.CASE_NUMBER_KIND_EXECUTION: "执行编号",
    }
)
TRAITS: Mapping[int, str] = MappingProxyType(
    {
        CaseTrait.CASE_TRAIT_JOINT: "共同犯罪",
        CaseTrait.CASE_TRAIT_JUVENILE: "涉未成年人",
        CaseTrait.CASE_TRAIT_FOREIGN: "涉外",
        CaseTrait.CASE_TRAIT_ORGANISED: "涉黑涉恶",
        CaseTrait.CASE_TRAIT_COMPLEX: "重大、复杂",
        CaseTrait.CASE_TRAIT_ROAMING_REPEATED_OR_GANG: "流窜、多次、结伙作案",
        CaseTrait.CASE_TRAIT_CIVIL_ACTION: "附带民事诉讼",
    }
)
ROLES: Mapping[int, str] = MappingProxyType(
    {
        PersonRole.PERSON_ROLE_SUSPECT: "犯罪嫌疑人",
        PersonRole.PERSON_ROLE_DEFENDANT: "被告人",
        PersonRole.PERSON_ROLE_CONVICT: "罪犯",
        PersonRole.PERSON_ROLE_VICTIM: "被害人",
        PersonRole.PERSON_ROLE_WITNESS: "证人",
        PersonRole.PERSON_ROLE_GUARDIAN: "法定代理人",
        PersonRole.PERSON_ROLE_DEFENDER: "辩护人",
        PersonRole.PERSON_ROLE_AGENT: "诉讼代理人",
        PersonRole.PERSON_ROLE_CIVIL_PLAINTIFF: "附带民事诉讼原告人",
        PersonRole.PERSON_ROLE_EXPERT: "鉴定人",
        PersonRole.PERSON_ROLE_INTERPRETER: "翻译人员",
        PersonRole.PERSON_ROLE_ORGANISATION: "单位",
        PersonRole.PERSON_ROLE_DUTY_LAWYER: "值班律师",
    }
)
SEXES: Mapping[str, str] = MappingProxyType({"0": "未知", "1": "男", "2": "女", "9": "未说明"})  # GB/T 2261.1
STAGES: Mapping[int, str] = MappingProxyType(
    {
        ChargeStage.CHARGE_STAGE_FILING: "立案",
        ChargeStage.CHARGE_STAGE_ARREST_REQUEST: "提请批准逮捕",
        ChargeStage.CHARGE_STAGE_ARREST_DECISION: "批准逮捕",
        ChargeStage.CHARGE_STAGE_TRANSFER: "移送审查起诉",
        ChargeStage.CHARGE_STAGE_INDICTMENT: "起诉",
        ChargeStage.CHARGE_STAGE_JUDGMENT: "判决",
    }
)
MEASURES: Mapping[int, str] = MappingProxyType(
    {
        MeasureKind.MEASURE_KIND_SUMMONS: "拘传",
        MeasureKind.MEASURE_KIND_BAIL: "取保候审",
        MeasureKind.MEASURE_KIND_RESIDENTIAL_SURVEILLANCE: "监视居住",
        MeasureKind.MEASURE_KIND_DESIGNATED_SURVEILLANCE: "指定居所监视居住",
        MeasureKind.MEASURE_KIND_DETENTION: "拘留",
        MeasureKind.MEASURE_KIND_ARREST: "逮捕",
        MeasureKind.MEASURE_KIND_RETENTION: "留置",
        MeasureKind.MEASURE_KIND_RELEASE: "释放",
    }
)
VOLUMES: Mapping[int, str] = MappingProxyType(
    {
        VolumeKind.VOLUME_KIND_DOCUMENTS: "诉讼文书卷",
        VolumeKind.VOLUME_KIND_EVIDENCE: "证据卷",
        VolumeKind.VOLUME_KIND_SUPPLEMENTARY: "补充侦查卷",
        VolumeKind.VOLUME_KIND_PROCURATORATE: "检察卷",
        VolumeKind.VOLUME_KIND_COURT: "审判卷",
    }
)
RECORDINGS: Mapping[int, str] = MappingProxyType(
    {
        MediaKind.MEDIA_KIND_INTERROGATION: "讯问",
        MediaKind.MEDIA_KIND_QUESTIONING: "询问",
        MediaKind.MEDIA_KIND_SCENE: "勘查、辨认、搜查、扣押",
        MediaKind.MEDIA_KIND_HEARING: "庭审",
        MediaKind.MEDIA_KIND_BODY_CAMERA: "执法记录仪",
        MediaKind.MEDIA_KIND_SURVEILLANCE: "监控",
        MediaKind.MEDIA_KIND_PLEA: "认罪认罚具结",
        MediaKind.MEDIA_KIND_OTHER: "其他",
    }
)
PROPERTY_STATES: Mapping[int, str] = MappingProxyType(
    {
        PropertyStatus.PROPERTY_STATUS_SEALED_UP: "查封",
        PropertyStatus.PROPERTY_STATUS_SEIZED: "扣押",
        PropertyStatus.PROPERTY_STATUS_FROZEN: "冻结",
        PropertyStatus.PROPERTY_STATUS_REGISTERED: "登记保存",
        PropertyStatus.PROPERTY_STATUS_RETURNED: "已发还",
        PropertyStatus.PROPERTY_STATUS_DISPOSED: "已处置",
    }
)
PARTS: Mapping[int, str] = MappingProxyType(
    {
        PartKind.PART_KIND_DOCUMENT: "文书",
        PartKind.PART_KIND_DOSSIER: "卷宗",
        PartKind.PART_KIND_AUDIO: "音频",
        PartKind.PART_KIND_VIDEO: "视频",
        PartKind.PART_KIND_IMAGE: "图片",
        PartKind.PART_KIND_OTHER: "其他",
    }
)


def label(labels: Mapping[int, str], value: int) -> str:
    """The label of a value; a value that this version does not know shows as its number, an unset one as nothing."""
    return labels.get(value, f"未知（{value}）" if value else "")


def label_all(labels: Mapping[int, str], values: Iterable[int]) -> str:
    """The labels of several values in one text."""
    return "、".join(label(labels, value) for value in values)
