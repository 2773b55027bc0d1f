"""Every public function and class shows an example; `make test` runs them as doctests."""

import importlib
import inspect

import pytest

PACKAGES = (
    "",
    "basis",
    "calculators",
    "data",
    "demo",
    "eam",
    "fitting",
    "generate",
    "label",
    "label_check",
    "lammps",
    "learn",
    "potential",
    "uncertainty",
    "validate",
    "verify",
)


def public(package):
    """Functions and classes that a package exports."""
    module = importlib.import_module(f"mlip_rs.{package}".rstrip("."))
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            yield name, thing


@pytest.mark.parametrize("package", PACKAGES)
def test_public_functions_and_classes_have_a_runnable_example(package):
    missing = []
    for name, thing in public(package):
        methods = vars(thing).values() if inspect.isclass(thing) else ()
        texts = [thing.__doc__, *(inspect.getdoc(method) for method in methods if callable(method))]
        if not any(">>>" in (text or "") for text in texts):
            missing.append(name)
    assert not missing
