"""A decoder on a machine whose kernel refuses a filter of system calls; `python -m tests.support.poor_decoder`."""

import os

from models.audio import decoder_child
from models.audio.sandbox.system_calls import ARCHITECTURES
from tests.support.breaking_out import refuse_calls

if __name__ == "__main__":
    refuse_calls([ARCHITECTURES[os.uname().machine].seccomp])
    decoder_child.main()
