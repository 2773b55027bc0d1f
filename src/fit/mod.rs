//! From labelled structures to the equations of a fit: design rows, and normal equations summed over them.

pub mod design;
pub mod features;
pub mod held_rows;
pub mod normal;
