"""Entries of bibliographies as the Citation Style Language has them. Imports pybtex and PyYAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import yaml
from pybtex.database import Entry, Person, parse_string
from pybtex.exceptions import PybtexError
from pybtex.richtext import Text

MAX_ENTRIES = 2000
MAX_DEPTH = 20

_Csl = dict[str, Any]

_BIBTEX_TYPES = {
    "article": "article-journal", "book": "book", "booklet": "pamphlet", "inbook": "chapter",
    "incollection": "chapter", "inproceedings": "paper-conference", "conference": "paper-conference",
    "proceedings": "book", "manual": "report", "techreport": "report", "report": "report",
    "phdthesis": "thesis", "mastersthesis": "thesis", "thesis": "thesis", "unpublished": "manuscript",
    "online": "webpage", "electronic": "webpage", "www": "webpage", "misc": "document",
    "software": "software", "dataset": "dataset", "patent": "patent",
}  # fmt: skip
_BIBTEX_FIELDS = {
    "title": "title", "journal": "container-title", "journaltitle": "container-title",
    "booktitle": "container-title", "volume": "volume", "number": "issue", "pages": "page",
    "doi": "DOI", "url": "URL", "isbn": "ISBN", "issn": "ISSN", "publisher": "publisher",
    "school": "publisher", "institution": "publisher", "organization": "publisher",
    "address": "publisher-place", "location": "publisher-place", "edition": "edition",
    "series": "collection-title", "chapter": "chapter-number", "note": "note", "abstract": "abstract",
    "keywords": "keyword", "howpublished": "medium", "language": "language",
}  # fmt: skip
_HAYAGRIVA_TYPES = {
    "article": "article-journal", "chapter": "chapter", "anthos": "chapter", "anthology": "book",
    "book": "book", "conference": "paper-conference", "proceedings": "book", "thesis": "thesis",
    "report": "report", "web": "webpage", "blog": "webpage", "post": "post",
    "newspaper": "article-newspaper", "entry": "entry", "reference": "book", "repository": "software",
    "patent": "patent", "manuscript": "manuscript", "video": "motion_picture", "audio": "song",
    "artwork": "graphic", "legislation": "legislation", "case": "legal_case", "misc": "document",
}  # fmt: skip
_HAYAGRIVA_FIELDS = {
    "title": "title", "volume": "volume", "issue": "issue", "page-range": "page", "edition": "edition",
    "publisher": "publisher", "organization": "publisher", "location": "publisher-place",
    "note": "note", "abstract": "abstract", "language": "language", "genre": "genre",
    "chapter": "chapter-number",
}  # fmt: skip
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PARTICLES = re.compile(r"^((?:von|van|der|den|de|da|di|la|le|du|dos|del|ten|ter)\s+)+", re.IGNORECASE)


class BibliographyError(Exception):
    """It cannot be read."""


def from_bibtex(text: str) -> dict[str, _Csl]:
    """Entries by their keys.

    Raises:
        BibliographyError: it is no BibTeX.
    """
    try:
        found = parse_string(text, "bibtex").entries
    except (PybtexError, RecursionError) as error:
        raise BibliographyError(str(error)) from error
    _count(found)
    return {key: _of_bibtex(key, entry) for key, entry in found.items()}


def from_yaml(text: str) -> dict[str, _Csl]:
    """Entries by their keys, from what Hayagriva reads or from fields of CSL.

    Raises:
        BibliographyError: it is no YAML, or has aliases, which can make it very large.
    """
    try:
        _check_shape(text)
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BibliographyError(str(error)) from error
    if isinstance(found, Mapping) and isinstance(found.get("references"), list):
        found = found["references"]
    if isinstance(found, list):
        found = {
            str(each.get("id", at + 1)): each for at, each in enumerate(found) if isinstance(each, Mapping)
        }
    if not isinstance(found, Mapping):
        raise BibliographyError("entries by their keys were expected")
    _count(found)
    for key, each in found.items():
        if not isinstance(each, Mapping):
            raise BibliographyError(f"the entry {key!r} has no fields")
    return {str(key): _of_yaml(str(key), each) for key, each in found.items()}


def _check_shape(text: str) -> None:
    """Refuses what would take long: aliases can make a short text endless, and so can depth."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise BibliographyError("aliases such as *name are not read")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise BibliographyError(f"it is nested more than {MAX_DEPTH} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _count(entries: Any) -> None:
    if len(entries) > MAX_ENTRIES:
        raise BibliographyError(f"it has {len(entries):,} entries; {MAX_ENTRIES:,} is the most")


def _of_bibtex(key: str, entry: Entry) -> _Csl:
    made: _Csl = {"id": key, "type": _BIBTEX_TYPES.get(entry.type.lower(), "document")}
    for name, value in entry.fields.items():
        target = _BIBTEX_FIELDS.get(name.lower())
        if target and target not in made:
            made[target] = _plain(value)
    if "page" in made:
        made["page"] = re.sub(r"\s*(?:--+|\u2013)\s*", "-", made["page"])
    if made["type"] in ("report", "patent") and "issue" in made:
        made["number"] = made.pop("issue")
    if made["type"] == "thesis":
        made["genre"] = "Master's thesis" if entry.type.lower() == "mastersthesis" else "PhD thesis"
    if issued := _bibtex_date(entry):
        made["issued"] = {"date-parts": [issued]}
    for role in ("author", "editor", "translator"):
        if persons := entry.persons.get(role):
            made[role] = [_person(each) for each in persons]
    return made


