import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def cluster_folder():
    """Yield a folder that other accounts may pass through, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="gopherpay-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
