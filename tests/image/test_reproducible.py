"""Checklist 140: the same source gives the same layers on any machine and in any folder."""

import os
import unittest

from container import docker, inspect
from image_case import IMAGE, ImageCase, build, config


class Reproducible(ImageCase):
    def test_another_build_in_another_folder_gives_the_same_layers(self):
        """Checklist 140: only the packages of the first build are used again."""
        again = f"{IMAGE.partition(':')[0]}:again-{os.getpid()}"
        build(again, "--build-arg", "BUILD_FOLDER=/tmp/a/rather/longer/name")
        try:
            self.assertEqual(config()["RootFS"]["Layers"], inspect(again, "image")["RootFS"]["Layers"])
        finally:
            docker("image", "rm", again)

    def test_revision_and_source_are_labels_and_change_no_layer(self):
        """Checklist 140, 16."""
        labelled = f"{IMAGE.partition(':')[0]}:labelled-{os.getpid()}"
        build(labelled, "--build-arg", f"REVISION={'0a' * 20}", "--build-arg",
              "SOURCE=https://example.com/movie-recommender")
        try:
            found = inspect(labelled, "image")
            self.assertEqual("0a" * 20, found["Config"]["Labels"]["org.opencontainers.image.revision"])
            self.assertEqual("https://example.com/movie-recommender",
                             found["Config"]["Labels"]["org.opencontainers.image.source"])
            self.assertEqual(config()["RootFS"]["Layers"], found["RootFS"]["Layers"])
        finally:
            docker("image", "rm", labelled)


if __name__ == "__main__":
    unittest.main()
