//! Files of descriptions, read and held against the format.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::{contradictions, description::Description};

/// The file of a folder that says who owns which topic; all others describe a service each.
pub const OWNERS: &str = "owners.json";

/// All that is described.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choreography {
    /// The services, by the names of their files.
    pub services: Vec<Described>,
    /// Which service owns which topic, where an `owners.json` says so.
    pub owners: BTreeMap<String, String>,
}

/// A description, and the file that it stands in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// The file, as it was named.
    pub file: String,
    /// What it says.
    pub service: Description,
}

/// Why nothing can be checked.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A path can't be read.
    #[error("{}: {source}: name a folder of descriptions, or their files", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing to check.
    #[error(
        "{paths} has no descriptions: what `SERVICE describe` prints belongs there, one file per service (NAME.json)"
    )]
    Empty {
        /// The paths that were given.
        paths: String,
    },
    /// Files do not have the format, or contradict themselves.
    #[error("{}", lines(.0))]
    Invalid(Vec<Wrong>),
}

/// A place in a file, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The file.
    pub file: String,
    /// The place in it, such as `state_table.transitions[3].on`; empty where the whole file is meant.
    pub path: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, path, problem } = self;
        if path.is_empty() || path == "." {
            write!(formatter, "{file}: {problem}")
        } else {
            write!(formatter, "{file}: {path}: {problem}")
        }
    }
}

fn lines(wrong: &[Wrong]) -> String {
    wrong.iter().map(Wrong::to_string).collect::<Vec<_>>().join("\n")
}

impl Choreography {
    /// Reads folders (all `.json` files in them) and files.
    ///
    /// # Errors
    /// A path can't be read, there is no description, or a file does not have the format. All wrong places are named.
    pub fn read(paths: &[PathBuf]) -> Result<Self, ReadError> {
        let mut texts = Vec::new();
        for path in paths {
            for file in files(path)? {
                texts.push((file.display().to_string(), read(&file)?));
            }
        }
        let read = Self::parse(texts.iter().map(|(file, text)| (file.as_str(), text.as_str())))?;
        if read.services.is_empty() {
            let paths = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
            return Err(ReadError::Empty { paths });
        }
        Ok(read)
    }

    /// Reads files by their names and texts. One that is called `owners.json` says who owns which topic.
    ///
    /// # Errors
    /// A file does not have the format, contradicts itself, or describes what another one describes.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ReadError> {
        let (mut read, mut wrong) = (Self::default(), Vec::new());
        for (file, text) in files {
            if Path::new(file).file_name().is_some_and(|name| name == OWNERS) {
                match parse(file, text) {
                    Ok(owners) => read.owners = owners,
                    Err(refused) => wrong.push(refused),
                }
                continue;
            }
            match parse::<Description>(file, text) {
                Ok(service) => {
                    wrong.extend(read.unfit(file, &service));
                    read.services.push(Described { file: file.to_owned(), service });
                }
                Err(refused) => wrong.push(refused),
            }
        }
        if wrong.is_empty() { Ok(read) } else { Err(ReadError::Invalid(wrong)) }
    }

    fn unfit(&self, file: &str, service: &Description) -> Vec<Wrong> {
        let twin = self.services.iter().find(|other| other.service.name == service.name).map(|other| Wrong {
            file: file.to_owned(),
            path: "name".to_owned(),
            problem: format!("{} is described by {}, too: leave one of the two out", service.name, other.file),
        });
        let of_itself = contradictions::of(service).into_iter().map(|of| Wrong {
            file: file.to_owned(),
            path: of.path,
            problem: of.problem,
        });
        twin.into_iter().chain(of_itself).collect()
    }
}

fn read(path: &Path) -> Result<String, ReadError> {
    fs::read_to_string(path).map_err(|source| ReadError::Unreadable { path: path.to_owned(), source })
}

/// The file itself, or the JSON files of a folder in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |source| ReadError::Unreadable { path: path.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}

fn parse<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T, Wrong> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| Wrong {
        file: file.to_owned(),
        path: error.path().to_string(),
        problem: error.inner().to_string(),
    })?;
    json.end().map_err(|error| Wrong { file: file.to_owned(), path: String::new(), problem: error.to_string() })?;
    Ok(read)
}
