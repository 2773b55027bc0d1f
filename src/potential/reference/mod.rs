//! The reference evaluator: the oracle of the compiled one.

mod evaluate;
mod plan;

pub use plan::ReferenceCenter;
