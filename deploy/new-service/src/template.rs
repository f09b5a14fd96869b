//! The service's own files: those of the template, under its name.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use include_dir::{Dir, include_dir};

use crate::{Plan, PlanError};

/// A whole service that is called newcomer.
static TEMPLATE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/template");
const NAME: &str = "newcomer";
const TYPE: &str = "Newcomer";

pub(crate) fn add(plan: &mut Plan, name: &str) -> Result<(), PlanError> {
    for (folder, target) in [("service", format!("services/{name}")), ("migrations", format!("migrations/{name}"))] {
        let folder = TEMPLATE.get_dir(folder).unwrap_or(&TEMPLATE);
        for (file, text) in files(folder) {
            // A Cargo.toml in the template would be taken for a package.
            let file = file
                .strip_prefix(folder.path())
                .unwrap_or(file)
                .to_string_lossy()
                .replace("manifest.toml", "Cargo.toml");
            let text = named(text, name);
            let text = if file.ends_with(".rs") { formatted(plan.root(), text) } else { text };
            plan.create(format!("{target}/{}", named(&file, name)), text);
        }
    }
    Ok(())
}

/// One of the template's files: `deploy/…` or `service/…`.
pub(crate) fn file(path: &str, name: &str) -> String {
    let file = TEMPLATE.get_file(path);
    named(file.and_then(|file| file.contents_utf8()).unwrap_or_default(), name)
}

fn files<'a>(folder: &'a Dir<'a>) -> Vec<(&'a Path, &'a str)> {
    let own = folder.files().filter_map(|file| Some((file.path(), file.contents_utf8()?)));
    own.chain(folder.dirs().flat_map(files)).collect()
}

fn named(text: &str, name: &str) -> String {
    let (first, rest) = name.split_at(1);
    text.replace(TYPE, &format!("{}{rest}", first.to_ascii_uppercase())).replace(NAME, name)
}

/// As rustfmt has it: imports are sorted, and lines broken, by what is called how. Without rustfmt it stays as it is.
fn formatted(root: &Path, text: String) -> String {
    let run = || -> Option<String> {
        let mut rustfmt = Command::new("rustfmt")
            .args(["--edition", "2024", "--config-path"])
            .arg(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        // It reads all before it writes.
        rustfmt.stdin.take()?.write_all(text.as_bytes()).ok()?;
        let output = rustfmt.wait_with_output().ok()?;
        output.status.success().then(|| String::from_utf8(output.stdout).ok())?
    };
    run().unwrap_or(text)
}
