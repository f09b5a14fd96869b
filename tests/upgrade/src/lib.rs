//! The services' programs of the commit that the file `base` names: built once, and kept.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use local::{LocalError, Result, binaries, cache};

/// See README.md for why it is this one.
const BASE: &str = include_str!("../base");

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The profile that the base is built with. What others wrote is compiled as it is for the present build, which has done that
/// already. Members of the workspace have the same names and versions in both builds; where they are compiled differently, Cargo
/// keeps them apart.
const PROFILE: [&str; 2] =
    ["profile.release.debug=\"line-directives-only\"", "profile.release.package.\"*\".debug=false"];

/// The folder of the base's programs, of those services that the base has. The first call builds them, beside the present build's
/// directory.
///
/// # Errors
/// This clone lacks the commit, or the commit does not build: the error says what to do, or the compiler has said it.
pub fn programs(services: &[&str]) -> Result<PathBuf> {
    let commit = BASE.trim();
    let target = target_dir()?;
    cache::fill_once(&target.join("upgrade").join(commit), |folder| {
        eprintln!("upgrade: building the services of {commit}, once");
        let source = folder.join("source");
        check_out(commit, &source)?;
        let there = services.iter().copied().filter(|service| source.join("services").join(service).is_dir());
        let services: Vec<&str> = there.collect();
        build(&source, &folder.join("target"), &target, &services)?;
        for service in services {
            let built = folder.join("target/release").join(service);
            fs::rename(&built, folder.join(service)).map_err(failed("keeping", &built))?;
        }
        for spent in [source, folder.join("target")] {
            fs::remove_dir_all(&spent).map_err(failed("removing", &spent))?;
        }
        Ok(())
    })
}

fn target_dir() -> Result<PathBuf> {
    let profile = binaries::profile_dir()?;
    Ok(profile.parent().unwrap_or(&profile).to_owned())
}

/// Takes the files of a commit out of Git, without touching the work tree.
fn check_out(commit: &str, into: &Path) -> Result<()> {
    fs::create_dir_all(into).map_err(failed("creating", into))?;
    let mut look = git();
    run(
        look.args(["cat-file", "-e"]).arg(format!("{commit}^{{commit}}")),
        &format!(
            "tests/upgrade/base names the commit {commit}, which this clone does not have. A shallow clone lacks older commits: \
         `git fetch --unshallow` brings them (in GitHub's checkout action: `fetch-depth: 0`)"
        ),
    )?;
    let archive = into.with_extension("tar");
    run(git().args(["archive", "--output"]).arg(&archive).arg(commit), "its files cannot be taken out of Git")?;
    run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(into), "its files cannot be unpacked")?;
    fs::remove_file(&archive).map_err(failed("removing", &archive))
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(WORKSPACE);
    git
}

/// `shared`: the target directory of the present build, whose crates of others are used again.
fn build(source: &Path, target: &Path, shared: &Path, services: &[&str]) -> Result<()> {
    let mut cargo = binaries::cargo().into_std();
    cargo.current_dir(source).args(["build", "--release", "--locked", "--workspace", "--target-dir"]).arg(target);
    cargo.env("CARGO_BUILD_BUILD_DIR", shared);
    // Nothing is measured here: what counts is how soon they are there.
    let quickly = members(source)?.into_iter().map(|name| format!("profile.release.package.{name}.opt-level=0"));
    for setting in PROFILE.into_iter().map(str::to_owned).chain(quickly) {
        cargo.args(["--config", &setting]);
    }
    for service in services {
        cargo.args(["--bin", service]);
    }
    // Its progress is the only sign of life for a while.
    run(cargo.stderr(Stdio::inherit()), "see the compiler's messages above")
}

/// What the services are made of, by folder, which is named as the package.
fn members(source: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for folder in ["services", "shared"] {
        let folder = source.join(folder);
        for entry in fs::read_dir(&folder).map_err(failed("reading", &folder))? {
            let path = entry.map_err(failed("reading", &folder))?.path();
            if let (true, Some(name)) = (path.join("Cargo.toml").is_file(), path.file_name()) {
                names.push(name.to_string_lossy().into_owned());
            }
        }
    }
    Ok(names)
}

fn run(command: &mut Command, if_not: &str) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let started = |source| LocalError::Io { what: format!("starting {program}"), source };
    let output = command.stdin(Stdio::null()).output().map_err(started)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(LocalError::Failed { program, status: output.status.to_string(), output: format!("{said}{if_not}") })
}

fn failed(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> LocalError + use<> {
    let what = format!("{doing} {}", path.display());
    move |source| LocalError::Io { what, source }
}
