//! C interface of mlip_rs: potentials evaluated with the atoms, ghosts and neighbour rows of a molecular-dynamics code.
//!
//! Every function checks what it can of its arguments and returns a status; none of them unwinds into C. Handles are made by
//! `…_open` and freed by `…_close`. A potential may be shared between threads, an evaluator belongs to one at a time.
//! Units are Å, eV and eV/Å; the order of the components of virials is that of LAMMPS, xx yy zz xy xz yz (yx zx zy).

#![expect(
    unsafe_code,
    reason = "C hands over pointers; each use says why it is sound"
)]

mod evaluator;
mod neighbors;
mod potential;
mod status;

pub use evaluator::{
    Evaluator, Output, mlip_evaluate, mlip_evaluator_close, mlip_evaluator_open, mlip_memory,
    mlip_message, mlip_offenders,
};
pub use neighbors::{HostRows, mlip_set_neighbors};
pub use potential::{
    Potential, mlip_potential_close, mlip_potential_cutoff, mlip_potential_element,
    mlip_potential_elements, mlip_potential_has_index, mlip_potential_open, mlip_potential_species,
};
pub use status::Status;
use std::ffi::c_char;

/// Version of this interface: another number means other functions, arguments or meanings.
pub const MLIP_ABI_VERSION: u32 = 2;

/// The `MLIP_ABI_VERSION` that the library has been compiled with.
#[unsafe(no_mangle)]
pub extern "C" fn mlip_abi_version() -> u32 {
    MLIP_ABI_VERSION
}

/// Version of mlip_rs, as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn mlip_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
