"""Citations and reference lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec import field as member

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.builtin.support import needed
from llmspell_kernel.library.tool.contract import Tool, operation

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

MAX_SIZE = 1024 * 1024

STYLES = {
    "apa": ("apa", "American Psychological Association, 7th edition"),
    "mla": ("modern-language-association", "Modern Language Association, 9th edition"),
    "chicago": ("chicago-author-date", "Chicago Manual of Style, author and date"),
    "chicago-notes": ("chicago-notes-bibliography", "Chicago Manual of Style, notes and bibliography"),
    "harvard": ("harvard-cite-them-right", "Harvard, after Cite Them Right"),
    "ieee": ("ieee", "IEEE, numbers in brackets"),
    "vancouver": ("nlm-citation-sequence", "Vancouver, as the National Library of Medicine has it"),
    "ama": ("american-medical-association", "American Medical Association"),
    "acm": ("association-for-computing-machinery", "Association for Computing Machinery"),
    "nature": ("nature", "Nature"),
}
"""Short names of styles, with those of the Citation Style Language."""

_REQUIRED = {
    "article-journal": ("author", "title", "container-title", "issued"),
    "paper-conference": ("author", "title", "container-title", "issued"),
    "chapter": ("author", "title", "container-title", "issued", "publisher"),
    "book": ("title", "issued", "publisher"),
    "thesis": ("author", "title", "issued", "publisher"),
    "report": ("title", "issued", "publisher"),
    "webpage": ("title", "URL"),
}
_SAID = {"container-title": "journal or book it is in", "issued": "date", "URL": "url"}

_YAML = """lua:
  type: article
  title: Passing a Language through the Eye of a Needle
  author: ["Ierusalimschy, Roberto", "de Figueiredo, Luiz Henrique"]
  date: 2011-07
  parent: {type: periodical, title: Communications of the ACM, volume: 54, issue: 7}
  page-range: 38-43
"""


class CitationFormatter(Tool):
    """Writes citations and reference lists as APA, MLA, Chicago, Harvard, IEEE, Vancouver and others have it.

    Entries are given as BibTeX, or as YAML (as Hayagriva has it, or fields of CSL).
    """

    name, category, level = "citation-formatter", "utility", "safe"
    aliases = ("citation",)
    runs: ClassVar[dict[str, Literal["process"]]] = {
        "format_citation": "process",
        "validate_bibliography": "process",
    }
    example: ClassVar[dict[str, Any]] = {"operation": "format_citation", "input": _YAML, "style": "apa"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[
            Literal["format_citation", "validate_bibliography", "list_styles"],
            Meta(description="What to do."),
        ] = "format_citation"
        input: Annotated[str, Meta(description="The entries.", max_length=MAX_SIZE)] = ""
        format: Annotated[
            Literal["yaml", "bibtex"] | None,
            Meta(description="Of the input; bibtex if it begins with an @, else yaml."),
        ] = None
        style: Annotated[str, Meta(description="One of `list_styles`, or a name of a CSL style.")] = "apa"
        cite_keys: Annotated[
            list[str], Meta(description="The keys of the entries to cite, in this order; all if empty.")
        ] = member(default_factory=list)

    @operation("format_citation", needs=("input",))
    def format_citation(self, given: Parameters, tools: Surroundings) -> object:
        """Answers {citations: [{key, text}], reference_list, entry_count, style}."""
        entries = self._entries(given)
        keys = given.cite_keys or list(entries)
        if unknown := [key for key in keys if key not in entries]:
            raise ParameterError(
                self.name, [f"no entry has the key {unknown[0]!r}; there are: {', '.join(entries)[:500]}"]
            )
        with needed(self.name, "citeproc-py"):
            from llmspell_kernel.library.tool.builtin.utility.citing import UnknownStyleError, cite

        name = given.style.strip().lower()
        try:
            texts, references = cite(
                STYLES.get(name, (name, ""))[0], [entries[key] for key in dict.fromkeys(keys)]
            )
        except UnknownStyleError:
            import difflib

            near = difflib.get_close_matches(name, STYLES, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(STYLES)}, and those of CSL"
            raise ParameterError(self.name, [f"no style is called {given.style!r}; {hint}"]) from None
        return {
            "citations": [{"key": key, "text": texts[key]} for key in keys],
            "reference_list": references,
            "entry_count": len(entries),
            "style": given.style,
        }

    @operation("validate_bibliography", needs=("input",))
    def validate_bibliography(self, given: Parameters, tools: Surroundings) -> object:
        """Tells what entries lack: {valid, entry_count, keys, errors: [{key, field, message}]}."""
        try:
            entries = self._entries(given)
        except ParameterError as error:
            return {
                "valid": False,
                "entry_count": 0,
                "keys": [],
                "errors": [{"key": "", "field": "", "message": error.problems[0]}],
            }
        errors = []
        for key, entry in entries.items():
            for name in _REQUIRED.get(entry["type"], ("title",)):
                editor = name == "author" and entry.get("editor")
                if not entry.get(name) and not editor:
                    message = f"{entry['type']} {key!r} has no {_SAID.get(name, name)}"
                    errors.append({"key": key, "field": name, "message": message})
        return {"valid": not errors, "entry_count": len(entries), "keys": list(entries), "errors": errors}

    @operation("list_styles")
    def list_styles(self, given: Parameters, tools: Surroundings) -> object:
        """Lists the styles: {styles: [{name, csl, description}], count}."""
        styles = [{"name": name, "csl": csl, "description": said} for name, (csl, said) in STYLES.items()]
        return {"styles": styles, "count": len(styles)}

    def _entries(self, given: Parameters) -> dict[str, dict[str, Any]]:
        form = given.format or ("bibtex" if given.input.lstrip()[:1] in ("@", "%") else "yaml")
        with needed(self.name, "pybtex"):
            from llmspell_kernel.library.tool.builtin.utility import bibliographies
        try:
            read = bibliographies.from_bibtex if form == "bibtex" else bibliographies.from_yaml
            entries = read(given.input)
        except bibliographies.BibliographyError as error:
            raise ParameterError(self.name, [f"the input is no bibliography in {form}: {error}"]) from error
        if not entries:
            raise ParameterError(self.name, [f"the input has no entry in {form}"])
        return entries