def _bibtex_date(entry: Entry) -> list[int]:
    if parts := _date_parts(entry.fields.get("date", "")):
        return parts
    parts = _date_parts(entry.fields.get("year", ""))[:1]
    month = entry.fields.get("month", "").strip().lower()
    if parts and month:
        number = (
            int(month)
            if month.isdecimal()
            else next((at for at, name in enumerate(_MONTHS, 1) if month.startswith(name)), 0)
        )
        parts += [number] if 1 <= number <= 12 else []
    return parts


def _plain(text: str) -> str:
    """Without the markup of TeX."""
    try:
        plain = str(Text.from_latex(text)).replace("\u00a0", " ").replace("~", " ")
        return " ".join(re.sub(r"\\([A-Za-z]+)", r"\1", plain).split())
    except (PybtexError, RecursionError, ValueError):
        return re.sub(r"[{}]", "", text)


def _person(person: Person) -> _Csl:
    last = _plain(" ".join(person.last_names))
    whole = " ".join(person.last_names)
    if whole.startswith("{") and not person.first_names:
        return {"literal": last}
    made = {"family": last, "given": _plain(" ".join([*person.first_names, *person.middle_names]))}
    if person.prelast_names:
        made["non-dropping-particle"] = _plain(" ".join(person.prelast_names))
    if person.lineage_names:
        made["suffix"] = _plain(" ".join(person.lineage_names))
    return {name: value for name, value in made.items() if value}


def _of_yaml(key: str, entry: Mapping[Any, Any]) -> _Csl:
    kind = str(entry.get("type", "misc")).lower()
    if kind not in _HAYAGRIVA_TYPES or "issued" in entry or "container-title" in entry:
        return _of_csl(key, kind, entry)
    made: _Csl = {"id": key, "type": _HAYAGRIVA_TYPES[kind]}
    _fill(made, entry)
    parents = entry.get("parent", [])
    for parent in parents if isinstance(parents, list) else [parents]:
        if isinstance(parent, Mapping):
            container: _Csl = {}
            _fill(container, parent)
            if "title" in container:
                made.setdefault("container-title", container.pop("title"))
            container.pop("author", None)
            for name, value in container.items():
                made.setdefault(name, value)
            if kind == "article" and str(parent.get("type", "")).lower() in ("proceedings", "conference"):
                made["type"] = "paper-conference"
    return made


def _fill(made: _Csl, entry: Mapping[Any, Any]) -> None:
    for name, target in _HAYAGRIVA_FIELDS.items():
        if (value := _field(entry.get(name))) and target not in made:
            made[target] = value
    for role in ("author", "editor", "translator"):
        if persons := _persons(entry.get(role)):
            made[role] = persons
    if parts := _date_parts(entry.get("date")):
        made["issued"] = {"date-parts": [parts]}
    if url := entry.get("url"):
        made["URL"] = str(url.get("value", "")) if isinstance(url, Mapping) else str(url)
        if isinstance(url, Mapping) and (parts := _date_parts(url.get("date"))):
            made["accessed"] = {"date-parts": [parts]}
    serial = entry.get("serial-number")
    numbers = serial if isinstance(serial, Mapping) else {}
    for name in ("doi", "isbn", "issn"):
        if value := _field(numbers.get(name, entry.get(name))):
            made[name.upper()] = value


def _of_csl(key: str, kind: str, entry: Mapping[Any, Any]) -> _Csl:
    made: _Csl = {"id": key, "type": kind}
    for name, value in entry.items():
        if name in ("author", "editor", "translator"):
            made[name] = _persons(value)
        elif name in ("issued", "accessed", "date"):
            if isinstance(value, Mapping) and value.get("date-parts"):
                value = "-".join(str(part) for part in value["date-parts"][0])
            if parts := _date_parts(value):
                made["accessed" if name == "accessed" else "issued"] = {"date-parts": [parts]}
        elif name not in ("id", "type") and (text := _field(value)):
            made[{"url": "URL", "doi": "DOI", "isbn": "ISBN"}.get(str(name), str(name))] = text
    return made


def _field(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("value", value.get("name"))
    return "" if value is None or isinstance(value, list) else str(value)


def _persons(value: Any) -> list[_Csl]:
    found = []
    for each in value if isinstance(value, list) else [value] if value else []:
        if isinstance(each, Mapping):
            family = each.get("family", each.get("name"))
            given = each.get("given", each.get("given-name"))
            person = {"family": family, "given": given, "literal": each.get("literal")}
            found.append({name: str(part) for name, part in person.items() if part})
            continue
        family, comma, given = str(each).partition(",")
        if not comma:
            # As BibTeX has it: the last word is the family name.
            given, _, family = str(each).strip().rpartition(" ")
        person = {"family": family.strip(), "given": given.strip()}
        if match := _PARTICLES.match(person["family"]):
            person["non-dropping-particle"] = match[0].strip()
            person["family"] = person["family"][match.end() :]
        found.append({name: part for name, part in person.items() if part})
    return found


def _date_parts(value: Any) -> list[int]:
    if isinstance(value, date):
        return [value.year, value.month, value.day]
    match = re.match(r"\s*(-?\d{1,4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", "" if value is None else str(value))
    return [int(part) for part in match.groups() if part] if match else []
