//! Atoms in a cell.

use crate::elements::MAX_ATOMIC_NUMBER;
use crate::geometry::{Cell, MAX_COORDINATE, Vector};
use crate::{Error, Result};

/// Atoms in a [`Cell`]: Cartesian positions and atomic numbers, checked once.
///
/// Positions are kept as given, inside the cell or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    cell: Cell,
    positions: Vec<Vector>,
    numbers: Vec<u8>,
}

impl Structure {
    /// Checks positions (`[n_atoms][3]`, Å) and atomic numbers (`[n_atoms]`). No atoms at all is a valid structure.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NonFinitePosition`], [`Error::FarPosition`] beyond [`MAX_COORDINATE`] and
    /// [`Error::AtomicNumber`] outside 1 to 118.
    pub fn new(cell: Cell, positions: Vec<Vector>, numbers: Vec<u8>) -> Result<Self> {
        if numbers.len() != positions.len() {
            return Err(Error::Length {
                what: "atomic numbers",
                expected: positions.len(),
                got: numbers.len(),
            });
        }
        for (atom, position) in positions.iter().enumerate() {
            if !position.iter().all(|x| x.is_finite()) {
                return Err(Error::NonFinitePosition { atom });
            }
            if position.iter().any(|x| x.abs() > MAX_COORDINATE) {
                let limit = MAX_COORDINATE;
                return Err(Error::FarPosition { atom, limit });
            }
        }
        for (atom, &number) in numbers.iter().enumerate() {
            if !(1..=MAX_ATOMIC_NUMBER).contains(&number) {
                return Err(Error::AtomicNumber { atom, number });
            }
        }
        Ok(Self {
            cell,
            positions,
            numbers,
        })
    }

    /// Number of atoms.
    #[must_use]
    pub fn n_atoms(&self) -> usize {
        self.positions.len()
    }

    /// The cell.
    #[must_use]
    pub fn cell(&self) -> &Cell {
        &self.cell
    }

    /// Cartesian positions as given, `[n_atoms][3]`, Å.
    #[must_use]
    pub fn positions(&self) -> &[Vector] {
        &self.positions
    }

    /// Atomic numbers, `[n_atoms]`.
    #[must_use]
    pub fn numbers(&self) -> &[u8] {
        &self.numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_structure_is_valid() {
        let empty = Structure::new(Cell::open(), vec![], vec![]).unwrap();
        assert_eq!(empty.n_atoms(), 0);
    }

    #[test]
    fn bad_atoms_are_refused_by_index() {
        let new = |positions, numbers| Structure::new(Cell::open(), positions, numbers);
        let good = [0.0; 3];
        assert_eq!(
            new(vec![good], vec![1, 1]),
            Err(Error::Length {
                what: "atomic numbers",
                expected: 1,
                got: 2
            })
        );
        assert_eq!(
            new(vec![good, [0.0, f64::INFINITY, 0.0]], vec![1, 1]),
            Err(Error::NonFinitePosition { atom: 1 })
        );
        assert_eq!(
            new(vec![good, [0.0, 0.0, -1e8]], vec![1, 1]),
            Err(Error::FarPosition {
                atom: 1,
                limit: MAX_COORDINATE
            })
        );
        for number in [0, 119] {
            assert_eq!(
                new(vec![good, good], vec![118, number]),
                Err(Error::AtomicNumber { atom: 1, number })
            );
        }
    }
}
