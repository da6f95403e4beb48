"""The benchmark: what Xietong does with large and small packages, beside other tools, in paired rounds.

`make bench` runs it and writes `bench/results/latest.json` and `latest.md`; nothing here is a test.
"""
