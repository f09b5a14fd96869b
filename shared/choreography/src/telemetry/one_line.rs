//! Whatever a logged text holds, its event stays one line, so that no client can forge another.

use std::io::{self, Write};

/// Writes each buffer, which is one event, as one line: control characters are escaped, but for the last line feed.
pub struct OneLine<W> {
    inner: W,
}

impl<W: Write> OneLine<W> {
    pub fn new(inner: W) -> Self {
        Self { inner }
    }
}

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let (text, end) = match event.strip_suffix(b"\n") {
            Some(text) => (text, &b"\n"[..]),
            None => (event, &b""[..]),
        };
        if text.iter().any(|byte| is_control(*byte)) {
            let mut escaped = Vec::with_capacity(event.len() + 16);
            for &byte in text {
                if is_control(byte) { escaped.extend(byte.escape_ascii()) } else { escaped.push(byte) }
            }
            escaped.extend_from_slice(end);
            self.inner.write_all(&escaped)?;
        } else {
            self.inner.write_all(event)?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn is_control(byte: u8) -> bool {
    byte < b' ' || byte == 0x7f
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(event: &str) -> String {
        let mut out = Vec::new();
        OneLine::new(&mut out).write_all(event.as_bytes()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_text_with_line_feeds_stays_one_line() {
        assert_eq!(
            written("INFO user=x\n2026 ERROR forged\r\u{1b}[31m\n"),
            "INFO user=x\\n2026 ERROR forged\\r\\x1b[31m\n"
        );
        assert_eq!(written("INFO plain, ümlauts too\n"), "INFO plain, ümlauts too\n");
    }
}
