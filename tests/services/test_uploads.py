from pathlib import Path

from experiments_core.domain.source import Dialect
from experiments_core.services.uploads import read_structure


def test_a_file_can_be_counted_under_another_dialect(tmp_path: Path):
    file = tmp_path / "x.txt"
    file.write_bytes(b"# a\n# b\n" + b"user_id,variant,won\nu0,a,1\nu1,b,1\n")
    found = read_structure(file, Dialect(header_line=3))
    assert found.first_record_after(3) == 1
    assert found.line_of(0) == 3
