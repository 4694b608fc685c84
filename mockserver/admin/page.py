"""The files of the mock's page, as a browser gets them.

They hold nothing that is secret, so everybody may have them; what they show comes from calls of
`/__admin`, under its rules.
"""

from collections.abc import Mapping
from pathlib import Path

from ..wire import Response

FOLDER = Path(__file__).parents[1] / "page"

#: The page itself, below `/__admin`. All other files are below it, too.
INDEX = "/"

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

#: The files by their paths below `/__admin`.
FILES: Mapping[str, Path] = {INDEX: FOLDER / "index.html"} | {
    f"/page/{path.name}": path
    for path in FOLDER.iterdir()
    if path.suffix in _MEDIA_TYPES and path.name != "index.html"
}

#: What the page shows comes from anybody's requests: only these files are scripts and styles, text
#: cannot become markup, nothing is fetched from elsewhere, and no other page can frame this one.
_POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect")),
        *(f"{kind} 'none'" for kind in ("base-uri", "form-action", "frame-ancestors")),
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)


def page(path: str) -> Response | None:
    """Return the file with this path below `/__admin`, or None; it is read each time."""
    if path == "":
        return Response(307, {"location": f"/__admin{INDEX}"}, b"")
    if path not in FILES:
        return None
    headers = {
        "content-type": _MEDIA_TYPES[FILES[path].suffix],
        "content-security-policy": _POLICY,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    return Response(200, headers, FILES[path].read_bytes())
