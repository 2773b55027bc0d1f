//! Neighbour lists: all pairs within a cutoff, for any cell.
//!
//! Atoms are binned in the fractional coordinates of a frame that is the same for all cells (see `geometry`), periodic
//! axes folded back into the cell. For each bin the bins within reach are known once for all, so that the candidates of
//! its atoms are a few contiguous stretches of the sorted atoms. Time and memory grow linearly with the atoms.
//!
//! Pairs refer to *wrapped* positions, which a [`Frame`] prepares once per evaluation; [`NeighborList::shift`] gives
//! images relative to the positions as given.

mod brute_force;
mod grid;
mod search;
mod stencil;
mod verlet;

use std::ops::Range;

use rayon::prelude::*;

pub use brute_force::{ImagePair, brute_force};
pub use verlet::VerletList;

use crate::geometry::Vector;
use crate::{Error, Result, Structure, memory, parallel};
use grid::Grid;
use search::{Chunk, Search};
use stencil::Stencil;

/// Largest cutoff accepted, Å.
pub const MAX_CUTOFF: f64 = 50.0;

/// Height of a bin in units of the cutoff. Measured on fcc aluminium, 6.5 Å, one thread: a third takes about twice as
/// long, 0.6 to 1 up to 40 % longer.
const BIN_HEIGHT: f64 = 0.5;

/// Relative slack for the rounding of coordinates, when bins are compared with the cutoff.
const SLACK: f64 = 1e-6;

/// Most pairs of a list: 16 GB.
const MAX_PAIRS: f64 = 2e9;

/// Lists up to this length, 240 MB while they are made, are made without looking at the memory.
const FEW_PAIRS: f64 = 1e7;

/// Bytes of a pair while the list is made: its vector grows by doubling.
const PAIR_BYTES: f64 = 24.0;

/// Atoms of a bin beyond which pairs are estimated bin by bin: a condensed phase has a few.
const CROWDED_ATOMS: u32 = 64;

/// Images within the cutoff beyond which they are, too.
const CROWDED_IMAGES: usize = 1000;

/// Atoms per unit of parallel work, at least.
const CHUNK_ATOMS: usize = 512;

/// One entry of a row of the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    /// Index of the neighbour.
    pub neighbor: u32,
    /// Index into the table of image translations, [`Frame::translations`].
    pub shift: u32,
}

/// All pairs of atoms within a cutoff, each found from both ends; images of an atom are its neighbours, too.
///
/// The rows, and the order of pairs in them, depend on the structure only, not on the number of threads. An atom on
/// the spot of another is listed (distance zero); whoever gathers environments must refuse it.
#[derive(Debug, Clone, PartialEq)]
pub struct NeighborList {
    cutoff: f64,
    n_pairs: usize,
    /// Unique images relative to wrapped positions.
    images: Vec<[i32; 3]>,
    /// Image in which each atom lies: wrapped position = position − wraps·H.
    wraps: Vec<[i32; 3]>,
    /// Where to find the row of each atom.
    rows: Vec<Row>,
    /// The pairs as the workers left them: copying them together would cost as much as finding them.
    chunks: Vec<Chunk>,
    /// Atoms in the order in which their rows are stored.
    order: Vec<u32>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Row {
    chunk: usize,
    start: usize,
    end: usize,
}

impl NeighborList {
    /// Finds all pairs closer than or at `cutoff` (Å).
    ///
    /// Large structures are searched in parallel if the caller is inside a rayon pool; wrap the call in
    /// [`rayon::ThreadPool::install`] to choose it. Small ones (at most about 500 atoms) never touch rayon.
    ///
    /// # Errors
    /// [`Error::Cutoff`] unless the cutoff is positive and at most [`MAX_CUTOFF`]; [`Error::FlatCell`] if more than a
    /// million images of the cell lie within the cutoff; [`Error::TooDense`] if the list would not fit into memory.
    pub fn new(structure: &Structure, cutoff: f64) -> Result<Self> {
        if !(cutoff > 0.0 && cutoff <= MAX_CUTOFF) {
            let limit = MAX_CUTOFF;
            return Err(Error::Cutoff { cutoff, limit });
        }
        let cell = structure.cell();
        let reach = cutoff * (1.0 + SLACK) + SLACK;
        check_density(structure, cutoff)?;
        let grid = Grid::new(structure, reach * BIN_HEIGHT * (1.0 + SLACK));
        let stencil = Stencil::new(cell, &grid, reach)?;
        let images = stencil.images();
        let translations: Vec<_> = images.iter().map(|&s| cell.translation(s)).collect();
        let search = Search {
            grid: &grid,
            stencil: &stencil,
            translations: &translations,
            cutoff,
        };
        if is_crowded(&grid, images.len()) {
            let n_pairs = search.expected_pairs();
            let around = structure.n_atoms() as f64 * sphere(cutoff);
            check_pairs(n_pairs, n_pairs / around)?;
        }
        let work = partition(&grid);
        let chunks: Vec<Chunk> = if work.len() > 1 && parallel::inside_pool() {
            work.into_par_iter()
                .map(|bins| search.chunk(bins))
                .collect()
        } else {
            work.into_iter().map(|bins| search.chunk(bins)).collect()
        };
        let (order, wraps) = grid.into_order_and_images();
        Ok(Self {
            cutoff,
            n_pairs: chunks.iter().map(|chunk| chunk.pairs.len()).sum(),
            images,
            rows: rows(&chunks, &order),
            wraps,
            chunks,
            order,
        })
    }

