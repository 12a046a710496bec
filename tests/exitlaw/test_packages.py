"""Our packages by location, whatever else bears their names."""

import subprocess
import sys
from pathlib import Path

import exitlaw

HOME = str(Path(exitlaw.__file__).resolve().parent.parent)

CODE = f"""
import sys
sys.path.append({HOME!r})
from exitlaw.packages import ROOT, WrongPackage, ensure_ours
{{before}}
try:
    ensure_ours()
except WrongPackage as error:
    print("refused:", error)
else:
    import theory.errors
    print("ours:", theory.errors.__file__.startswith(str(ROOT)))
"""


def run(folder: Path, before: str = "") -> str:
    (folder / "theory").mkdir(exist_ok=True)
    (folder / "theory" / "__init__.py").write_text("")
    call = [sys.executable, "-c", CODE.format(before=before)]
    return subprocess.run(
        call, cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_ours_are_found_before_a_folder_of_the_same_name(tmp_path):
    assert run(tmp_path) == "ours: True"


def test_another_package_that_is_already_imported_is_named(tmp_path):
    said = run(tmp_path, "import theory")
    assert said.startswith("refused: expected the package 'theory' of Exitlaw")
    assert str(tmp_path / "theory") in said
    assert "exitlaw check FILE" in said
