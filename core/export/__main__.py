"""A process for another program: `python -m core.export REQUEST REPLY`, two files of JSON.

It ends with the process that started it.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from core.export.programs import ProgramRequest, run_program
from core.system.files import read_json
from core.system.process import PARENT_PID_VARIABLE, end_with_parent


def main(request: Path, reply: Path) -> None:
    """Carry out a request; what fails is a traceback on standard error."""
    if PARENT_PID_VARIABLE in os.environ:
        end_with_parent(int(os.environ[PARENT_PID_VARIABLE]))
    replies = run_program(ProgramRequest.from_json(read_json(request)))
    reply.write_text(json.dumps([asdict(each) for each in replies]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
