//! Where a registry is.

use reqwest::Url;

use super::RegistryError;

/// The registry's address. What is wrong with one is said without the address: it may hold a password.
pub(super) fn parse(text: &str) -> Result<Url, RegistryError> {
    let refused = |problem: String| RegistryError::Address { problem };
    let url = Url::parse(text).map_err(|error| refused(format!("it is no URL ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused(format!("{} is neither http nor https", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it holds a name or a password, which others could see among the processes".into()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it has a query or a fragment".into()));
    }
    Ok(url)
}

/// An address below the registry's own, whose path is kept. A slash within a part is escaped.
pub(super) fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    // An http URL always has segments.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_kept_and_a_subject_is_one_segment() {
        for base in ["http://registry:8081/apis/v7", "http://registry:8081/apis/v7/"] {
            let url = below(&parse(base).unwrap(), &["subjects", "a/b c"]);
            assert_eq!(url.as_str(), "http://registry:8081/apis/v7/subjects/a%2Fb%20c");
        }
    }

    #[test]
    fn an_address_that_can_not_be_used_is_refused_and_no_password_is_said() {
        for (text, problem) in [
            ("registry:8081", "registry is neither http nor https"),
            ("http://ada:secret@registry", "it holds a name or a password"),
            ("http://ada:secret@registry:port", "it is no URL"),
            ("http://registry/?token=secret", "it has a query"),
            ("", "it is no URL"),
        ] {
            let said = parse(text).unwrap_err().to_string();
            assert!(said.contains(problem) && said.contains("http://HOST:8081"), "{said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
