"""LibreOffice without a window: opens a file and saves it anew, as a person's own program would."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

# On a server that checks changes it is there, or the tests fail: a skip would be read as a pass.
needs_libreoffice = pytest.mark.skipif(
    not shutil.which("soffice") and os.environ.get("CI") != "true", reason="LibreOffice Calc (soffice) is not installed"
)
# Comma, double quote, UTF-8, from the first line; the last zero is the first sheet alone.
AS_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,0"
# The same, read: nothing said of the columns (the program guesses, as on a double click), or every one a text.
GUESSING = "Text - txt - csv (StarCalc):44,34,76,1,,0,false,true"
TEXT_COLUMNS = "Text - txt - csv (StarCalc):44,34,76,1,{},0,true,false"


def as_texts(columns: int) -> str:
    return TEXT_COLUMNS.format("/".join(f"{at}/2" for at in range(1, columns + 1)))


def converted(paths: list[Path], to: str, folder: Path, *, read_as: str = "") -> list[Path]:
    """The files saved anew as another kind in an own folder, by one start of the program with a profile of its own."""
    ending = to.partition(":")[0]
    out = folder / f"{ending}-{len(list(folder.iterdir()))}"
    out.mkdir()
    run = ["soffice", "--headless", f"-env:UserInstallation=file://{out}/profile", "--convert-to", to]
    run += [f"--infilter={read_as}"] if read_as else []
    done = subprocess.run([*run, "--outdir", out, *paths], capture_output=True, text=True, timeout=240)
    made = [out / f"{path.stem}.{ending}" for path in paths]
    missing = [path.name for path in made if not path.exists()]
    assert not missing, (
        f"{missing} missing of {sorted(path.name for path in out.iterdir())}: {done.stdout}{done.stderr}"
    )
    return made
