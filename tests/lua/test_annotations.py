"""Doc comments are found above definitions, understood, and shown so that they can be read."""

from __future__ import annotations

import random
import textwrap

import pytest

from llmspell_kernel.lua.annotations import DocComment, doc_comment, markdown, plain, signature
from llmspell_kernel.lua.help_page import Parameter

AREA = """\
local geometry = {}

--- The area of a rectangle,
--- in square units.
---
--- Both sides must be positive.
---@param width number the width
---@param height? number the height;
--- the width if left out
---@return number area how much it covers
---@return string? message # why it failed
---@see geometry.circumference
function geometry.area(width, height)
  return width * (height or width)
end
"""


def doc_of(comment: str, definition: str = "function f() end") -> DocComment:
    source = f"{textwrap.dedent(comment).strip()}\n{definition}\n"
    doc = doc_comment(source, source.count("\n"))
    assert doc is not None
    return doc


def test_a_function_with_all_the_usual_tags() -> None:
    doc = doc_comment(AREA, 13)
    assert doc == DocComment(
        summary="The area of a rectangle, in square units.",
        description="Both sides must be positive.",
        parameters=(
            Parameter("width", "number", "the width"),
            Parameter("height?", "number", "the height;\nthe width if left out"),
        ),
        returns=(
            Parameter("area", "number", "how much it covers"),
            Parameter("message", "string?", "why it failed"),
        ),
        see=("geometry.circumference",),
    )


def test_markdown_for_the_tooltip() -> None:
    shown = markdown(doc_comment(AREA, 13), signature(AREA, 13, "geometry.area"), "cell [3], line 13")
    assert shown == textwrap.dedent(
        """\
        ```lua
        geometry.area(width: number, height?: number) -> number, string?
        ```

        The area of a rectangle, in square units.

        Both sides must be positive.

        **Parameters**

        - `width: number` — the width
        - `height?: number` — the height;
          the width if left out

        **Returns**

        - `area: number` — how much it covers
        - `message: string?` — why it failed

        **See also** `geometry.circumference`

        *cell \\[3\\], line 13*"""
    )


def test_plain_text_for_terminals() -> None:
    shown = plain(doc_comment(AREA, 13), signature(AREA, 13, "geometry.area"), "cell [3], line 13")
    assert shown.startswith("geometry.area(width: number, height?: number) -> number, string?\n\nThe area")
    assert "\n    height?: number — the height; the width if left out\n" in shown
    assert shown.endswith("\n\nSee also: geometry.circumference\n\ncell [3], line 13")


def test_without_a_comment_signature_and_place_are_shown() -> None:
    assert markdown(None, "f(a)", "file.lua:3") == "```lua\nf(a)\n```\n\n*file.lua:3*"
    assert plain(None, "f(a)", "file.lua:3") == "f(a)\n\nfile.lua:3"


@pytest.mark.parametrize(
    ("comment", "summary"),
    [
        ("-- Plain dashes.", "Plain dashes."),
        ("--[[ In brackets. ]]", "In brackets."),
        ("--[[\n  Over\n  lines.\n]]", "Over lines."),
        ("--[==[- With ]] inside.\n]==]", "With ]] inside."),
        ("--- Three.\n-- luacheck: ignore", "Three."),
        ("------------\n-- Framed.\n------------", "Framed."),
        ("--[[ Far. ]]\n--- Near.", "Near."),
        ("--- Größe \N{SNAKE}.", "Größe \N{SNAKE}."),
    ],
)
def test_kinds_of_comments(comment: str, summary: str) -> None:
    assert doc_of(comment).summary == summary


