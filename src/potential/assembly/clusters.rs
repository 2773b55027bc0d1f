//! Neighbour lists as the evaluator wants them: groups of nearby atoms, each with the atoms around it side by side.
//!
//! A cluster copies the positions of its atoms and of all their neighbours once per evaluation; its rows then
//! refer to these copies by small numbers, and its forces are gathered in copies as well. No two clusters write to the
//! same memory, and which clusters there are depends on the structure only: sums are the same for any number of threads.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use crate::neighbors::{NeighborList, Pair};
use crate::parallel;
use rayon::prelude::*;

/// Atoms of a cluster in a large structure. Smaller ones copy more surroundings per atom, larger ones leave the caches.
const LARGEST: usize = 256;
/// Atoms of a cluster in a small structure, which is to keep several threads busy.
const SMALLEST: usize = 8;
/// Clusters of a structure that has too few atoms for large ones.
const WANTED: usize = 16;
/// The number of clusters is a multiple of this, so that two or four threads have the same to do.
const SHARES: usize = 4;

/// A neighbour list, cluster by cluster.
#[derive(Debug, Clone)]
pub struct Clusters {
    list: Vec<Cluster>,
    n_species: usize,
    /// Places of the copies of each atom, counted through all clusters.
    copies: Vec<u32>,
    /// Where the copies of each atom end.
    ends: Vec<u32>,
}

/// Some atoms and their surroundings.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The atoms, by species; they are the first copies.
    atoms: Vec<u32>,
    /// Number of atoms of each species.
    counts: Vec<u32>,
    /// Further copies: the neighbours, images of atoms of the cluster among them.
    images: Vec<Pair>,
    /// Place of its first copy among those of all clusters.
    first_copy: usize,
    /// Where the neighbours of each atom and species begin, by atom, then species.
    starts: Vec<u32>,
    /// Neighbours as numbers of copies.
    neighbors: Vec<u32>,
}

impl Clusters {
    /// Most atoms of which there is but one cluster, and nothing to share between threads.
    pub const SMALLEST: usize = SMALLEST;

    /// Sort a list into clusters; `species` are those of the atoms, below `n_species`.
    ///
    /// # Panics
    /// If there are more than 2³² copies of atoms.
    #[must_use]
    pub fn new(list: &NeighborList, species: &[u16], n_species: usize) -> Self {
        let row = |i: u32| list.row(i as usize).iter().copied();
        Self::sorted(list.order(), row, species, n_species, &Places::of_images)
    }

    /// Sort the rows of some centres into clusters, in the order of the centres; neighbours are numbers of positions.
    /// `species` are those of all positions; neighbours of a species from `n_species` on are left out.
    pub(super) fn from_rows<R: ExactSizeIterator<Item = u32>>(
        centers: &[u32],
        row: impl Fn(u32) -> R + Sync,
        species: &[u16],
        n_species: usize,
    ) -> Self {
        let row = |center| row(center).map(|neighbor| Pair { neighbor, shift: 0 });
        let places = || Places::of_positions(species.len());
        Self::sorted(centers, row, species, n_species, &places)
    }

    fn sorted<R: ExactSizeIterator<Item = Pair>>(
        centers: &[u32],
        row: impl Fn(u32) -> R + Sync,
        species: &[u16],
        n_species: usize,
        places: &(impl Fn() -> Places + Sync),
    ) -> Self {
        let n = centers.len();
        let count = n.div_ceil(LARGEST).max(WANTED).next_multiple_of(SHARES);
        // Atoms are evaluated by eights.
        let size = n.div_ceil(count).max(1).next_multiple_of(SMALLEST);
        let groups: Vec<&[u32]> = centers.chunks(size).collect();
        let make = |places: &mut Places, atoms: &&[u32]| {
            Cluster::new(atoms, &row, species, n_species, places)
        };
        let mut clusters: Vec<Cluster> = if groups.len() > WANTED && parallel::inside_pool() {
            groups.par_iter().map_init(places, make).collect()
        } else {
            let mut places = places();
            groups
                .iter()
                .map(|atoms| make(&mut places, atoms))
                .collect()
        };
        let mut first = 0;
        for cluster in &mut clusters {
            cluster.first_copy = first;
            first += cluster.n_copies();
        }
        assert!(
            u32::try_from(first).is_ok(),
            "copies are counted in 32 bits"
        );
        let (copies, ends) = copies_of_atoms(&clusters, species.len(), first);
        Self {
            list: clusters,
            n_species,
            copies,
            ends,
        }
    }

