"""Library files that are cut or damaged, loaded through the probe: no crash, always a sentence.

The files are a good backend with its end cut off or with bytes of its head, its tables or its
dynamic section overwritten. One host process tries them all: its crash would be seen here.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

SECONDS = "1"  # a damaged library may hang, and a slow answer is a sentence too
FILES = 160

HOST = """
import json, sys
from pathlib import Path
import dovetail as dt
from dovetail.devices import load
from dovetail.errors import DovetailError

for path in sys.argv[1:]:
    try:
        load(path)
        said = ""
    except DovetailError as error:
        said = str(error)
    print(json.dumps([path, said]), flush=True)
assert dt.asarray([1.0, 2.0]).sum().item() == 3.0  # and all else goes on
"""


def damaged(good: bytes, rng: random.Random) -> bytes:
    """A cut or an overwritten copy; the file is little and 64-bit, as the tests' machines are."""
    data = bytearray(good)
    headers = 64 + 56 * int.from_bytes(data[56:58], "little")  # ELF header, program headers
    dynamic = data.find(b".gnu.hash")  # a name among the section names, which end the file
    kind = rng.randrange(5)
    if kind == 0:
        return bytes(data[: rng.randrange(len(data))])
    if kind == 1:
        return bytes(data[: rng.choice((0, 1, 4, 16, 63, 64, 65, headers - 1, headers, 4096))])
    places = {
        2: range(headers),
        3: range(headers, min(len(data), headers + 2048)),  # hashes, symbols, names
        4: range(max(0, dynamic - 2048), len(data)),
    }[kind]
    for _ in range(rng.randint(1, 6)):
        data[rng.choice(places)] = rng.choice((0, 0xFF, rng.randrange(256)))
    return bytes(data)


def test_the_host_survives_and_says_what_is_wrong(build, tmp_path: Path) -> None:
    good = build("good", "damaged").read_bytes()
    paths = []
    for seed in range(FILES):
        path = tmp_path / f"libdamaged{seed}.so"
        path.write_bytes(damaged(good, random.Random(seed)))
        paths.append(str(path))
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "DOVETAIL_PROBE_SECONDS": SECONDS,
    }
    done = subprocess.run(
        [sys.executable, "-c", HOST, *paths],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert done.returncode == 0, (len(lines), done.returncode, done.stderr[-2000:])
    assert [path for path, _ in lines] == paths
    for path, said in lines:
        assert not said or (path in said and len(said) > len(path) + 20), said
    refused = [said for _, said in lines if said]
    assert len(refused) > FILES / 2
    assert any("tried in a child process" in said for said in refused)
