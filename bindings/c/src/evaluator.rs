//! Evaluators: neighbours and memory that stay from step to step.

use crate::potential::{Potential, c_text};
use crate::status::{Failure, Outcome, Status, guarded};
use mlip_rs::parallel;
use mlip_rs::potential::assembly::rows::RowList;
use mlip_rs::potential::assembly::{Output as CoreOutput, Scratch};
use std::ffi::{CString, c_char};
use std::slice;
use std::sync::Arc;

/// Evaluates a potential for one caller: a rank, a thread, a part of a hybrid style.
pub struct Evaluator {
    pub(crate) core: Arc<mlip_rs::potential::Potential>,
    threads: usize,
    pub(crate) list: Option<RowList>,
    /// Species of all positions at the time of the list, −1 for none.
    pub(crate) species: Vec<i16>,
    scratch: Scratch,
    virials: Vec<[f64; 6]>,
    centroids: Vec<[f64; 9]>,
    energies: Vec<f64>,
    anomalies: Vec<[f64; 2]>,
    message: CString,
    offenders: [i64; 2],
}

/// Where results are added; what is null is not wanted, and not computed where that saves time.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Energy of all centres, eV.
    pub energy: *mut f64,
    /// Virial of all centres, `[6]`, eV.
    pub virial: *mut f64,
    /// Forces on all positions, ghosts too, `[n_all][3]`, eV/Å.
    pub forces: *mut f64,
    /// Energies of the centres, `[n_all]`, eV.
    pub energies: *mut f64,
    /// Virials of the centres, `[n_all][6]`, eV.
    pub virials: *mut f64,
    /// Centroid virials of all positions, ghosts too, `[n_all][9]`, eV.
    pub centroid_virials: *mut f64,
    /// Sums of the index of anomaly, `[n_all][2]`: of all positions, ghosts too, the first, which the host adds to the atom
    /// that a position stands for; of centres the second. The index of an atom is the root of first over second.
    pub anomalies: *mut f64,
}

impl Evaluator {
    /// Run a part of a function, and keep what went wrong.
    pub(crate) fn run(&mut self, work: impl FnOnce(&mut Self) -> Outcome<()>) -> Status {
        match guarded(|| work(self)) {
            Ok(()) => Status::Ok,
            Err(failure) => {
                self.message = c_text(&failure.message);
                self.offenders = failure.offenders;
                failure.status
            }
        }
    }

    fn add(&mut self, positions: &[[f64; 3]], species: &[i16], mut output: Results) -> Outcome<()> {
        let (Some(list), true) = (&self.list, self.species == species) else {
            return Err(Failure::new(
                Status::StaleNeighbors,
                "the atoms are others than those of the neighbours; set neighbours anew",
            ));
        };
        let n = positions.len();
        let wants_virials = output.virial.is_some() || output.virials.is_some();
        let wants_energies = output.energy.is_some() || output.energies.is_some();
        zero(&mut self.energies, n, wants_energies, 0.0);
        zero(&mut self.virials, n, wants_virials, [0.0; 6]);
        zero(
            &mut self.centroids,
            n,
            output.centroid_virials.is_some(),
            [0.0; 9],
        );
        zero(&mut self.anomalies, n, output.anomalies.is_some(), [0.0; 2]);
        let own = CoreOutput {
            energies: wants_energies.then_some(&mut self.energies),
            forces: output.forces.take(),
            virials: wants_virials.then_some(&mut self.virials),
            centroid_virials: (output.centroid_virials.is_some()).then_some(&mut self.centroids),
            anomalies: (output.anomalies.is_some()).then_some(&mut self.anomalies),
        };
        let (core, scratch) = (&self.core, &mut self.scratch);
        if self.threads == 1 {
            core.evaluate_rows(list, positions, own, scratch)?;
        } else {
            let pool = parallel::pool(self.threads)?;
            pool.install(|| core.evaluate_rows(list, positions, own, scratch))?;
        }
        // Nothing fails from here on, so that results are added wholly or not at all.
        self.hand_over(output);
        Ok(())
    }

