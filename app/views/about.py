"""What the page says about itself: what MT-CP is, where to read on, and the README as the page can show it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from app.views import html

PAPER = "https://arxiv.org/abs/2412.03179"
CODE = "https://github.com/Klodivio355/MT-CP"
README_ID = "readme"
_WHAT = (
    "MT-CP predicts several maps of a photo at once and lets the tasks attend to each other "
    '(<span class="mt-initial">initial</span>); <b>trace-back</b> then refines each map through the stages of its '
    'decoder (<span class="mt-refined">refined</span>).'
)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)\n?")
_LINK_TO_FILE = re.compile(r"\[([^\]]+)\]\((?!https?://)[^)]*\)")


def intro(readme: bool) -> str:
    """One line on MT-CP and trace-back, with links. readme: whether the page has it, to be linked to."""
    links = [f'<a href="{PAPER}" target="_blank" rel="noopener">Paper</a>']
    links += [f'<a href="#{README_ID}">README</a>'] if readme else []
    links += [f'<a href="{CODE}" target="_blank" rel="noopener">The authors\' code</a>']
    return f'<p class="mt-intro mt-subdued">{_WHAT} {" · ".join(links)}</p>'


def readable(markdown: str) -> str:
    """A README without what only a repository has: front matter, pictures, links to its other files."""
    return _LINK_TO_FILE.sub(r"\1", _IMAGE.sub("", _FRONT_MATTER.sub("", markdown)))


def captions(paths: Sequence[Path]) -> str:
    """A style sheet that writes under each example what room it shows: gradio's gallery has no place for words."""
    rules = (
        f'#examples .gallery-item:nth-child({k})::after{{content:"{html.text(path.stem.replace("-", " "))}"}}'
        for k, path in enumerate(paths, 1)
    )
    return f"<style>{''.join(rules)}</style>"