    /// The clusters.
    #[must_use]
    pub fn clusters(&self) -> &[Cluster] {
        &self.list
    }

    /// Number of species that the neighbours are sorted by.
    #[must_use]
    pub fn n_species(&self) -> usize {
        self.n_species
    }

    /// Number of copies of atoms in all clusters.
    #[must_use]
    pub fn n_copies(&self) -> usize {
        self.copies.len()
    }

    /// Memory that they occupy.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        let own = |cluster: &Cluster| {
            let words = cluster.atoms.capacity()
                + cluster.counts.capacity()
                + cluster.starts.capacity()
                + cluster.neighbors.capacity();
            4 * words + size_of::<Pair>() * cluster.images.capacity()
        };
        let clusters: usize = self.list.iter().map(own).sum();
        clusters + 4 * (self.copies.capacity() + self.ends.capacity())
    }

    /// Places of the copies of atom `i`, in the order in which they are to be summed.
    #[must_use]
    pub fn copies(&self, i: usize) -> &[u32] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        &self.copies[start..self.ends[i] as usize]
    }
}

impl Cluster {
    fn new<R: ExactSizeIterator<Item = Pair>>(
        atoms: &[u32],
        row: impl Fn(u32) -> R,
        species: &[u16],
        n_species: usize,
        places: &mut Places,
    ) -> Self {
        places.clear();
        let mut atoms = atoms.to_vec();
        atoms.sort_by_key(|i| species[*i as usize]);
        let mut counts = vec![0; n_species];
        for &i in &atoms {
            counts[usize::from(species[i as usize])] += 1;
        }
        let n_pairs: usize = atoms.iter().map(|&i| row(i).len()).sum();
        let (mut images, mut neighbors) = (Vec::new(), Vec::with_capacity(n_pairs));
        let mut starts = Vec::with_capacity(atoms.len() * n_species + 1);
        for &i in &atoms {
            for s in 0..n_species {
                starts.push(neighbors.len() as u32);
                for pair in row(i) {
                    if usize::from(species[pair.neighbor as usize]) != s {
                        continue;
                    }
                    let next = (atoms.len() + images.len()) as u32;
                    let place = places.take(pair, next);
                    if place == next {
                        images.push(pair);
                    }
                    neighbors.push(place);
                }
            }
        }
        starts.push(neighbors.len() as u32);
        images.shrink_to_fit();
        Self {
            atoms,
            counts,
            images,
            first_copy: 0,
            starts,
            neighbors,
        }
    }

    /// The atoms, by species; copy `k` is atom `k` of these for all that there are.
    #[must_use]
    pub fn atoms(&self) -> &[u32] {
        &self.atoms
    }

    /// Number of atoms of each species.
    #[must_use]
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// The copies after those of the atoms themselves.
    #[must_use]
    pub fn images(&self) -> &[Pair] {
        &self.images
    }

    /// Number of copies.
    #[must_use]
    pub fn n_copies(&self) -> usize {
        self.atoms.len() + self.images.len()
    }

    /// Where its copies lie among those of all clusters.
    #[must_use]
    pub fn copies(&self) -> Range<usize> {
        self.first_copy..self.first_copy + self.n_copies()
    }

    /// Number of rows: atoms times species.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Neighbours of one species of atom `k` of the cluster, as numbers of copies; `row` is `k · n_species + species`.
    #[must_use]
    pub fn row(&self, row: usize) -> &[u32] {
        &self.neighbors[self.starts[row] as usize..self.starts[row + 1] as usize]
    }
}