@pytest.mark.parametrize(
    "source",
    [
        "function f() end",
        "--- Far away.\n\nfunction f() end",
        "local x = 1 --- about x\nfunction f() end",
        "local s = [[\n--- no comment]]\nfunction f() end",
        "--[[ a\n b ]] local x = 1\nfunction f() end",
        "#!/usr/bin/lua\nfunction f() end",
        "---\n--\nfunction f() end",
    ],
)
def test_what_is_no_doc_comment(source: str) -> None:
    assert doc_comment(source, source.count("\n") + 1) is None


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(newline: str) -> None:
    source = "--[[\nLong\n]]\nlocal a\n--- Doc.\n---@param x string\nlocal function f(x) end".replace(
        "\n", newline
    )
    doc = doc_comment(source, 7)
    assert doc and doc.summary == "Doc." and doc.parameters == (Parameter("x", "string"),)


def test_fields_of_tables_and_values_on_their_own_line() -> None:
    table = "local t = {\n  --- Adds.\n  add = function(a, b) end,\n}\n"
    value = "--- Wraps.\nt.wrapped =\n  function(x) end\n"
    added, wrapped = doc_comment(table, 3), doc_comment(value, 3)
    assert added and added.summary == "Adds."
    assert wrapped and wrapped.summary == "Wraps."


@pytest.mark.parametrize(
    ("text", "type_", "description"),
    [
        ("table<string, number> how many", "table<string, number>", "how many"),
        (
            "fun(a: string, b?: number): boolean what to call",
            "fun(a: string, b?: number): boolean",
            "what to call",
        ),
        ("fun(): string, number both", "fun(): string, number", "both"),
        ("async fun(x: integer) later", "async fun(x: integer)", "later"),
        ("string | nil maybe", "string | nil", "maybe"),
        ("'left side'|\"right side\" which", "'left side'|\"right side\"", "which"),
        ("{ x: number, y: number }[] points", "{ x: number, y: number }[]", "points"),
        ("(string|number)[] # list", "(string|number)[]", "list"),
        ("`T` kind", "`T`", "kind"),
        ("table<string, {unfinished", "table<string, {unfinished", ""),
        ("", "", ""),
    ],
)
def test_types(text: str, type_: str, description: str) -> None:
    assert doc_of(f"---@param x {text}").parameters == (Parameter("x", type_, description),)


def test_a_class_with_fields() -> None:
    doc = doc_of(
        """
        --- A place in the plane.
        ---@class (exact) Point<T> : Base, Comparable
        ---@field x number to the right
        ---@field private y? number
        ---@field [string] any everything else
        """,
        "local Point = {}",
    )
    assert (doc.class_name, doc.parents) == ("Point<T>", ("Base", "Comparable"))
    assert doc.fields == (
        Parameter("x", "number", "to the right"),
        Parameter("y?", "number"),
        Parameter("[string]", "any", "everything else"),
    )
    shown = markdown(doc, "Point", "")
    assert "*Class `Point<T>`, derived from `Base`, `Comparable`.*" in shown
    assert "**Fields**\n\n- `x: number` — to the right\n- `y?: number`\n" in shown


def test_flags_generics_and_overloads() -> None:
    doc = doc_of(
        """
        ---@generic T : table, K
        ---@param list T[]
        ---@param ... string more
        ---@return T
        ---@overload fun(list: string, get: fun(): string): T, integer
        ---@overload fun(get: fun(): string)
        ---@deprecated use `g` instead
        ---@async
        ---@nodiscard
        """
    )
    assert doc.generics == ("T : table, K",)
    assert doc.deprecated == "use `g` instead"
    assert doc.is_async and doc.nodiscard
    shown = markdown(doc, "f(list, ...)", "")
    assert shown.startswith(
        "```lua\nf(list: T[], ...: string) -> T\n"
        "f(list: string, get: fun(): string) -> T, integer\nf(get: fun(): string)\n```\n"
    )
    assert "*Deprecated: use `g` instead*" in shown
    assert "- `...: string` — more" in shown


def test_the_type_of_a_value() -> None:
    doc = doc_of("--- How often.\n---@type table<string, integer> counts", "local counts = {}")
    assert markdown(doc, "counts", "").startswith("```lua\ncounts: table<string, integer>\n```\n\nHow often.")


