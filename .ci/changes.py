"""Check the names of the fragments that the change log is made of."""

import re
import sys
from pathlib import Path

NAME = re.compile(r"\+[a-z0-9-]+\.(feature|bugfix|doc|removal|misc)\.md")

wrong = [
    path.name
    for path in sorted(Path("changes").iterdir())
    if path.name not in {".gitignore", "README.md"} and not NAME.fullmatch(path.name)
]
if wrong:
    sys.exit(f"changes/: {', '.join(wrong)}: call it +WORDS.TYPE.md (see changes/README.md)")
