"""A second, independent server for ``POST /v1/rerank``, with its faults and its freedoms.

``server`` is a conforming server, ``faults`` are single defects that a client can see, and
``freedoms`` are ways to differ that the published page allows.
"""
