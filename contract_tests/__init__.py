"""The judge: property-based contract tests for anything that answers POST /v1/rerank.

A test draws a request (`strategies`), the judge sends it to the target within the limits
(`judging`, `targets`), checks and relations yield violations (`checks`), the ledger keeps them, and
the report shows the outcome of each requirement (`report`).

    test -> strategies -> judge -> target -> checks, relations -> ledger -> report
"""
