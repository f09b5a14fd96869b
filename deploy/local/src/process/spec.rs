use std::{
    fs::{self, OpenOptions},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{LocalError, Result};

/// The user and group that a child runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAs {
    /// For messages.
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

/// What to start, and how.
#[derive(Debug, Clone)]
pub struct ProcessSpec {
    /// For messages: `order`, `payment-2`.
    pub name: String,
    pub program: PathBuf,
    pub args: Vec<String>,
    /// Added to this process's own environment, less the backtraces of errors.
    pub env: Vec<(String, String)>,
    /// Takes standard output and standard error, appended.
    pub log_path: PathBuf,
    /// `None`: as this process.
    pub run_as: Option<RunAs>,
    /// Where it runs; `None`: where this process does.
    pub dir: Option<PathBuf>,
    /// The signal it gets when this process ends without having ended it.
    pub on_orphaned: i32,
}

impl ProcessSpec {
    /// A process with neither arguments nor additions to its environment.
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>, log_path: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            log_path: log_path.into(),
            run_as: None,
            dir: None,
            on_orphaned: libc::SIGKILL,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds a variable to its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    pub(super) fn command(&self) -> Result<Command> {
        if let Some(dir) = self.log_path.parent() {
            fs::create_dir_all(dir).map_err(LocalError::path("creating", dir))?;
        }
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log_path)
            .map_err(LocalError::path("opening", &self.log_path))?;
        let copy = log.try_clone().map_err(LocalError::path("opening", &self.log_path))?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            // The end of a log is what its reader is shown: an error's own words, not where it was made.
            // Panics keep their backtraces.
            .env("RUST_LIB_BACKTRACE", "0")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(copy);
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        if let Some(user) = &self.run_as {
            command.uid(user.uid).gid(user.gid);
        }
        Ok(command)
    }
}