    /// Add what was computed to what the caller wants, but for the forces, which have been added already.
    fn hand_over(&self, output: Results) {
        if let Some(energy) = output.energy {
            *energy += self.energies.iter().sum::<f64>();
        }
        if let Some(energies) = output.energies {
            { energies.iter_mut().zip(&self.energies) }.for_each(|(sum, own)| *sum += own);
        }
        if let Some(virial) = output.virial {
            for own in &self.virials {
                { virial.iter_mut().zip(VOIGT) }.for_each(|(sum, k)| *sum += own[k]);
            }
        }
        if let Some(virials) = output.virials {
            for (sum, own) in virials.iter_mut().zip(&self.virials) {
                { sum.iter_mut().zip(VOIGT) }.for_each(|(sum, k)| *sum += own[k]);
            }
        }
        if let Some(virials) = output.centroid_virials {
            for (sum, own) in virials.iter_mut().zip(&self.centroids) {
                { sum.iter_mut().zip(CENTROID) }.for_each(|(sum, k)| *sum += own[k]);
            }
        }
        if let Some(anomalies) = output.anomalies {
            let sums = anomalies.as_flattened_mut().iter_mut();
            { sums.zip(self.anomalies.as_flattened()) }.for_each(|(sum, own)| *sum += own);
        }
    }
}

/// Place in xx yy zz yz xz xy of each of xx yy zz xy xz yz.
const VOIGT: [usize; 6] = [0, 1, 2, 5, 4, 3];

/// Place in xx xy xz yx yy yz zx zy zz of each of xx yy zz xy xz yz yx zx zy.
const CENTROID: [usize; 9] = [0, 4, 8, 1, 2, 5, 3, 6, 7];

fn zero<T: Copy>(buffer: &mut Vec<T>, n: usize, wanted: bool, nothing: T) {
    buffer.clear();
    if wanted {
        buffer.resize(n, nothing);
    }
}

/// [`Output`] as Rust sees it.
#[derive(Default)]
struct Results<'a> {
    energy: Option<&'a mut f64>,
    virial: Option<&'a mut [f64; 6]>,
    forces: Option<&'a mut [[f64; 3]]>,
    energies: Option<&'a mut [f64]>,
    virials: Option<&'a mut [[f64; 6]]>,
    centroid_virials: Option<&'a mut [[f64; 9]]>,
    anomalies: Option<&'a mut [[f64; 2]]>,
}

impl Output {
    /// # Safety
    /// Each pointer is null or has room for as many numbers as its field says, none of which another one has too.
    unsafe fn results<'a>(self, n_all: usize) -> Results<'a> {
        // SAFETY: that of this function; an array of N numbers is aligned as a number is.
        unsafe fn array<'a, T>(pointer: *mut f64, n: usize) -> Option<&'a mut [T]> {
            (!pointer.is_null()).then(|| unsafe { slice::from_raw_parts_mut(pointer.cast(), n) })
        }
        // SAFETY: that of this function.
        unsafe {
            Results {
                energy: self.energy.as_mut(),
                virial: self.virial.cast::<[f64; 6]>().as_mut(),
                forces: array(self.forces, n_all),
                energies: array(self.energies, n_all),
                virials: array(self.virials, n_all),
                centroid_virials: array(self.centroid_virials, n_all),
                anomalies: array(self.anomalies, n_all),
            }
        }
    }
}

/// Make an evaluator of a potential with a number of threads; 1 works in the thread of the caller.
///
/// # Safety
/// `potential` is null or open, `evaluator` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mlip_evaluator_open(
    potential: *const Potential,
    threads: u32,
    evaluator: *mut *mut Evaluator,
) -> Status {
    let outcome = guarded(|| {
        // SAFETY: null or a place for a pointer.
        let Some(place) = (unsafe { evaluator.as_mut() }) else {
            return Err(Failure::null("evaluator"));
        };
        *place = std::ptr::null_mut();
        // SAFETY: null or open.
        let Some(potential) = (unsafe { potential.as_ref() }) else {
            return Err(Failure::null("potential"));
        };
        let threads = threads as usize;
        if threads == 0 {
            return Err(Failure::new(Status::BadArgument, "threads: at least 1"));
        }
        if threads > 1 {
            parallel::pool(threads)?;
        }
        *place = Box::into_raw(Box::new(Evaluator {
            core: Arc::clone(&potential.core),
            threads,
            list: None,
            species: Vec::new(),
            scratch: Scratch::default(),
            virials: Vec::new(),
            centroids: Vec::new(),
            energies: Vec::new(),
            anomalies: Vec::new(),
            message: CString::default(),
            offenders: [-1; 2],
        }));
        Ok(())
    });
    outcome.err().map_or(Status::Ok, |failure| failure.status)
}