    /// Number of atoms.
    #[must_use]
    pub fn n_atoms(&self) -> usize {
        self.rows.len()
    }

    /// Number of pairs, each counted from both ends.
    #[must_use]
    pub fn n_pairs(&self) -> usize {
        self.n_pairs
    }

    /// The cutoff, Å.
    #[must_use]
    pub fn cutoff(&self) -> f64 {
        self.cutoff
    }

    /// The neighbours of atom `i`.
    ///
    /// # Panics
    /// If there is no such atom.
    #[must_use]
    pub fn row(&self, i: usize) -> &[Pair] {
        let Row { chunk, start, end } = self.rows[i];
        &self.chunks[chunk].pairs[start..end]
    }

    /// All atoms, `[n_atoms]`, in the order in which their rows lie in memory: neighbours in space are neighbours here.
    /// Going through the atoms in this order is kind to caches.
    #[must_use]
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// Image `S` of the neighbour in entry `pair` of row `i`, relative to the positions as given:
    /// `r_ij = r_j + S·H − r_i`.
    ///
    /// # Panics
    /// If there is no such atom or entry.
    #[must_use]
    pub fn shift(&self, i: usize, pair: usize) -> [i32; 3] {
        let Pair { neighbor, shift } = self.row(i)[pair];
        let (image, own, other) = (
            self.images[shift as usize],
            self.wraps[i],
            self.wraps[neighbor as usize],
        );
        std::array::from_fn(|k| image[k] + own[k] - other[k])
    }

    /// Prepares the evaluation of distances for the structure the list was made from, or the same atoms somewhat
    /// displaced in a somewhat strained cell (see [`VerletList`]).
    ///
    /// # Panics
    /// If the number of atoms differs.
    #[must_use]
    pub fn frame(&self, structure: &Structure) -> Frame {
        assert_eq!(
            structure.n_atoms(),
            self.n_atoms(),
            "the list belongs to another structure"
        );
        let cell = structure.cell();
        let atoms = structure.positions().iter().zip(&self.wraps);
        Frame {
            wrapped: atoms
                .map(|(&r, &image)| grid::wrap(cell, r, image))
                .collect(),
            translations: self
                .images
                .iter()
                .map(|&image| cell.translation(image))
                .collect(),
        }
    }
}

/// What turns pairs into displacements: positions folded into the cell and translations of images.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Positions folded into the cell along its periodic directions, `[n_atoms][3]`, Å.
    pub wrapped: Vec<Vector>,
    /// Translation of each image, indexed by [`Pair::shift`], Å.
    pub translations: Vec<Vector>,
}

impl Frame {
    /// `r_ij`, from atom `i` to the neighbour of `pair`, Å.
    ///
    /// # Panics
    /// If the pair does not come from the list of this frame.
    #[must_use]
    #[inline]
    pub fn displacement(&self, i: usize, pair: Pair) -> Vector {
        let from = self.wrapped[i];
        let to = self.images().at(pair);
        std::array::from_fn(|k| to[k] - from[k])
    }

