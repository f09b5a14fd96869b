use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

/// A log can be long; its end cannot be longer than this many bytes per line asked for.
const BYTES_PER_LINE: u64 = 500;

/// The last `lines` lines of a log, or a word on why there are none.
#[must_use]
pub fn log_tail(path: &Path, lines: usize) -> String {
    match read_end(path, lines as u64 * BYTES_PER_LINE) {
        Ok(text) if text.trim().is_empty() => "(the log is empty)".into(),
        Ok(text) => {
            let all: Vec<&str> = text.lines().collect();
            all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
        }
        Err(error) => format!("(the log cannot be read: {error})"),
    }
}

fn read_end(path: &Path, bytes: u64) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    Ok(String::from_utf8_lossy(&end).into_owned())
}
