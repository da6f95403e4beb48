"""Numbers of national form: of residents, organisations, prisoners, lawyers, court cases and documents.

Full-width digits and letters are read as their plain forms: they are right input, only typed differently.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

# GB 11643-1999: weights of the first 17 digits, and the check character by the weighted sum modulo 11.
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECK = "10X98765432"
_RESIDENT_FORM = re.compile(r"[1-9][0-9]{16}[0-9X]")

# GB 32100-2015: no I, O, S, V, Z; weights are 3**position modulo 31, the check value 31 minus the sum
# modulo 31.
_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_MODULUS = 31
_CREDIT_FORM = re.compile(f"[{_CREDIT_ALPHABET}]{{2}}[0-9]{{6}}[{_CREDIT_ALPHABET}]{{10}}")

# Rules of the Supreme People's Court on case numbers, in force since 2016; earlier numbers had forms of
# their own.
_CASE_NUMBER_RULES_SINCE_YEAR = 2016
_CASE_NUMBER = re.compile(r"\(((?:19|20)[0-9]{2})\)(.+)号(?:之[一二三四五六七八九十]+)?")
_CASE_NUMBER_BODY = re.compile(r"[\u4e00-\u9fff]{1,4}?[0-9]{0,4}[\u4e00-\u9fff]{1,6}[1-9][0-9]*")

# GB/T 9704-2012: the year stands in hexagonal brackets, the number follows without padding, then 号. Documents in use
# have other brackets, too, a department in brackets before the year, and the name of the kind after it.
_DOCUMENT_NUMBER = re.compile(
    r".*[〔(\[【]((?:19|20)[0-9]{2})[〕)\]】].*[0-9]+号(?:之[一二三四五六七八九十]+)?"
)
_HEXAGONAL_YEAR = re.compile(r"〔(?:19|20)[0-9]{2}〕")

# GA 300.3-2001: detention house (9 digits), day of admission, and a sequence number of 4 digits.
_CUSTODY_NUMBER = re.compile(r"[0-9]{9}([0-9]{8})[0-9]{4}")
# Licences of lawyers have 17 digits, older ones 12.
_LAWYER_NUMBER = re.compile(r"[0-9]{12}|[0-9]{17}")


def plain(text: str) -> str:
    """The text with full-width forms made plain, spaces at the ends removed and letters in upper case."""
    return unicodedata.normalize("NFKC", text).strip().upper()


def is_resident_number_form(number: str) -> bool:
    """Whether it has 17 digits and a check character (GB 11643)."""
    return _RESIDENT_FORM.fullmatch(plain(number)) is not None


def has_resident_checksum(number: str) -> bool:
    """Whether the check character of a resident identity number is right (GB 11643)."""
    digits = plain(number)
    total = sum(int(digit) * weight for digit, weight in zip(digits[:17], _RESIDENT_WEIGHTS, strict=True))
    return _RESIDENT_CHECK[total % 11] == digits[17]


def resident_birth_date(number: str) -> date | None:
    """The date of birth that a resident identity number holds; None when it is no date."""
    digits = plain(number)
    try:
        return date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return None


def is_credit_code_form(code: str) -> bool:
    """Whether it has the 18 characters of a uniform social credit code (GB 32100)."""
    return _CREDIT_FORM.fullmatch(plain(code)) is not None


def has_credit_checksum(code: str) -> bool:
    """Whether the check character of a uniform social credit code is right (GB 32100)."""
    values = [_CREDIT_ALPHABET.index(character) for character in plain(code)]
    total = sum(value * pow(3, position, _CREDIT_MODULUS) for position, value in enumerate(values[:17]))
    return (_CREDIT_MODULUS - total % _CREDIT_MODULUS) % _CREDIT_MODULUS == values[17]


def is_court_case_number(number: str) -> bool:
    """Whether it has the form of a court case number, for example `(2026)粤01刑初123号`."""
    match = _CASE_NUMBER.fullmatch(unicodedata.normalize("NFKC", number).strip())
    if match is None:
        return False
    return int(match[1]) < _CASE_NUMBER_RULES_SINCE_YEAR or _CASE_NUMBER_BODY.fullmatch(match[2]) is not None


def is_criminal_case_number(number: str) -> bool:
    """Whether the kind of case that a court case number names is a criminal one (刑)."""
    return "刑" in number


def year_of(number: str) -> int | None:
    """The year that a court case number or document number holds in brackets."""
    match = _DOCUMENT_NUMBER.fullmatch(unicodedata.normalize("NFKC", number).strip())
    return int(match[1]) if match else None


def is_document_number(number: str) -> bool:
    """Whether it has the form of a document number: a year in brackets, a number, and 号."""
    return year_of(number) is not None


def has_hexagonal_year(number: str) -> bool:
    """Whether the year of a document number stands in hexagonal brackets (GB/T 9704)."""
    return _HEXAGONAL_YEAR.search(unicodedata.normalize("NFKC", number)) is not None


def is_custody_number(number: str) -> bool:
    """Whether it has the form of a number of a person in custody, with a day of admission (GA 300.3)."""
    match = _CUSTODY_NUMBER.fullmatch(plain(number))
    if match is None:
        return False
    try:
        date(int(match[1][:4]), int(match[1][4:6]), int(match[1][6:]))
    except ValueError:
        return False
    return True


def is_lawyer_number(number: str) -> bool:
    """Whether it has as many digits as a lawyer's licence."""
    return _LAWYER_NUMBER.fullmatch(plain(number)) is not None


def is_male_number(number: str) -> bool:
    """Whether a resident identity number is that of a man: its 17th digit is odd (GB 11643)."""
    return int(plain(number)[16]) % 2 == 1
