//! Can this machine run Apache Kafka itself, and out of which parts?

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use super::jars;

/// The oldest Java that Kafka 4 runs on.
const OLDEST_JAVA: u32 = 17;

/// The parts Apache Kafka will be run from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HowKafka {
    pub java: PathBuf,
    /// Java's feature version: 17, 21.
    pub java_version: u32,
    pub jars: Jars,
}

/// Where its jars come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Jars {
    /// `libs` of an installation that `KAFKA_HOME` names.
    Home(PathBuf),
    /// Fetched by an earlier run.
    Cached(PathBuf),
    /// To be fetched once by this Maven into this directory.
    Fetch { maven: PathBuf, into: PathBuf },
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KafkaUnavailableError {
    #[error(
        "no Java was found in JAVA_HOME or PATH: run `apt-get install openjdk-17-jre-headless`, or start with --broker embedded"
    )]
    NoJava,
    #[error(
        "{java} is Java {found} and Kafka needs {OLDEST_JAVA} or newer: run `apt-get install openjdk-17-jre-headless` and set JAVA_HOME"
    )]
    OldJava { java: PathBuf, found: u32 },
    #[error("{java} does not say which version it is: {said}")]
    StrangeJava { java: PathBuf, said: String },
    #[error("KAFKA_HOME is {0}, but there is no libs/kafka-server-*.jar in it: correct or unset it")]
    NoJarsInHome(PathBuf),
    #[error(
        "its jars are neither in KAFKA_HOME nor in {cache}, and there is no Maven to fetch them: run `apt-get install maven`, or start with --broker embedded"
    )]
    NoMaven { cache: PathBuf },
}

impl fmt::Display for HowKafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Java {} and ", self.java_version)?;
        match &self.jars {
            Jars::Home(dir) => write!(f, "KAFKA_HOME's jars in {}", dir.display()),
            Jars::Cached(dir) => write!(f, "jars fetched earlier into {}", dir.display()),
            Jars::Fetch { into, .. } => {
                write!(f, "jars which Maven fetches once into {}", into.display())
            }
        }
    }
}

impl HowKafka {
    /// Fetches the jars if they are still to be fetched, and says where they are. Blocks meanwhile.
    ///
    /// # Errors
    /// [`LocalError::NoJars`](crate::LocalError::NoJars) if Maven can't fetch them.
    pub fn provide(&self) -> crate::Result<PathBuf> {
        jars::provide(&self.jars)
    }
}

/// Looks for Java 17 or newer, and for the jars or the means to fetch them. Runs `java -version`.
///
/// # Errors
/// What is missing, with the command that installs it.
pub fn can_run_apache_kafka() -> Result<HowKafka, KafkaUnavailableError> {
    let java = find_java().ok_or(KafkaUnavailableError::NoJava)?;
    let java_version = version_of(&java)?;
    if java_version < OLDEST_JAVA {
        return Err(KafkaUnavailableError::OldJava { java, found: java_version });
    }
    Ok(HowKafka { java, java_version, jars: find_jars()? })
}

fn find_jars() -> Result<Jars, KafkaUnavailableError> {
    if let Some(home) = std::env::var_os("KAFKA_HOME").filter(|home| !home.is_empty()) {
        let libs = Path::new(&home).join("libs");
        if jars::holds_a_broker(&libs) {
            return Ok(Jars::Home(libs));
        }
        return Err(KafkaUnavailableError::NoJarsInHome(home.into()));
    }
    let cache = jars::cache_dir();
    if cache.is_dir() {
        return Ok(Jars::Cached(cache));
    }
    match in_path("mvn") {
        Some(maven) => Ok(Jars::Fetch { maven, into: cache }),
        None => Err(KafkaUnavailableError::NoMaven { cache }),
    }
}

fn find_java() -> Option<PathBuf> {
    let home = std::env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin/java"));
    home.filter(|java| java.is_file()).or_else(|| in_path("java"))
}

/// The first file of that name in `PATH`.
pub(crate) fn in_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}

fn version_of(java: &Path) -> Result<u32, KafkaUnavailableError> {
    let strange = |said: String| KafkaUnavailableError::StrangeJava { java: java.to_owned(), said };
    let output = Command::new(java).arg("-version").output();
    let output = output.map_err(|error| strange(error.to_string()))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    feature_version(&said).ok_or_else(|| strange(said))
}

/// `… version "17.0.15" …` is 17, and `"1.8.0_402"` is 8.
fn feature_version(said: &str) -> Option<u32> {
    let (_, quoted) = said.split_once("version \"")?;
    let mut parts = quoted.split(|c: char| !c.is_ascii_digit());
    match parts.next()?.parse().ok()? {
        1 => parts.next()?.parse().ok(),
        version => Some(version),
    }
}

#[cfg(test)]
mod tests {
    use super::feature_version;

    #[test]
    fn the_feature_version_is_read_from_old_and_new_version_strings() {
        let version = |text: &str| feature_version(&format!("openjdk version \"{text}\" 2025"));
        assert_eq!(version("17.0.15"), Some(17));
        assert_eq!(version("21"), Some(21));
        assert_eq!(version("1.8.0_402"), Some(8));
        assert_eq!(version("26-ea"), Some(26));
        assert_eq!(feature_version("command not found"), None);
    }
}
