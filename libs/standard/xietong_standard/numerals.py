"""Numbers of articles in Chinese numerals, as laws are cited."""

from __future__ import annotations

from functools import lru_cache

_DIGITS = "零一二三四五六七八九"
# The Criminal Law has 452 articles.
_MOST_ARTICLES_IN_MEMORY = 1024


@lru_cache(maxsize=_MOST_ARTICLES_IN_MEMORY)
def article_text(code: str) -> str:
    """An article as it is cited: `264` is 第二百六十四条, `133-1` is 第一百三十三条之一. For articles below 1000."""
    number, _, inserted = code.partition("-")
    text = f"第{_chinese(int(number))}条"
    return f"{text}之{_chinese(int(inserted))}" if inserted else text


def _chinese(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    text = f"{_DIGITS[hundreds]}百" if hundreds else ""
    if tens:
        text += "十" if tens == 1 and not hundreds else f"{_DIGITS[tens]}十"
    elif hundreds and ones:
        text += "零"
    return text + (_DIGITS[ones] if ones else "")
