"""Lets the example case travel through five services and five business systems, each a process of its own.

`python -m xietong_demo` is `make demo`, `python -m xietong_demo up` is `make up`.
"""
