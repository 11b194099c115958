"""`python -m bff COMMAND`.

Nothing of what is imported becomes garbage, and to look through it again and again is a sixth of a start.
"""

import gc

gc.disable()

from bff.cli import main  # noqa: E402

gc.freeze()
gc.enable()
main()
