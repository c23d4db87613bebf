"""toolbox.py: runs scripts with a PATH of allowed programs only.

    self.folder, self.tools = toolbox(self, ("bash", "grep"))     both gone after the test
"""

import shutil
import tempfile
from pathlib import Path


def toolbox(test, names):
    """A folder, and tools/ in it with links to these programs."""
    keep = tempfile.TemporaryDirectory()
    test.addCleanup(keep.cleanup)
    folder = Path(keep.name)
    tools = folder / "tools"
    tools.mkdir()
    for name in names:
        (tools / name).symlink_to(shutil.which(name))
    return folder, tools
