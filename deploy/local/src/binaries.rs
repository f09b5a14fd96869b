//! The workspace's other programs: found beside this one, and built like it.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::system::services;
use crate::{LocalError, Result};

/// The workspace's root as it was when this was compiled.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The directory that Cargo put this program into, `target/release` or `target/debug`.
///
/// # Errors
/// [`LocalError::Io`] when the system does not say where this program is.
pub fn profile_dir() -> Result<PathBuf> {
    let exe = std::env::current_exe().map_err(LocalError::io("finding this program"))?;
    let dir = exe.parent().unwrap_or(Path::new("."));
    // Tests and examples lie one level down.
    let below = ["deps", "examples"].iter().any(|name| dir.ends_with(name));
    let dir = if below { dir.parent().unwrap_or(dir) } else { dir };
    Ok(dir.to_owned())
}

/// The program `name` of this workspace, built with the same profile as this one.
///
/// # Errors
/// [`LocalError::NotBuilt`] with the command that builds it.
pub fn sibling(name: &str) -> Result<PathBuf> {
    let dir = profile_dir()?;
    let path = dir.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() {
        return Ok(path);
    }
    Err(LocalError::NotBuilt {
        name: name.into(),
        path,
        profile: profile_arguments(&dir).map_or_else(String::new, |args| format!(" {}", args.join(" "))),
    })
}

/// Is a service this workspace's own? By its sources; where these are not, by its program.
#[must_use]
pub fn is_here(service: &str) -> bool {
    let sources = Path::new(WORKSPACE).join("services");
    if sources.is_dir() { sources.join(service).is_dir() } else { sibling(service).is_ok() }
}

/// Builds all that the shop runs: every service that takes part, and the sandbox.
///
/// `this`: the caller's own program, or the launcher for a test. With it Cargo settles the same features as when it built that,
/// and compiles nothing twice.
///
/// # Errors
/// [`LocalError::Failed`] when the build fails: the compiler's messages have been shown then.
pub async fn build_shop(this: &str) -> Result<()> {
    let mut programs = vec![this, "sandbox"];
    programs.extend(services());
    build(&programs).await
}

/// Builds programs with this program's profile into its target directory. Cargo's progress goes to
/// standard error. Does nothing where the sources are not (a program copied elsewhere).
///
/// # Errors
/// [`LocalError::Failed`] when the build fails: the compiler's messages have been shown then.
pub async fn build(programs: &[&str]) -> Result<()> {
    let manifest = Path::new(WORKSPACE).join("Cargo.toml");
    if !manifest.is_file() {
        return Ok(());
    }
    let dir = profile_dir()?;
    let mut command = cargo();
    command.args(["build", "--locked", "--manifest-path"]).arg(manifest).args(features());
    command.args(profile_arguments(&dir).unwrap_or_default());
    if let Some(target) = dir.parent() {
        command.arg("--target-dir").arg(target);
    }
    for program in programs {
        command.args([if cfg!(feature = "tls") { "--bin" } else { "--package" }, program]);
    }
    let status = command
        .kill_on_drop(true)
        .stdin(std::process::Stdio::null())
        .status()
        .await
        .map_err(LocalError::io("starting cargo"))?;
    if status.success() {
        return Ok(());
    }
    Err(LocalError::Failed {
        program: format!("cargo build of {}", programs.join(", ")),
        status: status.to_string(),
        output: "see the compiler's messages above".into(),
    })
}

/// The features that dependencies already have, so that none of them is compiled a second time: those that `cargo test --workspace` built
/// them with, or those of the launcher that `cargo run` built.
const fn features() -> &'static [&'static str] {
    if cfg!(feature = "tls") { &["--workspace"] } else { &["--no-default-features"] }
}

/// The command that builds a program as this one was built, and starts it.
///
/// # Errors
/// As [`profile_dir`].
pub fn run_command(program: &str) -> Result<String> {
    let profile = profile_arguments(&profile_dir()?).map_or_else(String::new, |args| format!(" {}", args.join(" ")));
    let features = if cfg!(feature = "tls") { "" } else { " --no-default-features" };
    Ok(format!("cargo run{profile}{features} -p {program}"))
}

/// The Cargo that builds this, as if nothing had started it.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What an outer `cargo run` or `cargo test` says of its own package would make build scripts run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text.starts_with("CARGO_BIN_") {
            command.env_remove(&name);
        }
    }
    command
}

/// How Cargo is asked for the profile of this directory. Its own default has no argument.
#[must_use]
pub fn profile_arguments(dir: &Path) -> Option<Vec<String>> {
    match dir.file_name()?.to_str()? {
        "debug" => None,
        "release" => Some(vec!["--release".into()]),
        other => Some(vec!["--profile".into(), other.into()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_the_command_that_builds_it() {
        let said = sibling("no-such-service").map_err(|error| error.to_string());
        let said = said.err().unwrap_or_default();
        assert!(said.contains("-p no-such-service"), "{said}");
    }

    #[test]
    fn the_command_that_starts_a_program_names_it_last() {
        let command = run_command("payment").unwrap_or_default();
        assert!(command.starts_with("cargo run") && command.ends_with("-p payment"), "{command}");
    }

    #[test]
    fn the_profile_is_read_from_the_directory() {
        let arguments = |dir: &str| profile_arguments(Path::new(dir)).unwrap_or_default();
        assert!(arguments("/x/target/debug").is_empty());
        assert_eq!(arguments("/x/target/release"), ["--release"]);
        assert_eq!(arguments("/x/target/quick"), ["--profile", "quick"]);
    }
}