def test_deprecated_without_a_reason() -> None:
    doc = doc_of("---@deprecated")
    assert doc.deprecated == ""
    assert "*Deprecated.*" in markdown(doc, "f()", "")


def test_possible_values_become_a_list() -> None:
    doc = doc_of('---@param mode string how\n---| "r" # read\n---|>"w" # write')
    assert doc.parameters[0].description == 'how\n- `"r"` read\n- `"w"` write'


def test_code_in_the_text_is_left_alone() -> None:
    doc = doc_of(
        """
        --- Registers.
        --- ```lua
        ---   @param is not a tag here
        ---   register("x")
        --- ```
        """
    )
    assert doc.summary == "Registers."
    assert doc.description == '```lua\n  @param is not a tag here\n  register("x")\n```'
    assert doc.parameters == ()
    assert '\n  register("x")\n' in plain(doc, "f()", "")


def test_usage_is_shown_as_an_example() -> None:
    doc = doc_of("--- Adds.\n---@usage\n---   local x = add(1,\n---     2)\n---\n--- More text.")
    assert doc.example == "local x = add(1,\n  2)"
    assert doc.description == "More text."
    assert "**Example**\n\n```lua\nlocal x = add(1,\n  2)\n```" in markdown(doc, "add(a, b)", "")


def test_unknown_tags_are_left_out() -> None:
    assert doc_of("--- Text.\n---@diagnostic disable: unused\n---@frobnicate x") == DocComment(
        summary="Text."
    )


@pytest.mark.parametrize(
    ("source", "line", "name", "expected"),
    [
        ("function f(a, b) end", 1, "f", "f(a, b)"),
        ("local function f(a, --[[second]] b,\n  ...)\nend", 1, "f", "f(a, b, ...)"),
        ("function obj.inner:method(a) end", 1, "obj.inner.method", "obj.inner:method(a)"),
        ("obj.method = function(self, a) end", 1, "obj:method", "obj:method(a)"),
        ("obj.method = function(self, a) end", 1, "obj.method", "obj.method(self, a)"),
        ("local a, b = function(x) end, function(y) end", 1, "a", "a(x)"),
        ("f = function(x) end; g = function(y) end", 1, "t.g", "t.g(y)"),
        ("t['g'] = function() end", 1, "g", "g()"),
        ("function f(a, ...rest) end", 1, "f", "f(a, ...rest)"),
        ("-- function comment(x)\nf = 1", 1, "f", "f"),
        ("x = 1", 1, "x", "x"),
        ("function f(a, b", 1, "f", "f(a, b)"),
        ("function", 1, "f", "f()"),
        ("", 7, "f", "f"),
    ],
)
def test_signatures(source: str, line: int, name: str, expected: str) -> None:
    assert signature(source, line, name) == expected


def test_backticks_in_signatures_do_not_end_the_code_block() -> None:
    assert markdown(None, "f(```)", "").startswith("````lua\nf(```)\n````")


def test_garbage_never_raises() -> None:
    rng = random.Random(7)
    pieces = [
        *"---@param ---@return ---@field ---@class ---@type ---@overload".split(),
        *"--[[ ]] [==[ ]==] function f ( ) , ... : =".split(),
        *[
            "\n",
            "\r",
            "\n--- ",
            "\n---@param x ",
            "fun(",
            "table<",
            "{",
            "'",
            '"',
            "`",
            "|",
            "?",
            "#",
            "\0",
            "\ufffd",
            "```",
        ],
    ]
    for _ in range(3000):
        source = " ".join(rng.choices(pieces, k=rng.randrange(40)))
        line = rng.randrange(-2, source.count("\n") + 4)
        doc = doc_comment(source, line)
        name = signature(source, line, "a.b:c")
        assert markdown(doc, name, "place") and plain(doc, name, "place")
