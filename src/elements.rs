//! Chemical symbols and atomic numbers.

/// Largest atomic number known.
pub const MAX_ATOMIC_NUMBER: u8 = 118;

#[rustfmt::skip]
const SYMBOLS: [&str; MAX_ATOMIC_NUMBER as usize] = [
    "H", "He",
    "Li", "Be", "B", "C", "N", "O", "F", "Ne",
    "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar",
    "K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr",
    "Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe",
    "Cs", "Ba",
    "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu",
    "Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn",
    "Fr", "Ra",
    "Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr",
    "Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og",
];

/// Symbol of the element with this atomic number, `None` outside 1 to 118.
#[must_use]
pub fn symbol(number: u8) -> Option<&'static str> {
    let index = usize::from(number).checked_sub(1)?;
    SYMBOLS.get(index).copied()
}

/// Atomic number of the element with this symbol, spelt as usual (`"Al"`).
#[must_use]
pub fn atomic_number(symbol: &str) -> Option<u8> {
    let index = SYMBOLS.iter().position(|&known| known == symbol)?;
    u8::try_from(index + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_and_numbers_are_inverse() {
        for number in 1..=MAX_ATOMIC_NUMBER {
            assert_eq!(symbol(number).and_then(atomic_number), Some(number));
        }
    }

    #[test]
    fn landmarks_of_the_periodic_table_are_in_place() {
        let landmarks = [
            ("H", 1),
            ("Ne", 10),
            ("Al", 13),
            ("Kr", 36),
            ("Xe", 54),
            ("Lu", 71),
            ("W", 74),
            ("Rn", 86),
            ("Lr", 103),
            ("Og", 118),
        ];
        for (name, number) in landmarks {
            assert_eq!(atomic_number(name), Some(number));
        }
    }

    #[test]
    fn nonsense_has_no_element() {
        assert_eq!(symbol(0), None);
        assert_eq!(symbol(119), None);
        assert_eq!(atomic_number("al"), None);
        assert_eq!(atomic_number(""), None);
    }
}
