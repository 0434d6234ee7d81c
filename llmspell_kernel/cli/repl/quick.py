"""`llmspell repl` without options and settings: the same, only sooner, for no command line is parsed."""

from __future__ import annotations

import os
import sys

from llmspell_kernel.errors import LLMSpellError


def quick_repl() -> int:
    """Answers the exit status."""
    from llmspell_kernel.cli.messages import complain
    from llmspell_kernel.cli.repl.options import Options
    from llmspell_kernel.cli.repl.start import run
    from llmspell_kernel.cli.terminal_frontend import colours_by_default

    try:
        status = run(Options(colours=sys.stdout is not None and colours_by_default(sys.stdout)))
        if sys.stdout is not None:
            sys.stdout.flush()
    except LLMSpellError as problem:
        complain(str(problem))
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    return status
