"""The kernel itself: its version, and whether variables outlive a restart.

```lua
print(llmspell.version, llmspell.persist)
```
"""
