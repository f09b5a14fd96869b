use std::fmt::Write;

use ring::rand::{SecureRandom, SystemRandom};

use crate::{ProvisionError, Result};

/// 256 bits in hexadecimal: nothing that a URL or a configuration file would have to escape.
pub fn password() -> Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| ProvisionError::NoRandomness("a password"))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
