"""Filling in templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec import field as member

from llmspell_kernel.errors import ToolError
from llmspell_kernel.library.tool.builtin.support import depth_of, limited, needed
from llmspell_kernel.library.tool.contract import Tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmspell_kernel.library.tool.surroundings import Surroundings

MAX_TEMPLATE = 1024 * 1024
MAX_DEPTH = 100

Engine = Literal["tera", "handlebars"]


class TemplateCreator(Tool):
    """Fills in a template, of Tera (which is much like Jinja) or Handlebars.

    The template sees the context and nothing else: no files, no other templates, nothing of Python. A Tera
    variable that the context lacks is an error, except in tests such as `{% if name %}` and with `default`.
    """

    name, category, level = "template-creator", "utility", "restricted"
    aliases = ("template-engine", "template")
    runs = "process"
    example: ClassVar[dict[str, Any]] = {
        "input": "Hello {{ name | upper }}!{% for each in items %} {{ loop.index }}.{{ each }}{% endfor %}",
        "context": {"name": "Lua", "items": ["one", "two"]},
    }

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        input: Annotated[str, Meta(description="The template.", max_length=MAX_TEMPLATE)]
        context: Annotated[dict[str, Any], Meta(description="Values by their names.")] = member(
            default_factory=dict
        )
        engine: Annotated[
            Engine | None, Meta(description="Its language; tera unless it looks like handlebars.")
        ] = None
        auto_detect: Annotated[
            bool, Meta(description="Whether to look what language it is, if `engine` is not given.")
        ] = True

    def run(self, given: Parameters, tools: Surroundings) -> object:
        """Answers {rendered, engine, template_length, context_size}."""
        limited(self.name, "the depth of the context", depth_of(given.context, MAX_DEPTH), MAX_DEPTH)
        engine: Engine = given.engine or ("tera" if not given.auto_detect else _detected(given.input))
        if engine == "tera":
            rendered = self._tera(given.input, given.context)
        else:
            from llmspell_kernel.library.tool.builtin.utility.handlebars import HandlebarsError, render

            try:
                rendered = render(given.input, given.context)
            except HandlebarsError as error:
                raise ToolError(f"{self.name}: {error}") from error
        return {
            "rendered": rendered,
            "engine": engine,
            "template_length": len(given.input),
            "context_size": len(given.context),
        }

    def _tera(self, template: str, context: Mapping[str, Any]) -> str:
        with needed(self.name, "jinja2"):
            import jinja2

        from llmspell_kernel.library.tool.builtin.utility.tera import environment

        names = dict(context)
        if "__tera_context" in template:
            names["__tera_context"] = encoded(context, 2)
        try:
            return environment(names).from_string(template).render(names)
        except jinja2.TemplateSyntaxError as error:
            raise ToolError(f"{self.name}: line {error.lineno}: {error.message}") from error
        except jinja2.TemplateError as error:
            raise ToolError(f"{self.name}: {error.message}") from error
        except SyntaxError as error:  # such as a break outside of a loop
            raise ToolError(f"{self.name}: {error.msg}") from error
        except RecursionError as error:
            raise ToolError(f"{self.name}: the template is nested too deeply") from error
        # What a template's expressions raise is as various as what they do.
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise ToolError(f"{self.name}: {error}") from error


def _detected(template: str) -> Engine:
    if "{%" in template or "{#" in template.replace("{{#", ""):
        return "tera"
    signs = ("{{#", "{{/", "{{^", "{{{", "{{&", "{{!", "{{>", "{{~", "{{this", "{{@", "{{else")
    return "handlebars" if any(sign in template.replace("{{ ", "{{") for sign in signs) else "tera"


def encoded(value: object, indent: int = 0) -> str:
    """As JSON."""
    text = msgspec.json.encode(value)
    return (msgspec.json.format(text, indent=indent) if indent else text).decode()
