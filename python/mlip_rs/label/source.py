"""What makes the labels, as a specification that travels to the process which calculates."""

import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import pickle
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import ase
from ase import Atoms

from mlip_rs import _core
from mlip_rs.data.label_source import TEACHER
from mlip_rs.errors import ConfigError
from mlip_rs.files import plain_name
from mlip_rs.label.file_command import CommandCalculator, FileCommand
from mlip_rs.label.teachers import TEACHERS, Teacher
from mlip_rs.potential import Potential

Factory = Callable[..., Any]

EVERYWHERE: tuple[str, ...] = ("python", "mlip_rs", "numpy", "scipy", "ase")
"""Packages that are part of every label."""

COMMAND: str = f"{CommandCalculator.__module__}:{CommandCalculator.__name__}"
"""Name of a program with files."""

FORMS: str = (
    "give module:factory (such as ase.calculators.emt:EMT), path/to/file.py:factory, the file of a potential "
    f"(.mlip.json), or one of {', '.join(TEACHERS)}"
)
"""How calculators are named."""


@dataclass(frozen=True)
class CalculatorSource:
    """Where calculators come from; small, and the same in every process.

    Parameters
    ----------
    name
        "module:factory", "file.py:factory", the file of a potential, the name of a teacher; for what was given as an
        object, its name.
    arguments
        Keyword arguments of the factory.
    content
        Pickle of what was given as an object; empty if the name tells.
    folder
        Working directory, in which factories are called and names of files are looked up.
    digest
        Of what was given as an object; empty if the name tells.
    is_teacher
        Whether it is said to be a potential itself.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    content: bytes = b""
    folder: str = ""
    digest: str = ""
    is_teacher: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (
            self.name,
            dict(self.arguments),
            self.content,
            self.folder,
            self.digest,
            self.is_teacher,
        )

    def document(self) -> dict[str, Any]:
        """What a run that resumes must have in common with the one before."""
        return {"calculator": self.name, "arguments": _plain(self.arguments)}

    def described(self, versions: Mapping[str, str]) -> str:
        """What every labelled structure says of its origin, with versions of packages that have a part in it.

        Examples
        --------
        >>> source_of("gpaw.new:GPAW").described({"python": "3.11", "ase": "3.29.0", "gpaw": "26.7.0"})
        'gpaw.new:GPAW (gpaw 26.7.0)'
        >>> CalculatorSource("7net-0").described({"ase": "3.29.0", "sevenn": "0.13.0"})
        'teacher 7net-0 (sevenn 0.13.0)'
        >>> source_of(FileCommand("mpirun vasp_std", "POSCAR", "vasprun.xml")).described({"ase": "3.29.0"})
        'mpirun vasp_std'
        """
        if self.name == COMMAND:
            return " ".join(str(self.arguments["command"]).split())
        known = {name: version for name, version in versions.items() if name not in EVERYWHERE}
        packages = ", ".join(f"{name} {version}" for name, version in known.items())
        teacher = self.is_teacher or self.name in TEACHERS or plain_name(self.name).endswith(".json")
        name = Path(self.name).name if ":" not in self.name else self.name.rpartition("/")[2]
        return f"{TEACHER} " * teacher + name + f" ({packages})" * bool(packages)


@dataclass(frozen=True)
class Opened:
    """A source in the process that calculates.

    Parameters
    ----------
    make
        Returns a calculator for a structure.
    per_structure
        Whether it makes one for each structure.
    digest
        Of the file that holds the factory, if that is no installed package; else of nothing.
    versions
        Of Python and packages that have a part in the labels.
    """

    make: Callable[[Atoms], Any]
    per_structure: bool
    digest: str
    versions: Mapping[str, str]


def source_of(calculator: Any, arguments: Mapping[str, Any] | None = None) -> CalculatorSource:  # noqa: ANN401
    """Specification of a calculator.

    Parameters
    ----------
    calculator
        Text as for the command line (see `FORMS`), a function or class that returns a calculator of ASE, such a
        calculator, a `FileCommand`, or a `Potential`.
    arguments
        Keyword arguments of the factory.

    Raises
    ------
    ConfigError
        Text of another form, or an object that cannot be sent to another process.

    Examples
    --------
    >>> source_of("ase.calculators.emt:EMT").name
    'ase.calculators.emt:EMT'
    >>> source_of("EMT")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    mlip_rs.errors.ConfigError: calculator 'EMT' is not understood; give module:factory ...
    """
    given, folder = dict(arguments or {}), str(Path.cwd())
    if isinstance(calculator, os.PathLike):
        calculator = os.fspath(calculator)
    if isinstance(calculator, str):
        return CalculatorSource(_checked_name(calculator), given, b"", folder)
    if isinstance(calculator, FileCommand):
        return CalculatorSource(COMMAND, calculator.arguments(), b"", folder)
    if isinstance(calculator, Potential):
        calculator = calculator.calculator(threads=1)
    name = getattr(calculator, "__qualname__", "") or type(calculator).__qualname__
    module = getattr(calculator, "__module__", "") or type(calculator).__module__
    if callable(calculator) and _importable(module, name) is calculator:
        return CalculatorSource(f"{module}:{name}", given, b"", folder)
    if given and not callable(calculator):
        raise ConfigError(f"{name} is a calculator already; arguments belong to a factory")
    return CalculatorSource(name, given, _pickled(calculator, name), folder, _object_digest(calculator))


def opened(source: CalculatorSource, threads: int) -> Opened:
    """Import what a source names, and find out how it makes calculators.

    Parameters
    ----------
    source
        The specification.
    threads
        Number of threads that a calculator may use; those of libraries are set by the environment.

    Raises
    ------
    ConfigError
        One sentence on a module or factory that does not exist, cannot be imported, or wants other arguments.
    """
    if source.content:
        given = pickle.loads(source.content)
        if inspect.isroutine(given) or inspect.isclass(given):
            return _opened_factory(given, source, None)
        versions = _versions([type(given).__module__])
        return Opened(lambda atoms: pickle.loads(source.content), False, source.digest, versions)
    path = Path(source.folder, source.name)
    if plain_name(source.name).endswith(".json"):
        potential = Potential.load(path)
        calculator = potential.calculator(threads=threads, index=False)
        return Opened(lambda atoms: calculator, False, str(potential.checksum), _versions([]))
    teacher = TEACHERS.get(source.name)
    place = teacher.place if teacher else source.name
    module_name, _, attribute = place.rpartition(":")
    module = _module(module_name, source, teacher)
    factory: Any = module
    for part in attribute.split("."):
        factory = getattr(factory, part, None)
    if factory is None:
        raise ConfigError(
            f"{source.name}: {module_name} has no {attribute!r}; correct the name of the factory"
        )
    if not callable(factory):
        raise ConfigError(f"{source.name}: {attribute!r} cannot be called; name a function or class")
    if teacher:
        source = CalculatorSource(source.name, {**teacher.arguments, **source.arguments}, b"", source.folder)
    return _opened_factory(factory, source, module)


def _opened_factory(factory: Factory, source: CalculatorSource, module: ModuleType | None) -> Opened:
    """A factory, called once for all structures or once for each; a module that is no package is told by its digest."""
    arguments = dict(source.arguments)
    per_structure = _takes_atoms(factory, arguments, source.name)
    digest, name = source.digest, getattr(module or factory, "__name__" if module else "__module__", "")
    file = getattr(module, "__file__", None)
    installed = name.partition(".")[0] in importlib.metadata.packages_distributions()
    if file is not None and not installed:
        digest = _digest(Path(file).read_bytes())
    used = [] if installed else _modules_of(vars(module) if module else getattr(factory, "__globals__", {}))
    versions = _versions([name, *used])
    if per_structure:
        return Opened(
            lambda atoms: _calculator(factory(atoms, **arguments), source.name), True, digest, versions
        )
    return Opened(lambda atoms: _calculator(factory(**arguments), source.name), False, digest, versions)


def _calculator(made: Any, name: str) -> Any:  # noqa: ANN401 (of anyone)
    """What a factory returned, if that is a calculator.

    >>> _calculator(None, "calc.py:make")
    Traceback (most recent call last):
    mlip_rs.errors.ConfigError: calc.py:make: returns None, which is no calculator of ASE; end the function with return
    """
    if not inspect.isclass(made) and (hasattr(made, "get_potential_energy") or hasattr(made, "calculate")):
        return made
    what = f"the class {made.__name__}" if inspect.isclass(made) else "None"
    cure = f"return {made.__name__}(...)" if inspect.isclass(made) else "end the function with return"
    if made is not None and not inspect.isclass(made):
        what, cure = f"an object of type {type(made).__name__}", "return one"
    raise ConfigError(f"{name}: returns {what}, which is no calculator of ASE; {cure}")


def _takes_atoms(factory: Factory, arguments: Mapping[str, Any], name: str) -> bool:
    """Whether a factory wants the structure: it has one parameter without default that no argument gives."""
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # of a compiled function
        return False
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    open_ones = [
        key
        for key, one in parameters.items()
        if one.default is one.empty
        and key not in arguments
        and one.kind in (*kinds, inspect.Parameter.KEYWORD_ONLY)
    ]
    any_name = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    unknown = [key for key in arguments if key not in parameters and not any_name]
    if unknown:
        raise ConfigError(
            f"{name}: takes no argument {unknown[0]!r}; it takes {', '.join(parameters) or 'none'}"
        )
    if len(open_ones) > 1 or (open_ones and parameters[open_ones[0]].kind not in kinds):
        raise ConfigError(
            f"{name}: needs {', '.join(open_ones)}; give what is no structure, --set NAME=VALUE"
        )
    return bool(open_ones)


def _module(name: str, source: CalculatorSource, teacher: Teacher | None) -> ModuleType:
    """Import a module, or a file that ends with .py."""
    try:
        if not name.endswith(".py"):
            if source.folder not in sys.path:
                sys.path.append(
                    source.folder
                )  # a script in the working directory, as `python -m` would find it
            return importlib.import_module(name)
        path = Path(source.folder, name).resolve()
        specification = importlib.util.spec_from_file_location(path.stem, path)
        if specification is None or specification.loader is None or not path.is_file():
            raise ConfigError(f"{source.name}: there is no file {path}; correct the path")
        module = importlib.util.module_from_spec(specification)
        sys.modules[path.stem] = module
        sys.path.insert(0, str(path.parent))
        specification.loader.exec_module(module)
        return module
    except ConfigError:
        raise
    except ModuleNotFoundError as error:
        if teacher and error.name and teacher.place.startswith(error.name):
            raise ConfigError(f"{source.name}: is not installed; {teacher.cure}") from None
        missing = f"there is no module {error.name!r}" if error.name else str(error)
        raise ConfigError(f"{source.name}: {missing}; install it, or correct the name") from None
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ConfigError(f"{source.name}: {name} cannot be imported ({text})") from None


def _checked_name(text: str) -> str:
    """Text of one of the forms."""
    module, colon, factory = text.rpartition(":")
    if text in TEACHERS or (plain_name(text).endswith(".json") and Path(text).is_file()):
        return text
    if plain_name(text).endswith(".json"):
        raise ConfigError(f"{text}: there is no such file; name the file of a potential")
    plain = all(part.isidentifier() for part in factory.split("."))
    if not (
        colon and plain and (module.endswith(".py") or all(part.isidentifier() for part in module.split(".")))
    ):
        raise ConfigError(f"calculator {text!r} is not understood; {FORMS}")
    if module.endswith(".py") and not Path(module).is_file():
        raise ConfigError(f"{text}: there is no file {module}; correct the path")
    return text


def _importable(module: str, name: str) -> Any:  # noqa: ANN401 (anything)
    """What a name stands for in any process; None for that of a script, a test or a function inside another."""
    if module in ("__main__", "") or importlib.util.find_spec(module.partition(".")[0]) is None:
        return None
    return getattr(sys.modules.get(module), name, None) if "." not in name else None


def _pickled(calculator: object, name: str) -> bytes:
    """Send an object by its value: with cloudpickle, which takes functions of scripts, if there is one."""
    try:
        import cloudpickle
    except ImportError:
        cloudpickle = pickle
    try:
        if cloudpickle is pickle and getattr(calculator, "__module__", "") == "__main__":
            raise ConfigError("it belongs to a script, and cloudpickle is not installed")
        return bytes(cloudpickle.dumps(calculator))
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"{name} cannot be sent to another process ({text}); put a function that makes the calculator into a file, "
            "and give file.py:function"
        ) from None


def _object_digest(calculator: object) -> str:
    """Digest of the text of a function or class, or of the parameters of a calculator."""
    if inspect.isroutine(calculator) or inspect.isclass(calculator):
        try:
            return _digest(inspect.getsource(calculator).encode())
        except (OSError, TypeError):  # typed in at a prompt
            return ""
    try:
        parameters = calculator.todict() if hasattr(calculator, "todict") else {}
    except Exception:  # of any calculator
        parameters = {}
    return _digest(repr(sorted(_plain(parameters).items())).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _modules_of(names: Mapping[str, Any]) -> list[str]:
    """Modules of what a file has imported."""
    values = list(names.values())
    return [
        value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", ""))
        for value in values
    ]


def _versions(modules: list[str]) -> dict[str, str]:
    """Versions of Python, ASE, this package and those that modules belong to."""
    found = {
        "python": platform.python_version(),
        "ase": ase.__version__,
        "mlip_rs": _core.__version__,
    }
    owners = importlib.metadata.packages_distributions()
    for module in modules:
        for package in owners.get(module.partition(".")[0], []):
            found[package.lower()] = importlib.metadata.version(package)
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401 (any argument)
    """A value as JSON holds it; what JSON has no form for, as its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | bool | int | float) else repr(value)
