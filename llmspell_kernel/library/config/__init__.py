"""The settings as scripts see and change them.

A script reads the settings that it runs under, without secrets, and may add or replace providers for as long
as it runs. What is allowed, and what is limited, it can read but not change.

```lua
print(Config.getSection("tools.timeout_seconds"), Config.getDefaultEngine())  --> 30.0 lua

Config.setProvider("local", {
  provider_type = "ollama", base_url = "http://localhost:11434", default_model = "llama3",
})
local provider = Config.getProvider("local")
print(provider.default_model, provider.has_api_key)  --> llama3 false

print(select(2, pcall(Config.setSecurity, {})))  --> ...scripts may not change what they are allowed ...
```
"""