    /// Where the atoms and their images lie.
    #[must_use]
    #[inline]
    pub fn images(&self) -> Images<'_> {
        Images {
            positions: &self.wrapped,
            translations: &self.translations,
        }
    }
}

/// Where atoms and their images lie.
#[derive(Debug, Clone, Copy)]
pub struct Images<'a> {
    /// Positions, Å.
    pub positions: &'a [Vector],
    /// Translations of images, indexed by [`Pair::shift`], Å.
    pub translations: &'a [Vector],
}

impl Images<'_> {
    /// Where the neighbour of `pair` lies, Å.
    ///
    /// # Panics
    /// If there is no such position or translation.
    #[must_use]
    #[inline]
    pub fn at(&self, pair: Pair) -> Vector {
        let to = self.positions[pair.neighbor as usize];
        let image = self.translations[pair.shift as usize];
        std::array::from_fn(|k| to[k] + image[k])
    }
}

/// Refuses a structure whose mean density gives more pairs than [`MAX_PAIRS`], or than memory holds.
fn check_density(structure: &Structure, cutoff: f64) -> Result<()> {
    let n = structure.n_atoms() as f64;
    let volume = occupied_volume(structure, cutoff);
    check_pairs(n * n / volume * sphere(cutoff), n / volume)
}

/// Whether the mean density may hide a place in which the list grows beyond the memory: slabs, clusters in large cells.
/// It is then estimated bin by bin, which takes a small part of the time of the search.
fn is_crowded(grid: &Grid, n_images: usize) -> bool {
    let most = grid.starts.windows(2).map(|ends| ends[1] - ends[0]).max();
    most.unwrap_or(0) > CROWDED_ATOMS || n_images > CROWDED_IMAGES
}

/// Volume around an atom in which its neighbours lie, Å³.
fn sphere(cutoff: f64) -> f64 {
    4.0 / 3.0 * std::f64::consts::PI * cutoff.powi(3)
}

/// Refuses more pairs than [`MAX_PAIRS`], or than memory holds; `density` is that of the atoms, 1/Å³.
fn check_pairs(n_pairs: f64, density: f64) -> Result<()> {
    // The system is asked only where it matters: reading its files takes longer than most lists.
    let fits = n_pairs <= FEW_PAIRS
        || memory::available_bytes().is_none_or(|bytes| n_pairs * PAIR_BYTES <= bytes as f64);
    if n_pairs <= MAX_PAIRS && fits {
        return Ok(());
    }
    Err(Error::TooDense { n_pairs, density })
}

/// Volume in which the neighbours of the atoms lie, Å³: of the cell, or of a box around a cluster with half a cutoff
/// on each side; without limit if only some directions are periodic.
fn occupied_volume(structure: &Structure, cutoff: f64) -> f64 {
    let cell = structure.cell();
    if cell.pbc().iter().all(|&periodic| periodic) {
        return cell.volume();
    }
    if cell.pbc().iter().any(|&periodic| periodic) {
        return f64::INFINITY;
    }
    let extent = |axis: usize| {
        let ends = (f64::INFINITY, f64::NEG_INFINITY);
        let (low, high) = structure
            .positions()
            .iter()
            .fold(ends, |(low, high), r| (low.min(r[axis]), high.max(r[axis])));
        (high - low).max(0.0) + cutoff
    };
    extent(0) * extent(1) * extent(2)
}

/// Ranges of bins with about [`CHUNK_ATOMS`] atoms each.
fn partition(grid: &Grid) -> Vec<Range<usize>> {
    let mut ranges = Vec::with_capacity(1 + grid.images.len() / CHUNK_ATOMS);
    let mut first = 0;
    for bin in 1..=grid.len() {
        let atoms = (grid.starts[bin] - grid.starts[first]) as usize;
        if atoms >= CHUNK_ATOMS || bin == grid.len() {
            ranges.push(first..bin);
            first = bin;
        }
    }
    ranges
}

fn rows(chunks: &[Chunk], order: &[u32]) -> Vec<Row> {
    let mut rows = vec![Row::default(); order.len()];
    let mut atoms = order.iter();
    for (chunk, Chunk { ends, .. }) in chunks.iter().enumerate() {
        let mut start = 0;
        for (&end, &atom) in ends.iter().zip(&mut atoms) {
            rows[atom as usize] = Row { chunk, start, end };
            start = end;
        }
    }
    rows
}
