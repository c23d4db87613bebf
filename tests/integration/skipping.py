"""skipping.py: tests that a machine cannot run are reported on stderr as NOT TESTED HERE."""

import sys
import unittest


def not_here(test, reason):
    """Skips the test of that name and prints why on stderr."""
    sys.stderr.write(f"\nNOT TESTED HERE: {test}: {reason}\n")
    raise unittest.SkipTest(reason)


class LoudCase(unittest.TestCase):
    """A case that may find out at any point that it cannot run here."""

    def not_here(self, reason):
        not_here(self.id(), reason)
