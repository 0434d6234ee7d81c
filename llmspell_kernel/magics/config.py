"""Settings of the running kernel."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from llmspell_kernel.errors import MagicError
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.magics.registry import magic
from llmspell_kernel.magics.session import Call, text_result
from llmspell_kernel.magics.settings import Setting, read_value, shown_value


@magic("%config [SETTING]", group="System", takes="setting")
def config(call: Call) -> Outcome | None:
    """Shows the settings, or changes one: `%config`, `%config time_limit`, `%config time_limit = 60`.

    A change counts for this kernel until it ends. For good, put the setting in the kernelspec's argv or in
    Jupyter's configuration as `c.LLMSpellKernel.<name>`.
    """
    settings = {setting.name: setting for setting in call.session.settings()}
    name, equals, text = (part.strip() for part in call.text.partition("="))
    if not name:
        return _table(settings)
    setting = _find(settings, name.rpartition(".")[2])
    if not equals:
        return text_result(f"{setting.name} = {shown_value(setting.get())}\n{setting.help}")
    if setting.change is None:
        option = setting.name.replace("_", "-")
        raise MagicError(f"{setting.name} cannot change while the kernel runs: start it with --{option} ...")
    try:
        setting.change(read_value(text, setting.get()))
    except MagicError as error:
        raise MagicError(f"{setting.name}: {error}") from error
    call.write(f"{setting.name} = {shown_value(setting.get())}\n")
    return None


def _find(settings: Mapping[str, Setting], name: str) -> Setting:
    if name in settings:
        return settings[name]
    close = difflib.get_close_matches(name, settings, n=1, cutoff=0.5)
    advice = f"did you mean {close[0]}?" if close else "%config lists them"
    raise MagicError(f"no setting called {name!r}; {advice}")


def _table(settings: Mapping[str, Setting]) -> Outcome:
    rows = [(each.name, shown_value(each.get()), _help(each)) for each in settings.values()]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    plain = "\n".join(f"{name:<{widths[0]}} = {value:<{widths[1]}}  {help}" for name, value, help in rows)
    rich = "\n".join(f"| `{name}` | `{value}` | {help} |" for name, value, help in rows)
    return text_result(plain, "| Setting | Value | |\n|---|---|---|\n" + rich)


def _help(setting: Setting) -> str:
    return setting.help if setting.change is not None else f"{setting.help} (only at the start)"