/// Free an evaluator. Null is nothing.
///
/// # Safety
/// `evaluator` comes from `mlip_evaluator_open` and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mlip_evaluator_close(evaluator: *mut Evaluator) {
    if !evaluator.is_null() {
        // SAFETY: made by `Box::into_raw`, and the caller gives it up.
        drop(unsafe { Box::from_raw(evaluator) });
    }
}

/// Add the results for positions `[n_all][3]` (Å) with the neighbours set before.
///
/// Number and `species` (`[n_all]`, −1 for none) must be those of the neighbours. After any other status than `Ok` the
/// output is as it was.
///
/// # Safety
/// `evaluator` is null or open and used by nobody else meanwhile; `positions` and `species` have as many numbers as said,
/// or are null if `n_all` is 0; each pointer of `output` is null or has room for the numbers that its field names, and no
/// two arrays overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mlip_evaluate(
    evaluator: *mut Evaluator,
    n_all: usize,
    positions: *const f64,
    species: *const i16,
    output: *const Output,
) -> Status {
    // SAFETY: null or open, and nobody else uses it.
    let Some(evaluator) = (unsafe { evaluator.as_mut() }) else {
        return Status::BadArgument;
    };
    evaluator.run(|evaluator| {
        // SAFETY: null or readable.
        let Some(output) = (unsafe { output.as_ref() }) else {
            return Err(Failure::null("output"));
        };
        // SAFETY: the caller's word on their lengths.
        let (positions, species) = unsafe {
            (
                given(positions.cast::<[f64; 3]>(), n_all, "positions")?,
                given(species, n_all, "species")?,
            )
        };
        // SAFETY: the caller's word on room and overlaps.
        evaluator.add(positions, species, unsafe { output.results(n_all) })
    })
}

/// An array of the caller.
///
/// # Safety
/// `pointer` has `n` entries that nobody changes, unless it is null.
pub(crate) unsafe fn given<'a, T>(pointer: *const T, n: usize, what: &str) -> Outcome<&'a [T]> {
    if n == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(Failure::null(what));
    }
    if n > isize::MAX as usize / size_of::<T>() {
        return Err(Failure::new(
            Status::BadArgument,
            format!("{what}: {n} entries are more than memory has"),
        ));
    }
    // SAFETY: not null, and the caller's word on its length, which an address can count.
    Ok(unsafe { slice::from_raw_parts(pointer, n) })
}

/// Why the last call with this evaluator failed; alive until the next one. Null for null.
///
/// # Safety
/// `evaluator` is null or open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mlip_message(evaluator: *const Evaluator) -> *const c_char {
    // SAFETY: null or open.
    unsafe { evaluator.as_ref() }.map_or(std::ptr::null(), |e| e.message.as_ptr())
}

/// The positions of the atoms to blame for the last failure, −1 for none, as two numbers at `atoms`.
///
/// # Safety
/// `evaluator` is null or open, `atoms` null or with room for two numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mlip_offenders(evaluator: *const Evaluator, atoms: *mut i64) {
    // SAFETY: null or open; null or with room.
    let (evaluator, atoms) = unsafe { (evaluator.as_ref(), atoms.cast::<[i64; 2]>().as_mut()) };
    if let Some(atoms) = atoms {
        *atoms = evaluator.map_or([-1; 2], |e| e.offenders);
    }
}

/// Bytes that neighbours and results of the evaluator occupy; 0 for null.
///
/// # Safety
/// `evaluator` is null or open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mlip_memory(evaluator: *const Evaluator) -> f64 {
    // SAFETY: null or open.
    let Some(evaluator) = (unsafe { evaluator.as_ref() }) else {
        return 0.0;
    };
    let own = evaluator.species.capacity() * size_of::<i16>()
        + evaluator.energies.capacity() * size_of::<f64>()
        + evaluator.virials.capacity() * size_of::<[f64; 6]>()
        + evaluator.centroids.capacity() * size_of::<[f64; 9]>()
        + evaluator.anomalies.capacity() * size_of::<[f64; 2]>();
    let list = evaluator.list.as_ref().map_or(0, RowList::n_bytes);
    (own + list + evaluator.scratch.n_bytes()) as f64
}
