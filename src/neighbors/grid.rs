//! Atoms sorted into bins of a regular grid.

use rayon::prelude::*;

use super::search::BLOCK;
use crate::Structure;
use crate::geometry::{Cell, Vector, combine, sub};
use crate::parallel;

/// Bins per atom at most: what bounds the memory when the atoms fill little of the box.
const MAX_BINS_PER_ATOM: usize = 4;

/// The bins of one structure and its atoms sorted by bin, those of a row of bins along the first axis contiguous.
pub(super) struct Grid {
    /// Number of bins along each axis of the binning frame.
    pub shape: [usize; 3],
    /// Height of a bin along each axis, Å.
    pub steps: Vector,
    /// Atoms of bin `b` are `starts[b]..starts[b + 1]` in sorted order.
    pub starts: Vec<u32>,
    /// Index in the structure of each atom in sorted order, followed by a block of padding.
    pub order: Vec<u32>,
    /// Wrapped Cartesian coordinates in sorted order, one array per component, padded likewise, Å.
    pub wrapped: [Vec<f64>; 3],
    /// Image in which each atom of the structure was found: `wrapped = position − image·H`.
    pub images: Vec<[i32; 3]>,
}

impl Grid {
    /// Sorts atoms into bins at least `target` high, where that does not take too many of them.
    pub(super) fn new(structure: &Structure, target: f64) -> Self {
        let cell = structure.cell();
        let located = map_all(structure.positions(), |&r| locate(cell, r));
        let (images, mut places): (Vec<_>, Vec<_>) = located.into_iter().unzip();
        let max_bins = 8 + MAX_BINS_PER_ATOM * structure.n_atoms();
        let mut extents = measure(cell, &mut places);
        let mut shape = extents.map(|extent| bins_along(extent, target));
        if n_bins(shape) > max_bins as f64 {
            for axis in (0..3).filter(|&axis| !cell.pbc()[axis]) {
                extents[axis] = close_gaps(&mut places, axis, 2.0 * target);
            }
            shape = extents.map(|extent| bins_along(extent, target));
        }
        while n_bins(shape) > max_bins as f64 {
            for n in &mut shape {
                *n = n.div_ceil(2);
            }
        }
        let steps = std::array::from_fn(|k| (extents[k] / shape[k] as f64).max(f64::MIN_POSITIVE));
        let bins = map_all(&places, |&place| bin_of(place, steps, shape));
        let (starts, mut order) = counting_sort(&bins, shape.iter().product());
        let positions = structure.positions();
        let sorted = map_all(&order, |&i| {
            wrap(cell, positions[i as usize], images[i as usize])
        });
        order.resize(order.len() + BLOCK, 0);
        let component = |x: usize| {
            let padding = [0.0; BLOCK];
            sorted.iter().map(|r| r[x]).chain(padding).collect()
        };
        Self {
            shape,
            steps,
            starts,
            order,
            wrapped: std::array::from_fn(component),
            images,
        }
    }

    /// Index in the structure of each atom in sorted order.
    pub(super) fn into_order_and_images(mut self) -> (Vec<u32>, Vec<[i32; 3]>) {
        self.order.truncate(self.images.len());
        (self.order, self.images)
    }

    /// Number of bins.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }
}

/// Maps all items, in parallel if there are many: few must not wake a thread pool.
fn map_all<T: Sync, U: Send>(items: &[T], map: impl Fn(&T) -> U + Sync + Send) -> Vec<U> {
    const MANY: usize = 8192;
    if items.len() < MANY || !parallel::inside_pool() {
        items.iter().map(map).collect()
    } else {
        items.par_iter().with_min_len(MANY / 2).map(map).collect()
    }
}

/// A position moved back by its image, Å.
pub(super) fn wrap(cell: &Cell, position: Vector, image: [i32; 3]) -> Vector {
    if image == [0; 3] {
        return position;
    }
    sub(position, cell.translation(image))
}

/// The image an atom lies in, and its distances from the faces of the binning frame, Å.
fn locate(cell: &Cell, position: Vector) -> ([i32; 3], Vector) {
    let frame = cell.frame();
    let heights = frame.heights();
    let mut place = frame.fractional(position);
    let mut image = [0; 3];
    for k in 0..3 {
        if cell.pbc()[k] {
            let floor = place[k].floor();
            image[k] = floor as i32;
            place[k] -= floor;
        }
        place[k] *= heights[k];
    }
    (image, place)
}

