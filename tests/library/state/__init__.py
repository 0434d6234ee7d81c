"""The globals `State` and `llmspell`."""
