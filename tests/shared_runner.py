"""Runs modules of tests/shared inside a MicroPython VM; `tests/test_shared_in_vm.py` starts it.

    micropython tests/shared_runner.py REPOSITORY MODULE…

Every `test_…` function of each module is called; a line is printed for each, tracebacks for the
failed ones, and the exit code is 1 if one failed or a module had no test.
"""

import sys


def run(name):
    """Run one module of tests/shared: (tests run, tests failed)."""
    package = __import__("tests.shared." + name)
    module = getattr(package.shared, name)
    ran = 0
    failed = 0
    for attribute in sorted(dir(module)):
        if attribute[:5] != "test_":
            continue
        ran += 1
        try:
            getattr(module, attribute)()
            print("ok", name, attribute)
        except Exception as error:
            failed += 1
            print("FAILED", name, attribute)
            sys.print_exception(error)
    return ran, failed


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    bad = 0
    for wanted in sys.argv[2:]:
        counts = run(wanted)
        if not counts[0] or counts[1]:
            bad += 1
    sys.exit(1 if bad else 0)
