"""The Python host of a submission: one process that runs its hooks and forks its function tasks.

docs/protocol.md has what it speaks. It has one thread: it forks.
"""
