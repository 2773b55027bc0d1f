"""Registers the verbs, and maps errors, Ctrl-C and closed pipes to messages and exit codes."""

import errno
import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any, TextIO

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

import typer
from typer.core import TyperGroup

from mlip_rs.cli import (
    bench,
    demo,
    distil,
    evaluate,
    explain,
    export,
    fit,
    generate,
    importing,
    inspection,
    label,
    lammps,
    learn,
    pareto,
    predict,
    uncertainty,
    validate,
    verify,
)
from mlip_rs.cli.pages import with_page
from mlip_rs.cli.verb import Verb
from mlip_rs.errors import MlipError, OutsideDomainWarning

INTERRUPTED: int = 130
"""Exit code after Ctrl-C, the usual one of shells."""

COMPLETE: str = "_MLIP_RS_COMPLETE"
"""Variable by which a shell asks for completions."""

STOPPING: tuple[signal.Signals, ...] = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Signals that end a process, sent by batch systems and by terminals that close."""

RESUMABLE: frozenset[str] = frozenset({"distil", "fit", "label", "lammps", "learn", "validate"})


CURES: dict[int, str] = {
    errno.ENOSPC: "free some space, or choose another output; what was there before is unchanged",
    errno.EDQUOT: "free some space, or choose another output; what was there before is unchanged",
    errno.EFBIG: "raise the limit (ulimit -f), or choose another output; what was there before is unchanged",
}
"""What helps against errors of writing, by number."""


LEAST_ADDRESS_SPACE: int = 640 << 20
"""Bytes that the numerical libraries take before anything is computed, on two cores; with less, OpenBLAS ends
the process with words of its own, or never returns."""


class Stopped(KeyboardInterrupt):
    """A signal that asks the process to end: handled as Ctrl-C is, so that what is finished is kept."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


class Verbs(TyperGroup):
    """Group of verbs that reports errors in one line on stderr, with exit code 1."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 (typer's own or click's context, by its version)
        """Run a verb."""
        try:
            _check_address_space()
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            resume = "; run the same command again to resume" if ctx.invoked_subcommand in RESUMABLE else ""
            print(f"interrupted{resume}", file=sys.stderr)
            raise typer.Exit(stop.code if isinstance(stop, Stopped) else INTERRUPTED) from None
        except BrokenPipeError:
            raise
        except SystemExit as stop:  # only foreign code raises it here, and its exit code may be 0
            print(
                f"error: a calculator, or other code that was called, ended the process (exit code {stop.code}); "
                "let it raise an error that says why",
                file=sys.stderr,
            )
            raise typer.Exit(1) from None
        except (MlipError, OSError, MemoryError, ImportError) as error:
            if os.environ.get("MLIP_RS_DEBUG") or (isinstance(error, ImportError) and not _unmapped(error)):
                raise
            for line in describe(error).splitlines():
                print(f"error: {with_page(line)}", file=sys.stderr)
            raise typer.Exit(1) from None


def describe(error: BaseException) -> str:
    """Return the message of an error."""
    no_memory = isinstance(error, OSError) and error.errno == errno.ENOMEM
    if isinstance(error, MemoryError) or no_memory or _unmapped(error):
        why = f" ({error})" if isinstance(error, MemoryError) and str(error) else ""
        return (
            f"not enough memory{why}; use a smaller basis or fewer structures at a time, or raise ulimit -v"
        )
    if isinstance(error, OSError) and error.strerror:
        cure = f"; {CURES[error.errno]}" if error.filename and error.errno in CURES else ""
        return (f"{error.filename}: " if error.filename else "") + error.strerror + cure
    return str(error) or type(error).__name__


def _check_address_space() -> None:
    """Raise MemoryError if the limit of the shell leaves too little address space for the numerical libraries."""
    if resource is None:
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < LEAST_ADDRESS_SPACE:
        raise MemoryError(
            f"the limit is {limit >> 20} MiB of address space; {LEAST_ADDRESS_SPACE >> 20} MiB are the least"
        )


def _unmapped(error: BaseException) -> bool:
    """Whether there was no memory for a library, in the words of the dynamic linker, which NumPy repeats."""
    return isinstance(error, ImportError) and "failed to map segment" in str(error)


def show_version(wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        from mlip_rs._core import __version__

        print(f"mlip-rs {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="mlip-rs",
    cls=Verbs,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich takes longer than all other imports
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def entry(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=show_version, is_eager=True)
    ] = False,
) -> None:
    """Machine-learning interatomic potentials by sparse estimation: from DFT data to a fast potential."""


VERBS: dict[str, Callable[..., None]] = {
    "demo": demo.run,
    "generate": generate.run,
    "label": label.run,
    "learn": learn.run,
    "distil": distil.run,
    "fit": fit.run,
    "pareto": pareto.run,
    "evaluate": evaluate.run,
    "predict": predict.run,
    "uncertainty": uncertainty.run,
    "inspect": inspection.run,
    "bench": bench.run,
    "verify": verify.run,
    "validate": validate.run,
    "import": importing.run,
    "export": export.run,
    "explain": explain.run,
}
"""Verbs in the order of `--help`."""

for name, verb in VERBS.items():
    app.command(name, cls=Verb)(verb)
app.add_typer(lammps.app, name="lammps")


def main() -> None:
    """Entry point of `mlip-rs`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # µ and Å on a terminal that has none
    if COMPLETE in os.environ:  # typer breaks texts at the width of the terminal; shells complete every line
        os.environ["COLUMNS"] = "10000"
    os.environ["MPLBACKEND"] = "agg"  # figures go to files; a backend that does not exist would end the run
    warnings.showwarning = _show_warning
    for number in STOPPING:
        if signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores SIGHUP, and so it stays
            signal.signal(number, _stop)
    code: object = 0
    try:
        app(prog_name="mlip-rs")
    except SystemExit as stop:
        code = stop.code
    raise SystemExit(_flushed(code))


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print what concerns the user as a sentence, without the line of code that said it."""
    ours = issubclass(category, OutsideDomainWarning)
    text = (
        f"warning: {message}\n" if ours else warnings.formatwarning(message, category, filename, lineno, line)
    )
    print(text, end="", file=file or sys.stderr)


def _stop(number: int, _frame: object) -> None:
    raise Stopped(number)


def _flushed(code: object) -> Any:  # noqa: ANN401 (whatever SystemExit takes)
    """Flush standard output and return the exit code, 1 if the reader is gone or the disk is full."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            print(f"error: standard output: {error.strerror}", file=sys.stderr)
        # Python flushes once more at its end: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code or 1
    return code
