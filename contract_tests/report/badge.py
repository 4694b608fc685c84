"""The verdict as a badge: a picture, and the data for one by shields.io."""

import json

from ..judging.outcomes import Verdict
from .model import Report

LABEL = "rerank contract"
#: Verdict -> the colour of the picture, on which white is readable, and the one at shields.io.
COLOURS = {
    Verdict.CONFORMS: ("#1a7340", "brightgreen"),
    Verdict.VIOLATES: ("#b3261e", "red"),
    Verdict.INCONCLUSIVE: ("#5c6268", "lightgrey"),
    Verdict.BROKEN: ("#94185c", "orange"),
}
#: Width of an average letter and of the space beside a text, in pixels.
LETTER, SPACE = 6.5, 6

_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" \
aria-label="{label}: {message}">
<title>{label}: {message}</title>
<clipPath id="corners"><rect width="{width}" height="20" rx="3"/></clipPath>
<g clip-path="url(#corners)">
<rect width="{middle}" height="20" fill="#3d4247"/>
<rect x="{middle}" width="{right}" height="20" fill="{colour}"/>
</g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">
<text x="{space}" y="14" textLength="{label_width}">{label}</text>
<text x="{message_start}" y="14" textLength="{message_width}">{message}</text>
</g>
</svg>
"""


def write_svg(report: Report) -> str:
    """The badge as a picture."""
    message = report.verdict.value
    label_width, message_width = round(len(LABEL) * LETTER), round(len(message) * LETTER)
    middle, right = label_width + 2 * SPACE, message_width + 2 * SPACE
    return _SVG.format(
        label=LABEL,
        message=message,
        colour=COLOURS[report.verdict][0],
        width=middle + right,
        middle=middle,
        right=right,
        space=SPACE,
        label_width=label_width,
        message_start=middle + SPACE,
        message_width=message_width,
    )


def write_json(report: Report) -> str:
    """What an endpoint badge of shields.io asks for."""
    badge = {
        "schemaVersion": 1,
        "label": LABEL,
        "message": report.verdict.value,
        "color": COLOURS[report.verdict][1],
        # A page that shows it cannot give it another colour.
        "isError": report.verdict is not Verdict.CONFORMS,
    }
    return json.dumps(badge) + "\n"
