"""Giving up, in a process that works on hostile input, whatever that work does not need. Linux only.

`confine` is called once, when everything that the process will need is imported and open.
"""

from models.audio.sandbox.confine import PROTECTIONS, confine

__all__ = ["PROTECTIONS", "confine"]
