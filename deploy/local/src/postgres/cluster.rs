//! The files of one private server, and the command that runs it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{PostgresOptions, user};
use crate::{LocalError, ProcessSpec, Result, ServiceProcess, process::RunAs};

pub(super) const SUPERUSER: &str = "postgres";

/// A private server's settings, with what differs from PostgreSQL's own defaults.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    // TCP is all that the services use; a socket would need a directory that is short and shared.
    ("unix_socket_directories", ""),
    // Four services, two replicas each, their pools, and the tests' own connections.
    ("max_connections", "300"),
    ("shared_buffers", "256MB"),
    ("max_wal_size", "2GB"),
    // Statements here are short: compiling one costs more than it saves.
    ("jit", "off"),
    // A killed server leaves nothing in /dev/shm then: it lies in its data directory.
    ("dynamic_shared_memory_type", "mmap"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    // Crashes are part of the tests, so what is committed must really be on disk.
    ("fsync", "on"),
    ("synchronous_commit", "on"),
];

pub(super) struct Cluster {
    pub bin: PathBuf,
    pub dir: PathBuf,
    pub run_as: Option<RunAs>,
}

impl Cluster {
    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn password_file(&self) -> PathBuf {
        self.dir.join("superuser.password")
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join("postgres.log")
    }

    /// Makes a cluster if there is none yet; answers its superuser's password.
    pub async fn provide(&self) -> Result<String> {
        let path = self.password_file();
        if self.data().join("PG_VERSION").exists() {
            return fs::read_to_string(&path).map_err(LocalError::path("reading", &path));
        }
        let password = uuid::Uuid::new_v5(&uuid::Uuid::now_v7(), &random_bytes()?);
        let password = password.simple().to_string();
        fs::write(&path, &password).map_err(LocalError::path("writing", &path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(LocalError::path("closing", &path))?;
        if let Some(user) = &self.run_as {
            user::give(&path, user)?;
        }
        self.initdb(&path).await?;
        Ok(password)
    }

    async fn initdb(&self, password_file: &Path) -> Result<()> {
        let log = self.dir.join("initdb.log");
        let mut spec = ProcessSpec::new("initdb", self.bin.join("initdb"), log)
            .args(["-U", SUPERUSER, "-A", "scram-sha-256", "-E", "UTF8"])
            .args(["--no-locale", "--no-instructions"])
            .arg(format!("--pwfile={}", password_file.display()))
            .args(["-D".into(), self.data().display().to_string()]);
        self.house(&mut spec);
        let initdb = ServiceProcess::spawn(spec)?;
        let status = initdb.wait_exit(super::INITDB).await?;
        if status.success() {
            return Ok(());
        }
        Err(LocalError::Failed { program: "initdb".into(), status: status.to_string(), output: initdb.log_tail(30) })
    }

    pub fn server(&self, port: u16, options: &PostgresOptions) -> ProcessSpec {
        let mut spec = ProcessSpec::new("postgres", self.bin.join("postgres"), self.log())
            .args(["-D".into(), self.data().display().to_string()])
            .args(["-p".into(), port.to_string()]);
        let ours = SETTINGS.iter().map(|(name, value)| format!("{name}={value}"));
        let theirs = options.settings.iter();
        let theirs = theirs.map(|(name, value)| format!("{name}={value}"));
        for setting in ours.chain(theirs) {
            spec = spec.arg("-c").arg(setting);
        }
        // Immediate shutdown: the server takes its children with it, which a -9 would leave behind.
        spec.on_orphaned = libc::SIGQUIT;
        self.house(&mut spec);
        spec
    }

    /// The current directory may be one that the unprivileged user cannot enter.
    fn house(&self, spec: &mut ProcessSpec) {
        spec.run_as.clone_from(&self.run_as);
        spec.dir = Some(self.dir.clone());
    }
}

/// A time-ordered id alone could be guessed by an attacker who knows when the server was made.
fn random_bytes() -> Result<[u8; 32]> {
    use std::io::Read;
    let mut bytes = [0; 32];
    let source = Path::new("/dev/urandom");
    fs::File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(LocalError::path("reading", source))?;
    Ok(bytes)
}
