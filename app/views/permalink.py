"""What the page says of its address: whether it leads back to what is seen."""

from __future__ import annotations

from app.views import html

LINKED = "The address of this page leads back here: copy it to share this example, tab, probe and failure."
OWN = "A photo of your own is not in the address of this page, which cannot lead back to it: share the report instead."


def note(query: str) -> str:
    """One sentence, and for `permalink.js` the scene's part of the address; empty for a photo of one's own."""
    words = LINKED if query else OWN
    return f'<p class="mt-subdued mt-fine" data-query="{html.text(query)}">{words}</p>'


def waiting() -> str:
    """While a network runs: says nothing, and leaves the address as it is."""
    return ""


def none() -> str:
    """Without a result."""
    return '<p data-query="" hidden></p>'
