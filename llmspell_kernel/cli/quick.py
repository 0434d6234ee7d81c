"""The short way for what is asked most: a script or a line of code without options and without settings.

It answers just as the long way does, only sooner: no command-line parser, no settings.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence

from llmspell_kernel.config.sources import present


def quick(words: Sequence[str]) -> int | None:
    """Runs `run SCRIPT [ARGUMENTS]` or `exec CODE [ARGUMENTS]`; answers None if more than that is wanted.

    Returns only if nothing was run: the script's end is the process's.
    """
    command, text, arguments = words[0], words[1], list(words[2:])
    if "--" in arguments:
        end = arguments.index("--")
        options, arguments = arguments[:end], arguments[:end] + arguments[end + 1 :]
    else:
        options = arguments
    if (text.startswith("-") and text != "-") or any(word.startswith("-") for word in options) or present():
        return None
    gc.disable()  # while modules are imported there is nothing to collect
    from llmspell_kernel.cli.messages import complain, unexpected
    from llmspell_kernel.cli.script import FAILED, INTERRUPTED, run_here
    from llmspell_kernel.cli.sources import code_of, read_script, script_of
    from llmspell_kernel.errors import LLMSpellError

    try:
        if command == "run":
            run_here(read_script(text), script_of(text, arguments))
        run_here(*code_of(text, arguments), shows_result=True)
    except LLMSpellError as problem:
        complain(str(problem))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as problem:  # noqa: BLE001 - the program's border, as in the long way
        complain(unexpected(problem))
        return FAILED
