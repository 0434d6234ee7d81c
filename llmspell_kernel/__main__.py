"""`python -m llmspell_kernel -f CONNECTION_FILE` starts the kernel."""

import os
import sys

if __name__ == "__main__":
    if not sys.flags.safe_path and sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]  # the notebook's folder: a file in it called like a module would be run as Python

    from llmspell_kernel.kernel.deferral import defer_packages

    defer_packages()

    from llmspell_kernel.kernel.app import main

    main()
