"""Confining a process that works on hostile input to what its work needs. Linux only.

`confine` is called once, after the process has imported and opened all that it needs.
"""

from models.audio.sandbox.confine import PROTECTIONS, confine

__all__ = ["PROTECTIONS", "confine"]
