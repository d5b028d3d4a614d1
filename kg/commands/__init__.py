"""The commands, one module an area: each has `add_commands(command)` and is added by `kg.__main__`.

A command prints for people, or JSON with `--json`; what it alone needs is imported by it, so
that asking does not wait for what builds.
"""
