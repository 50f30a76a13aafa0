"""Do an sdist, a wheel and the package installed from it hold what they should? Called by check-wheel.sh and by cibuildwheel.

usage: check_wheel.py files SDIST WHEEL      looks into the two archives
       check_wheel.py installed              imports the package of this interpreter, which has no extras, and runs it

Invariant: standard library only, and nothing here fails for being slow: times are printed, for a person to read.
"""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import requires
from pathlib import Path

_sdist_needs = {
    "CHANGELOG.md", "CMakeLists.txt", "LICENSE", "README.md", "pyproject.toml", "cpp/CMakeLists.txt", "cpp/bind/module.cpp",
    "cpp/cmake/public_headers.cmake", "cpp/example/main.cpp", "cpp/rt/runtime.hpp", "python/stealscope/_core.pyi",
    "python/stealscope/py.typed", "scripts/setup.sh", "tests/conftest.py",
}  # fmt: skip
_wheel_needs = {
    "stealscope/_core.pyi", "stealscope/py.typed", "stealscope/include/rt/runtime.hpp",
    "stealscope/lib/cmake/stealscope/stealscopeConfig.cmake", "stealscope/lib/cmake/stealscope/stealscopeConfigVersion.cmake",
}  # fmt: skip
_built = re.compile(r"\.(so|a|o|whl|pyc|dylib|pyd)$|(^|/)(build|dist|\.venv|\.git|__pycache__)/")
_sdist_most, _file_most, _wheel_most = 3_000_000, 300_000, 5_000_000
"""What the sdist, a file in it, and the wheel may take: some three times what they do now.  [bytes]"""

_measure = """
from time import perf_counter as wall, process_time as cpu
at = [(wall(), cpu())]
import numpy
at.append((wall(), cpu()))
import stealscope
at.append((wall(), cpu()))
print(*(late - early for before, after in zip(at, at[1:]) for early, late in zip(before, after)))
"""


def wrong_in_sdist(sizes: dict[str, int], size: int) -> list[str]:
    """What is missing in an sdist, or should not be in it; `sizes` maps its files to bytes."""
    found = [f"{name} is missing" for name in sorted(_sdist_needs - sizes.keys())]
    found += [f"{name} has been built: it does not belong into an sdist" for name in sizes if _built.search(name)]
    found += [f"{name} has {bytes_} bytes, above {_file_most}" for name, bytes_ in sizes.items() if bytes_ > _file_most]
    return found + ([f"it has {size} bytes, above {_sdist_most}"] if size > _sdist_most else [])


def wrong_in_wheel(names: list[str], metadata: str, size: int) -> list[str]:
    """What is missing in a wheel, or should not be in it."""
    found = [f"{name} is missing" for name in sorted(_wheel_needs - set(names))]
    for what, pattern in (
        ("extension module", r"stealscope/_core\..*\.(so|pyd)"),
        ("static library", r"stealscope/lib/.*\.(a|lib)"),
    ):
        number = sum(re.fullmatch(pattern, name) is not None for name in names)
        found += [f"it has {number} files that are the {what}; need 1"] if number != 1 else []
    found += [f"{name} is outside the package" for name in names if not re.match(r"stealscope(-[\w.]+\.dist-info)?/", name)]
    message = email.message_from_string(metadata)
    needs = [line for line in message.get_all("Requires-Dist", []) if "extra ==" not in line]
    found += [f"it depends on {needs}; NumPy alone is allowed"] if not _numpy_alone(needs) else []
    return found + ([f"it has {size} bytes, above {_wheel_most}"] if size > _wheel_most else [])


def _numpy_alone(needs: list[str]) -> bool:
    return [re.split(r"[^\w-]", need)[0].lower() for need in needs] == ["numpy"]


def check_files(sdist: str, wheel: str) -> list[str]:
    """Look into both archives; each finding says in which."""
    sdist_size, wheel_size = Path(sdist).stat().st_size, Path(wheel).stat().st_size
    with tarfile.open(sdist) as archive:
        sizes = {member.name.partition("/")[2]: member.size for member in archive.getmembers() if member.isfile()}
    with zipfile.ZipFile(wheel) as zipped:
        names = [name for name in zipped.namelist() if not name.endswith("/")]
        metadata = zipped.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
    print(f"sdist: {len(sizes)} files, {sdist_size:,} bytes; wheel: {len(names)} files, {wheel_size:,} bytes")
    found = [f"sdist: {wrong}" for wrong in wrong_in_sdist(sizes, sdist_size)]
    return found + [f"wheel: {wrong}" for wrong in wrong_in_wheel(names, metadata, wheel_size)]


def _say_import_times() -> None:
    runs = [
        subprocess.run([sys.executable, "-c", _measure], capture_output=True, text=True, check=True).stdout for _ in range(10)
    ]
    # The least: whatever else runs on the machine only adds.
    numpy_wall, numpy_cpu, wall, cpu = (
        min(column) * 1e3 for column in zip(*(map(float, run.split()) for run in runs), strict=True)
    )
    print(
        f"import: NumPy {numpy_wall:.0f} ms ({numpy_cpu:.0f} of CPU), stealscope {wall:.0f} ms more ({cpu:.0f} of CPU); "
        f"the least of {len(runs)}; aim: 100 ms"
    )


def check_installed() -> list[str]:
    """Import the package, run tasks on it, say how long its import takes beyond NumPy's."""
    needs = [line for line in requires("stealscope") or [] if "extra ==" not in line]
    found = [] if _numpy_alone(needs) else [f"it depends on {needs}; NumPy alone is allowed"]
    _say_import_times()

    import stealscope as ss

    async def square(n: int) -> int:
        await ss.sleep(0.001)
        return n * n

    with ss.Runtime(workers=2) as runtime:
        answers = [
            runtime.spawn(sum, [1, 2, 3]).result(),
            runtime.spawn(square, 5).result(),
            runtime.run(ss.workloads.fib(20)).result,
        ]
    if answers != [6, 25, 6765]:
        found.append(f"its answers are {answers}; need [6, 25, 6765]")
    print(f"stealscope {ss.__version__} on Python {sys.version.split()[0]}: answers {answers}")
    return found


def main(arguments: list[str]) -> int:
    """Do as the usage says; the exit status is 1 if something is wrong."""
    match arguments:
        case ["files", sdist, wheel]:
            found = check_files(sdist, wheel)
        case ["installed"]:
            found = check_installed()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    for wrong in found:
        print(f"check_wheel.py: {wrong}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