/// Extent of the box along each axis, Å; places along non-periodic axes are made to start at zero.
fn measure(cell: &Cell, places: &mut [Vector]) -> Vector {
    let mut low = [f64::INFINITY; 3];
    let mut high = [f64::NEG_INFINITY; 3];
    for place in places.iter() {
        for k in 0..3 {
            low[k] = low[k].min(place[k]);
            high[k] = high[k].max(place[k]);
        }
    }
    let mut extents = cell.frame().heights();
    for axis in (0..3).filter(|&axis| !cell.pbc()[axis]) {
        extents[axis] = (high[axis] - low[axis]).max(0.0);
        for place in places.iter_mut() {
            place[axis] -= low[axis];
        }
    }
    extents
}

/// Narrows the empty stretches along a non-periodic axis to `widest`, and returns the extent left, Å.
///
/// A stray atom far away would otherwise stretch the grid until everything else shares one bin. Distances along the
/// axis only shrink, and the axis is perpendicular to the other two or their complement, so that bins too far apart
/// afterwards were too far apart before: no pair is lost.
fn close_gaps(places: &mut [Vector], axis: usize, widest: f64) -> f64 {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_unstable_by(|&p, &q| places[p][axis].total_cmp(&places[q][axis]));
    let (mut previous, mut removed, mut extent) = (0.0, 0.0, 0.0);
    for index in order {
        let place = places[index][axis];
        removed += (place - previous - widest).max(0.0);
        previous = place;
        extent = place - removed;
        places[index][axis] = extent;
    }
    extent
}

fn bins_along(extent: f64, target: f64) -> usize {
    ((extent / target) as usize).max(1)
}

/// Number of bins, as a float because it may exceed every integer type.
fn n_bins(shape: [usize; 3]) -> f64 {
    shape.iter().map(|&n| n as f64).product()
}

fn bin_of(place: Vector, steps: Vector, shape: [usize; 3]) -> u32 {
    // Casts saturate: a place rounded below zero is in the first bin, one rounded to the far face in the last.
    let [x, y, z]: [usize; 3] =
        std::array::from_fn(|k| ((place[k] / steps[k]) as usize).min(shape[k] - 1));
    ((z * shape[1] + y) * shape[0] + x) as u32
}

/// Where the atoms of each bin start, and the atoms by bin, in their own order within a bin.
fn counting_sort(bins: &[u32], n_bins: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0_u32; n_bins + 1];
    for &bin in bins {
        starts[bin as usize + 1] += 1;
    }
    for bin in 0..n_bins {
        starts[bin + 1] += starts[bin];
    }
    let mut next = starts.clone();
    let mut order = vec![0_u32; bins.len()];
    for (atom, &bin) in bins.iter().enumerate() {
        let slot = &mut next[bin as usize];
        order[*slot as usize] = atom as u32;
        *slot += 1;
    }
    (starts, order)
}

/// The three edge vectors of a bin, Å.
pub(super) fn bin_edges(cell: &Cell, steps: Vector) -> [Vector; 3] {
    let frame = cell.frame();
    let heights = frame.heights();
    std::array::from_fn(|k| {
        let mut along = [0.0; 3];
        along[k] = steps[k] / heights[k];
        combine(along, frame.rows())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(positions: Vec<Vector>) -> Structure {
        let numbers = vec![13; positions.len()];
        Structure::new(Cell::open(), positions, numbers).unwrap()
    }

    #[test]
    fn atoms_on_either_face_of_a_periodic_cell_are_wrapped_into_it() {
        let cell = Cell::new(
            [[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0]],
            [true; 3],
        )
        .unwrap();
        assert_eq!(
            locate(&cell, [0.0, 4.0, -4.0]),
            ([0, 1, -1], [0.0, 0.0, 0.0])
        );
        let (image, place) = locate(&cell, [-1e-17, 3.0, 9.0]);
        assert_eq!(image, [-1, 0, 2]);
        assert!((bin_of(place, [1.0; 3], [4; 3])) < 64);
    }

    #[test]
    fn bins_are_bounded_and_a_stray_atom_does_not_coarsen_them() {
        let mut positions: Vec<Vector> = (0..1000)
            .map(|i| [i % 10, i / 10 % 10, i / 100].map(|k| 3.0 * f64::from(k)))
            .collect();
        let compact = Grid::new(&open(positions.clone()), 3.0);
        positions.push([1e6, -1e6, 1e6]);
        let stray = Grid::new(&open(positions), 3.0);
        assert!(stray.len() <= 8 + MAX_BINS_PER_ATOM * 1001);
        let fullest = |grid: &Grid| grid.starts.windows(2).map(|w| w[1] - w[0]).max();
        assert!(
            fullest(&stray) <= fullest(&compact).map(|n| 8 * n),
            "{:?}",
            stray.shape
        );
    }

    #[test]
    fn sorting_keeps_the_order_of_atoms_within_a_bin() {
        let (starts, order) = counting_sort(&[2, 0, 2, 0, 0], 4);
        assert_eq!(starts, [0, 3, 3, 5, 5]);
        assert_eq!(order, [1, 3, 4, 0, 2]);
    }
}
