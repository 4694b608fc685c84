"""The judge: property-based contract tests for anything that answers POST /v1/rerank.

A test draws a request (strategies), the :class:`~.judge.Judge` sends it to the target and keeps
within the budget (targets, spending), checks and relations yield violations, the ledger keeps
them, and the report tells what became of each requirement (outcomes, report).

    test -> strategies -> judge -> target -> checks, relations -> ledger -> report
"""
