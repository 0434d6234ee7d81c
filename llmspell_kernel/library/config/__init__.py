"""The settings as scripts see and change them.

A script reads the settings that it runs under, without secrets, and may add or replace providers for as long
as it runs. What is allowed, and what is limited, it can read but not change.
"""
