//! What a provider calls something, made fit for rows and events.

use contracts::check::{self, MAX_REFERENCE};
use sha2::{Digest, Sha256};

/// Characters of the digest that tells shortened names apart, with its mark.
const DIGEST: usize = 17;

/// The name as rows keep it, since requests to the provider need it as it is; but no row keeps a NUL.
pub fn kept_reference(name: &str) -> String {
    name.replace('\0', "\u{fffd}")
}

/// The name as an event may carry it. An odd name undoes nothing that the provider did: a name that is too long is cut and
/// told apart by a digest, and an empty one is replaced by the `key`, under which the provider knows it too.
pub fn reference(name: &str, key: &str) -> String {
    if check::reference("name", name).is_ok() {
        return name.to_owned();
    }
    let fit: String = name.chars().filter(|c| !c.is_control()).take(MAX_REFERENCE - DIGEST).collect();
    if fit.trim().is_empty() {
        return key.to_owned();
    }
    let digest =
        Sha256::digest(name.as_bytes()).iter().take(DIGEST / 2).map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{fit}~{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "01990000-0000-7000-8000-000000000001/charge";

    #[test]
    fn a_name_that_is_fit_stays_as_it_is() {
        for name in ["ch_1", &"é".repeat(MAX_REFERENCE)] {
            assert_eq!(reference(name, KEY), *name);
        }
    }

    #[test]
    fn whatever_the_provider_calls_it_an_event_can_carry_it() {
        let long = "x".repeat(64 * 1024);
        for name in ["", "\0", " \n ", "ch\0_1", &long, &"é".repeat(MAX_REFERENCE + 1)] {
            let fit = reference(name, KEY);
            assert_eq!(check::reference("name", &fit), Ok(()), "{name:.20?} became {fit:?}");
            assert!(!kept_reference(name).contains('\0'));
        }
        assert_eq!((kept_reference("ch_1"), kept_reference("ch\0_1")), ("ch_1".into(), "ch\u{fffd}_1".into()));
        assert_eq!(reference("", KEY), KEY);
        assert_ne!(reference(&long, KEY), reference(&long[1..], KEY));
        assert_eq!(reference(&long, KEY).len(), MAX_REFERENCE, "as much of it as there is room for");
    }
}
