//! Writes the JSON Schema of each event's payload into a folder.

use std::{env, fs, path::PathBuf};

use contracts::Event;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = env::args().nth(1).map(PathBuf::from);
    let folder = folder.ok_or("say where: cargo run -p contracts --example schemas -- shared/contracts/schemas")?;
    for (event_type, version, schema) in Event::schemas() {
        let file = folder.join(format!("{event_type}.v{version}.json"));
        fs::write(&file, format!("{:#}\n", schema.as_value()))
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}
