"""`dovetail migrate`: exact edits and nothing else; what is left is named by its line."""

import subprocess
import sys
from pathlib import Path

import pytest

from dovetail_contrib_migrated.index import moves, projects
from dovetail_contrib_migrated.migrate import migrate


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "from tensorflow.contrib.integrate import odeint\n",
            "from dovetail_contrib_migrated.integrate import odeint\n",
        ),
        (
            "from tensorflow.contrib.integrate import (\n    odeint as solve,  # why\n)\n",
            "from dovetail_contrib_migrated.integrate import (\n    odeint as solve,  # why\n)\n",
        ),
        ("from tensorflow.contrib import crf\n", "from dovetail_contrib_migrated import crf\n"),
        (
            "#!/usr/bin/env python\n# why\nif True:\n    import tensorflow as tf\n"
            "f = tf.contrib.crf.crf_decode\nimport os\nimport dovetail_contrib_migrated.crf\n",
            "#!/usr/bin/env python\n# why\nimport dovetail_contrib_migrated.crf\n"
            "if True:\n    import tensorflow as tf\n"
            "f = dovetail_contrib_migrated.crf.crf_decode\nimport os\n"
            "import dovetail_contrib_migrated.crf\n",
        ),
        (
            "\ufefffrom tensorflow.contrib import crf\n",
            "\ufefffrom dovetail_contrib_migrated import crf\n",
        ),
        (
            "import tensorflow.contrib.signal as sig\n",
            "import dovetail_contrib_migrated.signal as sig\n",
        ),
        (
            "if True:\n    from tensorflow.contrib.solvers.least_squares import cgls\n",
            "if True:\n    from dovetail_contrib_migrated.solvers import cgls\n",
        ),
        (
            "import tensorflow as tf\ny = tf.contrib.sparsemax.sparsemax(x)  # ü\n",
            "import tensorflow as tf\nimport dovetail_contrib_migrated.sparsemax\n"
            "y = dovetail_contrib_migrated.sparsemax.sparsemax(x)  # ü\n",
        ),
        (
            "import tensorflow.compat.v1 as tf\né = tf.contrib.crf.crf_decode(a,\n    b, n)\n",
            "import tensorflow.compat.v1 as tf\nimport dovetail_contrib_migrated.crf\n"
            "é = dovetail_contrib_migrated.crf.crf_decode(a,\n    b, n)\n",
        ),
        (
            '"""Doc."""\nimport os; import tensorflow as tf\n\n\nf = tf.contrib.crf.crf_decode\n',
            '"""Doc."""\nimport os; import tensorflow as tf\n'
            "import dovetail_contrib_migrated.crf\n\n\n"
            "f = dovetail_contrib_migrated.crf.crf_decode\n",
        ),
        ("contrib = 1\nx = contrib.crf\n", "contrib = 1\nx = contrib.crf\n"),
        ("from .contrib import crf\n", "from .contrib import crf\n"),
        (
            "import tensorflow as tf\r\ntf.contrib.crf.crf_decode\r\n",
            "import tensorflow as tf\r\nimport dovetail_contrib_migrated.crf\r\n"
            "dovetail_contrib_migrated.crf.crf_decode\r\n",
        ),
        ("import os\r\nx = 1\r\n", "import os\r\nx = 1\r\n"),
    ],
)
def test_it_rewrites_these_and_nothing_else(old: str, new: str) -> None:
    found = migrate(old)
    assert found.text == new and found.leftovers == ()
    again = migrate(new)
    assert again.text == new and again.edits == 0 and again.leftovers == ()


STAYS = "the import stays; take it out with the last of its uses"


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        (
            "from tensorflow.contrib import (\n    crf as c,\n    kfac,\n)\n",
            "from tensorflow.contrib import kfac\nfrom dovetail_contrib_migrated import crf as c\n",
            [(1, "tf.contrib.kfac: not wanted: ")],
        ),
        (
            "from tensorflow import contrib\n"
            "y = contrib.signal.frame(contrib.signal.stft(x, 2, 1), 2, 1)",
            "from tensorflow import contrib\nimport dovetail_contrib_migrated.signal\n"
            "y = dovetail_contrib_migrated.signal.frame("
            "dovetail_contrib_migrated.signal.stft(x, 2, 1), 2, 1)",
            [(1, f"tf.contrib: {STAYS}")],
        ),
        (
            "from tensorflow.contrib import solvers\nsolvers.least_squares.cgls\n",
            "from tensorflow.contrib import solvers\nimport dovetail_contrib_migrated.solvers\n"
            "dovetail_contrib_migrated.solvers.cgls\n",
            [(1, f"tf.contrib.solvers: {STAYS}")],
        ),
        (
            "import tensorflow.contrib.crf\ntensorflow.contrib.crf.crf_decode\n",
            "import tensorflow.contrib.crf\nimport dovetail_contrib_migrated.crf\n"
            "dovetail_contrib_migrated.crf.crf_decode\n",
            [(1, f"tf.contrib.crf: {STAYS}")],
        ),
        (
            "from tensorflow.contrib import crf\nimport tensorflow.contrib.signal as s\n"
            "crf.CrfForwardRnnCell\ns.dct\ncrf.crf_decode.__doc__\n",
            "from dovetail_contrib_migrated import crf\n"
            "import dovetail_contrib_migrated.signal as s\n"
            "crf.CrfForwardRnnCell\ns.dct\ncrf.crf_decode.__doc__\n",
            [(3, "tf.contrib.crf.CrfForwardRnnCell: has no"), (4, "tf.contrib.signal.dct: has no")],
        ),
    ],
)
def test_what_is_left_is_told_at_the_second_run_too(
    old: str, new: str, left: list[tuple[int, str]]
) -> None:
    found = migrate(old)
    assert found.text == new
    again = migrate(new)
    assert again.text == new and again.edits == 0
    said = [text for _, text in found.leftovers]
    assert [text for _, text in again.leftovers] == said
    assert [line for line, _ in again.leftovers] == [line for line, _ in left] == [*found.lines]
    assert all(text.startswith(words) for text, (_, words) in zip(said, left, strict=True)), said