/// The copies of every atom, cluster by cluster.
fn copies_of_atoms(clusters: &[Cluster], n_atoms: usize, n_copies: usize) -> (Vec<u32>, Vec<u32>) {
    let atoms = |cluster: &Cluster| {
        let images = cluster.images.iter().map(|pair| pair.neighbor);
        cluster
            .atoms
            .iter()
            .copied()
            .chain(images)
            .collect::<Vec<u32>>()
    };
    let mut next = vec![0_u32; n_atoms];
    for cluster in clusters {
        for atom in atoms(cluster) {
            next[atom as usize] += 1;
        }
    }
    let mut first = 0;
    for count in &mut next {
        first += *count;
        *count = first - *count;
    }
    let mut copies = vec![0; n_copies];
    for cluster in clusters {
        for (place, atom) in (cluster.first_copy as u32..).zip(atoms(cluster)) {
            let at = &mut next[atom as usize];
            copies[*at as usize] = place;
            *at += 1;
        }
    }
    (copies, next)
}

/// Places of the copies in a cluster.
enum Places {
    /// Of images, whichever there are.
    OfImages(HashMap<u64, u32, BuildHasherDefault<PairHasher>>),
    /// Of positions, for each the cluster in which it was last met and its place there.
    OfPositions { cluster: u32, met: Vec<(u32, u32)> },
}

impl Places {
    fn of_images() -> Self {
        Self::OfImages(HashMap::default())
    }

    fn of_positions(n: usize) -> Self {
        Self::OfPositions {
            cluster: 0,
            met: vec![(0, 0); n],
        }
    }

    /// Begin a cluster.
    fn clear(&mut self) {
        match self {
            Self::OfImages(places) => places.clear(),
            Self::OfPositions { cluster, .. } => *cluster += 1,
        }
    }

    /// The place of a copy in this cluster, which is `next` if it has none yet.
    #[inline]
    fn take(&mut self, pair: Pair, next: u32) -> u32 {
        match self {
            Self::OfImages(places) => {
                let key = u64::from(pair.neighbor) << 32 | u64::from(pair.shift);
                *places.entry(key).or_insert(next)
            }
            Self::OfPositions { cluster, met } => {
                let own = &mut met[pair.neighbor as usize];
                if own.0 != *cluster {
                    *own = (*cluster, next);
                }
                own.1
            }
        }
    }
}

/// Mixes the bits of a pair: keys are made here, nobody can choose them to collide.
#[derive(Default)]
struct PairHasher(u64);

impl Hasher for PairHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        let mixed = (self.0 ^ key).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cell, Structure};

    #[test]
    fn rows_of_clusters_are_the_rows_of_the_list() {
        let n = 6;
        let positions: Vec<[f64; 3]> = (0..n * n * n)
            .map(|k| [k / (n * n), k / n % n, k % n].map(|x| 1.1 * f64::from(x)))
            .collect();
        let species: Vec<u16> = (0..positions.len())
            .map(|k| u16::from(k % 3 == 0))
            .collect();
        let length = 1.1 * f64::from(n);
        let cell = Cell::new(
            [[length, 0.0, 0.0], [0.3, length, 0.0], [0.0, 0.0, length]],
            [true, true, false],
        )
        .unwrap();
        let numbers = vec![13; positions.len()];
        let structure = Structure::new(cell, positions, numbers).unwrap();
        let list = NeighborList::new(&structure, 3.9).unwrap();
        let clusters = Clusters::new(&list, &species, 2);
        let mut seen = 0;
        for cluster in clusters.clusters() {
            let pair_of = |place: u32| cluster.images()[place as usize - cluster.atoms().len()];
            for (k, &i) in cluster.atoms().iter().enumerate() {
                let mut pairs: Vec<Pair> = (0..2)
                    .flat_map(|s| cluster.row(2 * k + s).iter().map(|p| pair_of(*p)))
                    .collect();
                let mut expected = list.row(i as usize).to_vec();
                pairs.sort_unstable();
                expected.sort_unstable();
                assert_eq!(pairs, expected);
                let own = cluster.copies().start + k;
                assert!(clusters.copies(i as usize).contains(&(own as u32)));
                seen += 1;
            }
        }
        assert_eq!(seen, structure.n_atoms());
        let total: usize = (0..seen).map(|i| clusters.copies(i).len()).sum();
        assert_eq!(total, clusters.n_copies());
    }
}
