"""`python -m llmspell_kernel -f CONNECTION_FILE` starts the kernel."""

from llmspell_kernel.kernel.deferral import defer_packages

if __name__ == "__main__":
    defer_packages()

    from llmspell_kernel.kernel.app import main

    main()
