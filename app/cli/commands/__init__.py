"""What each command is called, takes and says of itself; the modules beside this folder do the work.

They are imported by the command that needs them: `--help`, completion and mistyped options answer at once then.
"""
