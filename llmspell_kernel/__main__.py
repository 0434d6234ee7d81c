"""`python -m llmspell_kernel -f CONNECTION_FILE` starts the kernel."""

from llmspell_kernel.kernel.app import main

if __name__ == "__main__":
    main()
