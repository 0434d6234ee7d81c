"""Doc comments: where they are in a source text, and how they are shown.

Everything here takes any text and never raises.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from itertools import groupby

from llmspell_kernel.lua.annotation_tags import FUNCTION_TYPE, DocComment, parse
from llmspell_kernel.lua.help_page import HelpPage, Parameter, code
from llmspell_kernel.lua.lexer import Token, TokenKind, significant, tokenize

__all__ = ["DocComment", "doc_comment", "markdown", "parse", "plain", "signature", "with_documented"]

_LINE_END = re.compile(r"\r\n?|\n\r?")
_LONG_COMMENT = re.compile(r"--\[(=*)\[-*(.*?)(?:\]\1\])?", re.DOTALL)
_DIVIDER = re.compile(r"-{4,}\s*")
_SIGNATURE = re.compile(r"([^()]*)\(([^()]*)\)$")
_CONTINUES = frozenset(("=", "("))
"""Code that ends so goes on in the next line, where the value begins."""


def doc_comment(source: str, line: int) -> DocComment | None:
    """The doc comment directly above the definition at `line` (from 1), or none.

    Of several line comments those with three dashes count; only where there is none, those with two do.
    A value that begins on a line of its own (after `name =`) has the comment of its statement.
    """
    lines = _comment_above(tokenize(source), line)
    return parse(lines) if any(text.strip() for text in lines) else None


def signature(source: str, line: int, name: str) -> str:
    """`name(a, b, ...)` for the function that begins at `line` (from 1); `name` alone if none does.

    Of several on that line the one called like the last part of `name` is taken. A method's name gets its
    colon, and a name with a colon loses the parameter `self`.
    """
    tokens = significant(source)
    starts = [i for i, token in enumerate(tokens) if token.line == line and token.text == "function"]
    if not starts:
        return name
    last = re.split(r"[.:]", name)[-1]
    start = next((i for i in starts if last in _names_around(tokens, i)), starts[0])
    opening = next((i for i in range(start, len(tokens)) if tokens[i].text == "("), len(tokens))
    parameters = _parameter_names(tokens[opening + 1 :])
    if any(token.text == ":" for token in tokens[start:opening]):
        head, dot, tail = name.rpartition(".")
        name = f"{head}:{tail}" if dot and ":" not in name else name
    elif ":" in name and parameters[:1] == ["self"]:
        del parameters[0]
    return f"{name}({', '.join(parameters)})"


def with_documented(doc: DocComment, signature: str) -> str:
    """The signature with the parameters that the comment names for `...`, unless it names `...` itself."""
    call = _SIGNATURE.match(signature)
    if call is None or not call[2].endswith("..."):
        return signature
    names = [part.strip() for part in call[2].split(",")]
    documented = [item.name.rstrip("?") for item in doc.parameters]
    more = [name for name in documented if name not in names]
    if not more or "..." in documented:
        return signature
    return f"{call[1]}({', '.join([*names[:-1], *more])})"


def markdown(doc: DocComment | None, signature: str, place: str = "") -> str:
    """Help as Markdown: the signature with the types the comment gives, its texts, and the place."""
    return _page(doc, signature, place).markdown()


def plain(doc: DocComment | None, signature: str, place: str = "") -> str:
    """The same help as text for a terminal."""
    return _page(doc, signature, place).plain()


def _comment_above(tokens: list[Token], line: int) -> list[str]:
    """The lines of the comment that ends right above `line`."""
    ending_at: dict[int, Token] = {}
    last_code: dict[int, Token] = {}
    for start, same_line in groupby(tokens, key=lambda token: token.line):
        group = list(same_line)
        alone = start not in last_code and len(group) == 1 and group[0].kind is TokenKind.COMMENT
        for token in group:
            if token.kind is not TokenKind.COMMENT:
                last_code[_last_line(token)] = token
        if alone and group[0].text.startswith("--"):
            ending_at[_last_line(group[0])] = group[0]
    while line - 1 not in ending_at and line - 1 in last_code:
        if last_code[line - 1].text not in _CONTINUES:
            return []
        line -= 1
    nearest = ending_at.get(line - 1)
    if nearest is None or line - 1 in last_code:
        return []
    if (long := _LONG_COMMENT.fullmatch(nearest.text)) is not None:
        return textwrap.dedent("\n".join(_LINE_END.split(long[2]))).strip().splitlines()
    return _line_comments(ending_at, line - 1)


def _last_line(token: Token) -> int:
    return token.line + len(_LINE_END.findall(token.text))


def _line_comments(ending_at: dict[int, Token], line: int) -> list[str]:
    """The texts of the line comments that end at `line`, without dashes and dividers."""
    texts: list[str] = []
    while (token := ending_at.get(line)) is not None and not _LONG_COMMENT.fullmatch(token.text):
        texts.append(token.text)
        line -= 1
    texts = [text for text in reversed(texts) if not _DIVIDER.fullmatch(text)]
    dashes = "---" if any(text.startswith("---") for text in texts) else "--"
    return [text[len(dashes) :].removeprefix(" ").rstrip() for text in texts if text.startswith(dashes)]


def _names_around(tokens: list[Token], index: int) -> set[str]:
    """The names that may be the name of the function at `index`: those before `=` or after `function`."""
    found = set()
    if index >= 2 and tokens[index - 1].text == "=":
        found.add(tokens[index - 2].text.strip("]"))
    for token in tokens[index + 1 :]:
        if token.text == "(":
            break
        found.add(token.text)
    return found


def _parameter_names(tokens: Iterable[Token]) -> list[str]:
    """The parameters up to the closing parenthesis; `...name` of Lua 5.5 is one."""
    names: list[str] = []
    for token in tokens:
        if token.kind is TokenKind.NAME:
            if names and names[-1] == "...":
                names[-1] += token.text
            else:
                names.append(token.text)
        elif token.text == "...":
            names.append("...")
        elif token.text != ",":
            break
    return names


def _page(doc: DocComment | None, signature: str, place: str) -> HelpPage:
    if doc is None:
        return HelpPage(signature=signature, place=place)
    return HelpPage(
        signature="\n".join(
            (_typed(doc, signature), *(_overload(text, signature) for text in doc.overloads))
        ),
        summary=doc.summary,
        notes=tuple(_notes(doc)),
        description=doc.description,
        parameters=tuple(item for item in doc.parameters if item.description),
        returns=tuple(item for item in doc.returns if item.name or item.description),
        fields=doc.fields,
        example=doc.example,
        see=doc.see,
        place=place,
    )


def _typed(doc: DocComment, signature: str) -> str:
    """The signature with the types of the comment."""
    call = _SIGNATURE.match(with_documented(doc, signature))
    if not call:
        return f"{signature}: {doc.type}" if doc.type else signature
    types = {item.name.rstrip("?"): item for item in doc.parameters}
    parameters = []
    for name in filter(None, (part.strip() for part in call[2].split(","))):
        item = types.get("..." if name.startswith("...") else name)
        parameters.append(name if item is None else _with_type(item, name))
    results = ", ".join(item.type for item in doc.returns)
    return f"{call[1]}({', '.join(parameters)})" + (f" -> {results}" if results else "")


def _with_type(item: Parameter, name: str) -> str:
    name += "?" if item.name.endswith("?") else ""
    return f"{name}: {item.type}" if item.type else name


def _overload(text: str, signature: str) -> str:
    """A function type written like the signature: `name(a: string) -> boolean`."""
    name = signature.partition("(")[0]
    head = FUNCTION_TYPE.match(text)
    if not head:
        return text
    type_ = text[head.end() :]
    depth = 0
    for index, char in enumerate(type_):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            results = type_[index + 1 :].strip().removeprefix(":").strip()
            return f"{name}{type_[: index + 1]}" + (f" -> {results}" if results else "")
    return f"{name}{type_}"


def _notes(doc: DocComment) -> Iterable[str]:
    if doc.deprecated is not None:
        yield f"Deprecated: {doc.deprecated}" if doc.deprecated else "Deprecated."
    if doc.class_name:
        parents = ", ".join(map(code, doc.parents))
        yield f"Class {code(doc.class_name)}" + (f", derived from {parents}." if parents else ".")
    if doc.generics:
        yield "Generic: " + ", ".join(map(code, doc.generics)) + "."
    if doc.is_async:
        yield "Asynchronous: call it in a coroutine."
    if doc.nodiscard:
        yield "The result must be used."
