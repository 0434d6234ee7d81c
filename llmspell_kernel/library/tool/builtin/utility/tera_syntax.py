"""What Tera has and Jinja lacks: strings in backticks, `self::macro()`, `set_global`. Imports Jinja."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

GLOBALS = "_globals"
"""The name of the variables that `set_global` sets."""

_STRING = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`"
_PARTS = re.compile(
    r"(?P<kept>\{#.*?#\}|\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\})"
    rf"|\{{[{{%](?:{_STRING}|(?![%}}]\}}).)*",
    re.DOTALL,
)
_STRINGS = re.compile(_STRING, re.DOTALL)


class Missing(jinja2.ChainableUndefined):
    """A variable that is not there: false in tests, an error where its value is needed; so are its parts."""

    __slots__ = ()

    def __str__(self) -> str:
        self._fail_with_undefined_error()

    def __iter__(self) -> Iterator[Any]:
        self._fail_with_undefined_error()

    def __len__(self) -> int:
        self._fail_with_undefined_error()


class Globals(Namespace):
    """Variables of the whole template; those of the context to begin with."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_variables", dict(context))

    def __getitem__(self, name: str) -> Any:
        # Only what is a variable: a template must not come to anything else of this object.
        return object.__getattribute__(self, "_variables").get(name, Missing(name=name))

    def __setitem__(self, name: str, value: Any) -> None:
        object.__getattribute__(self, "_variables")[name] = value


class TeraSyntax(Extension):
    """Reads it."""

    tags = {"set_global"}

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Strings in backticks become others."""
        return _PARTS.sub(lambda part: part[0] if part["kept"] else _STRINGS.sub(_quoted, part[0]), source)

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        """Macros are called without `self::`, and their ends do not repeat their names."""
        for token in stream:
            following = stream.current
            if token.test("name:self") and following.type == "colon" and stream.look().type == "colon":
                stream.skip(2)
                continue
            yield token
            if token.test("name:endmacro") and following.type == "name":
                stream.skip()

    def parse(self, parser: Parser) -> nodes.Node:
        """`{% set_global name = value %}`."""
        line = next(parser.stream).lineno
        name = parser.parse_assign_target(name_only=True).name
        parser.stream.expect("assign")
        return nodes.Assign(nodes.NSRef(GLOBALS, name), parser.parse_expression(), lineno=line)


def share_globals(tree: nodes.Template) -> None:
    """Has every use of a name that `set_global` sets mean that variable, in place."""
    names = {reference.attr for reference in tree.find_all(nodes.NSRef) if reference.name == GLOBALS}
    if names:
        _Sharing(names).visit(tree)


class _Sharing(NodeTransformer):
    def __init__(self, names: set[str]) -> None:
        self._names = names

    def visit_Name(self, node: nodes.Name) -> nodes.Node:
        if node.name not in self._names:
            return node
        if node.ctx == "load":
            holder, name = nodes.Name(GLOBALS, "load"), nodes.Const(node.name)
            return nodes.Getitem(holder, name, "load", lineno=node.lineno, environment=node.environment)
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:
        return self._without(node.args).generic_visit(node)

    def visit_For(self, node: nodes.For) -> nodes.Node:
        node.iter = self.visit(node.iter)
        return self._without(_targets(node.target)).generic_visit(node)

    def visit_Assign(self, node: nodes.Assign) -> nodes.Node:
        if isinstance(node.target, nodes.Name) and node.target.name in self._names:
            node.target = nodes.NSRef(GLOBALS, node.target.name, lineno=node.lineno)
        node.node = self.visit(node.node)
        return node

    def _without(self, own: Iterable[nodes.Name]) -> _Sharing:
        """For where some names mean something nearer."""
        return _Sharing(self._names - {each.name for each in own})


def _targets(target: nodes.Node) -> Iterator[nodes.Name]:
    if isinstance(target, nodes.Name):
        yield target
    yield from target.find_all(nodes.Name)


def _quoted(found: re.Match[str]) -> str:
    text = found[0]
    if text[0] != "`":
        return text
    return '"' + text[1:-1].replace("\\", "\\\\").replace('"', '\\"') + '"'
