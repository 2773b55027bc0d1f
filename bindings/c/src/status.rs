//! What functions return, and how panics end.

use mlip_rs::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a call ended.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It did what was asked.
    Ok = 0,
    /// A null pointer, or a number that makes no sense.
    BadArgument = 1,
    /// A file that is no potential, torn, or of a newer version.
    BadPotential = 2,
    /// Rows of neighbours that contradict themselves: an index out of range, an atom beside itself.
    BadNeighbors = 3,
    /// Number or species of atoms differ from those of the neighbours: set neighbours anew.
    StaleNeighbors = 4,
    /// Atoms overlap, positions or results are not finite; `mlip_offenders` tells which atoms.
    BadStructure = 5,
    /// The system does not start as many threads.
    NoThreads = 6,
    /// A mistake of mlip_rs itself.
    Internal = 7,
}

/// What went wrong: status, message, and the positions of the atoms that are to blame, −1 for none.
#[derive(Debug)]
pub(crate) struct Failure {
    pub status: Status,
    pub message: String,
    pub offenders: [i64; 2],
}

impl Failure {
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            offenders: [-1; 2],
        }
    }

    pub fn null(what: &str) -> Self {
        Self::new(Status::BadArgument, format!("{what} is a null pointer"))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (status, offenders) = match &error {
            Error::Overlap { atom, other, .. } => {
                (Status::BadStructure, [*atom as i64, *other as i64])
            }
            Error::NonFinitePosition { atom } | Error::NotFinite { atom, .. } => {
                (Status::BadStructure, [*atom as i64, -1])
            }
            Error::NeighborRows(_) => (Status::BadNeighbors, [-1; 2]),
            Error::PotentialFile(_) | Error::Basis(_) => (Status::BadPotential, [-1; 2]),
            Error::Threads { .. } => (Status::NoThreads, [-1; 2]),
            _ => (Status::BadArgument, [-1; 2]),
        };
        Self {
            status,
            message: error.to_string(),
            offenders,
        }
    }
}

/// Result of the inner, safe part of a function.
pub(crate) type Outcome<T> = std::result::Result<T, Failure>;

/// Run the inner part of a function; a panic becomes a failure.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|cause| {
        let text = (cause.downcast_ref::<String>().map(String::as_str))
            .or_else(|| cause.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(Failure::new(
            Status::Internal,
            format!("a mistake of mlip_rs, please report it: {text}"),
        ))
    })
}
