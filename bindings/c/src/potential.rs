//! Potentials: opened from the text of their file, asked for their elements and cutoffs.

use crate::status::{Failure, Outcome, Status, guarded};
use std::ffi::{CStr, CString, c_char, c_int};
use std::slice;
use std::sync::Arc;

/// First bytes of a file that gzip has made.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// A potential; it does not change, and several evaluators may have the same one.
pub struct Potential {
    pub(crate) core: Arc<mlip_rs::potential::Potential>,
    symbols: Vec<CString>,
}

/// Read a potential from the `length` bytes of the text of its file.
///
/// On success `*potential` is a handle for `mlip_potential_close`. Otherwise it is null, and up to `room` bytes at `message`
/// say why, with a zero at the end.
///
/// # Safety
/// `text` has `length` readable bytes, `potential` room for a pointer, `message` room for `room` bytes or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mlip_potential_open(
    text: *const c_char,
    length: usize,
    potential: *mut *mut Potential,
    message: *mut c_char,
    room: usize,
) -> Status {
    let outcome = guarded(|| {
        if potential.is_null() {
            return Err(Failure::null("potential"));
        }
        // SAFETY: not null, and the caller has room for a pointer there.
        unsafe { potential.write(std::ptr::null_mut()) };
        if text.is_null() {
            return Err(Failure::null("text"));
        }
        // SAFETY: the caller gives the length of what can be read.
        let bytes = unsafe { slice::from_raw_parts(text.cast::<u8>(), length) };
        let opened = Box::into_raw(Box::new(Potential::open(bytes)?));
        // SAFETY: as above.
        unsafe { potential.write(opened) };
        Ok(())
    });
    let Err(failure) = outcome else {
        return Status::Ok;
    };
    if !message.is_null() && room > 0 {
        let text = c_text(&failure.message);
        let bytes = text.as_bytes();
        let n = bytes.len().min(room - 1);
        // SAFETY: the caller has room for `room` > n bytes.
        let out = unsafe { slice::from_raw_parts_mut(message.cast::<u8>(), n + 1) };
        out[..n].copy_from_slice(&bytes[..n]);
        out[n] = 0;
    }
    failure.status
}

impl Potential {
    fn open(bytes: &[u8]) -> Outcome<Self> {
        let text = std::str::from_utf8(bytes).map_err(|_| {
            let message = if bytes.starts_with(GZIP) {
                "the file is compressed; unpack it first (gunzip)"
            } else {
                "the file is not text in UTF-8, so no potential of mlip_rs; check that it is the right file"
            };
            Failure::new(Status::BadPotential, message)
        })?;
        let core = Arc::new(mlip_rs::potential::Potential::from_json(text)?);
        let symbols = { core.centers().iter() }
            .map(|center| c_text(&center.element))
            .collect();
        Ok(Self { core, symbols })
    }
}

/// Free a potential; evaluators that use it keep what they need. Null is nothing.
///
/// # Safety
/// `potential` comes from `mlip_potential_open` and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mlip_potential_close(potential: *mut Potential) {
    if !potential.is_null() {
        // SAFETY: made by `Box::into_raw`, and the caller gives it up.
        drop(unsafe { Box::from_raw(potential) });
    }
}

/// Number of elements; 0 for null.
///
/// # Safety
/// `potential` is null or an open potential.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mlip_potential_elements(potential: *const Potential) -> usize {
    // SAFETY: null or open.
    unsafe { potential.as_ref() }.map_or(0, |potential| potential.symbols.len())
}

/// Symbol of an element, alive as long as the potential; null if there is no such element.
///
/// # Safety
/// `potential` is null or an open potential.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mlip_potential_element(
    potential: *const Potential,
    species: usize,
) -> *const c_char {
    // SAFETY: null or open.
    let symbol = unsafe { potential.as_ref() }.and_then(|p| p.symbols.get(species));
    symbol.map_or(std::ptr::null(), |symbol| symbol.as_ptr())
}

/// Number of the element with this symbol, −1 if the potential does not know it.
///
/// # Safety
/// `potential` is null or an open potential, `symbol` null or a text with a zero at its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mlip_potential_species(
    potential: *const Potential,
    symbol: *const c_char,
) -> c_int {
    // SAFETY: null or open.
    let Some(potential) = (unsafe { potential.as_ref() }) else {
        return -1;
    };
    if symbol.is_null() {
        return -1;
    }
    // SAFETY: not null, and a zero ends it.
    let symbol = unsafe { CStr::from_ptr(symbol) };
    let found = { potential.symbols.iter() }.position(|own| own.as_c_str() == symbol);
    found.map_or(-1, |k| k as c_int)
}

/// Distance in Å from which on neighbours of any element contribute nothing to a centre; 0 for null.
///
/// # Safety
/// `potential` is null or an open potential.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mlip_potential_cutoff(potential: *const Potential) -> f64 {
    // SAFETY: null or open.
    unsafe { potential.as_ref() }.map_or(0.0, |potential| potential.core.cutoff())
}

/// 1 if the potential has an index of anomaly, which evaluations then give to whoever asks for it; 0 if not, or for null.
///
/// # Safety
/// `potential` is null or an open potential.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mlip_potential_has_index(potential: *const Potential) -> c_int {
    // SAFETY: null or open.
    unsafe { potential.as_ref() }
        .map_or(0, |potential| c_int::from(potential.core.index().is_some()))
}

/// A text for C, which ends at the first zero.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}
