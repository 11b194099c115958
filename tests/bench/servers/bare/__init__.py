"""The bare routes beside which ours are measured: Starlette, asyncpg, orjson, and plain Python written by hand.

They send the statements that ours send, in the same order, and answer with the same data; `test_bare.py` holds
both. They know no layers, no types of ours, no GraphQL, and only the way that succeeds: what would be refused is
a 409. What they share with ours, and why, is in docs/decisions/bench-baseline.md; changing them needs a page there.
"""