def test_names_of_this_distribution_are_no_leftovers() -> None:
    text = "from dovetail_contrib_migrated import solvers, migrate\nsolvers.cgls\nmigrate.migrate\n"
    assert migrate(text).leftovers == ()


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("import tensorflow as tf\ntf.contrib.kafka.X\n", 2, "tf.contrib.kafka.X: not wanted: "),
        (
            "from tensorflow.contrib.learn import Estimator\n",
            1,
            "planned in dovetail-estimators (RFC 14)",
        ),
        ("x = 1\nfrom tensorflow.contrib import cudnn_rnn as c\n", 2, "planned in dovetail-cuda"),
        ("import tensorflow.contrib.layers as l\n\nl.relu(x)\n", 3, "(see core/src/dovetail/nn)"),
        ("import tensorflow.contrib.layers as l\n", 1, f"tf.contrib.layers: {STAYS}"),
        ("import os, tensorflow.contrib.crf\n", 1, f"tf.contrib.crf: {STAYS}"),
        ("from tensorflow.contrib.nosuch import x\n", 1, "contrib had no project 'nosuch' in 2018"),
        ("from tensorflow.contrib.nn import *\n", 1, "(imported with *)"),
        ("import tensorflow as tf\nc = tf.contrib\n", 2, "the whole of contrib has no new home"),
        (
            "from tensorflow.contrib import crf\ncrf.CrfForwardRnnCell\n",
            2,
            "has no counterpart in crf.py",
        ),
        (
            "from tensorflow.contrib import (  # both\n    crf,\n    kfac,\n)\n",
            1,
            "split the import, with its comments, by hand",
        ),
    ],
)
def test_what_it_cannot_do_is_named(text: str, line: int, says: str) -> None:
    found = migrate(text)
    assert any(n == line and says in sentence for n, sentence in found.leftovers), found


def test_lines_are_those_of_the_new_text() -> None:
    text = "import tensorflow as tf\ntf.contrib.crf.crf_decode\ntf.contrib.kafka.X\n"
    found = migrate(text)
    assert found.leftovers[0][0] == 3 and found.lines == (4,)
    assert "kafka" in found.text.splitlines()[3]


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_every_move_leads_to_a_function_that_is_there() -> None:
    from importlib import import_module

    for old, new in moves().items():
        module, _, name = new.rpartition(".")
        assert callable(getattr(import_module(module), name)), new
        assert name in import_module(module).__all__
        project = old.removeprefix("tensorflow.contrib.").split(".")[0]
        assert projects()[project]["fate"] in ("shim", "core")


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dovetail", "migrate", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_the_command(tmp_path: Path) -> None:
    text = "from tensorflow.contrib import crf, kfac\r\nkfac.X\r\n"
    (tmp_path / "a.py").write_bytes(text.encode())
    (tmp_path / "old.py").write_text("print 1\n", encoding="utf-8")
    shown = run("--diff", "a.py", cwd=tmp_path)
    assert shown.returncode == 1 and "+from dovetail_contrib_migrated import crf" in shown.stdout
    assert (tmp_path / "a.py").read_bytes() == text.encode(), "--diff writes nothing"
    done = run("a.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "a.py:1: tf.contrib.kfac: not wanted" in done.stdout, done.stdout + done.stderr
    assert b"kfac.X\r\n" in (tmp_path / "a.py").read_bytes()
    clean = run("a.py", cwd=tmp_path)
    assert clean.returncode == 1 and "changes" not in clean.stdout
    broken = run("old.py", "gone.py", cwd=tmp_path)
    assert broken.returncode == 2
    assert "old.py:1: not Python of today" in broken.stderr and "gone.py: No such" in broken.stderr
    (tmp_path / "good.py").write_text("import os\n", encoding="utf-8")
    assert run("good.py", cwd=tmp_path).returncode == 0
