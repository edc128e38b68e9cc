"""The page of tables says what the header says."""

import subprocess
import sys
from pathlib import Path

import header

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_is_what_the_script_writes(tmp_path: Path) -> None:
    script = tmp_path / "docs" / "make_contract.py"
    script.parent.mkdir()
    (tmp_path / "tests").symlink_to(DOCS.parent / "tests")
    script.write_bytes((DOCS / "make_contract.py").read_bytes())
    subprocess.run([sys.executable, str(script)], check=True)
    written = script.with_name("contract.md").read_text(encoding="utf-8")
    committed = (DOCS / "contract.md").read_text(encoding="utf-8")
    assert written == committed, "run python abi/docs/make_contract.py"


def test_every_slot_and_struct_has_a_row() -> None:
    page = (DOCS / "contract.md").read_text(encoding="utf-8")
    for struct, fields in header.structs().items():
        assert f"| `{struct}` |" in page
        for field in fields:
            if header.is_function_pointer(field.declaration, header.function_types()):
                assert f"| `{field.name}` | " in page.partition(f"## {struct}\n")[2], field.where


def test_every_slot_says_what_it_does() -> None:
    page = (DOCS / "contract.md").read_text(encoding="utf-8")
    assert "|  |" not in page.partition("## Constants")[0]
