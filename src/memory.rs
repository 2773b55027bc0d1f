//! Memory that is left, so that what would not fit is refused before the allocator ends the process.

use std::fs::read_to_string;

/// Bytes that can be allocated: the memory that the system calls available, and the rest of the address space allowed
/// to the process (`ulimit -v`); none where the system does not tell (not Linux).
pub(crate) fn available_bytes() -> Option<u64> {
    let memory = read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| number_after(&text, "MemAvailable:"))
        .map(|kib| kib << 10);
    let allowed = read_to_string("/proc/self/limits")
        .ok()
        .and_then(|text| number_after(&text, "Max address space"));
    let used = read_to_string("/proc/self/status")
        .ok()
        .and_then(|text| number_after(&text, "VmSize:"))
        .map(|kib| kib << 10);
    let left = allowed
        .zip(used)
        .map(|(allowed, used)| allowed.saturating_sub(used));
    [memory, left].into_iter().flatten().min()
}

/// First word after a label, if it is a number.
fn number_after(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(label))?;
    line[label.len()..].split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::number_after;

    #[test]
    fn numbers_are_found_after_their_label_and_unlimited_is_none() {
        let text = "MemFree: 1 kB\nMemAvailable:   2097152 kB\nMax address space  unlimited  unlimited bytes\n";
        assert_eq!(number_after(text, "MemAvailable:"), Some(2_097_152));
        assert_eq!(number_after(text, "Max address space"), None);
    }
}
