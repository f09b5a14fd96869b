//! Generated parts within a page that is written by hand: they stand between two comments.

const BEGIN: &str = "<!-- generated: ";
const CLOSE: &str = " -->";
/// Ends each part.
const END: &str = "<!-- end of generated -->";

/// Why a page can't be filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// A part has no end.
    #[error("line {line}: the part {name:?} has no end: write {END} on a line behind it")]
    NoEnd {
        /// The line where it begins.
        line: usize,
        /// The part's name.
        name: String,
    },
    /// There is no such part.
    #[error(
        "line {line}: there is no part {name:?}: see `part` in shared/choreography-check/src/draw for those that there are"
    )]
    Unknown {
        /// The line where it begins.
        line: usize,
        /// The part's name.
        name: String,
    },
}

/// The page with each of its parts made anew: what stands between `<!-- generated: NAME -->` and
/// `<!-- end of generated -->`, each on a line of its own. Everything else stays as it is.
///
/// # Errors
/// A part has no end, or `part` knows none of its name.
pub fn fill(page: &str, part: impl Fn(&str) -> Option<String>) -> Result<String, PageError> {
    let (mut filled, mut open) = (String::with_capacity(page.len()), None::<(usize, String)>);
    for (index, line) in page.split_inclusive('\n').enumerate() {
        let trimmed = line.trim_end();
        if open.is_some() {
            if trimmed == END {
                open = None;
                filled.push_str(line);
            }
            continue;
        }
        filled.push_str(line);
        let Some(name) = trimmed.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(CLOSE)) else { continue };
        let made = part(name).ok_or_else(|| PageError::Unknown { line: index + 1, name: name.to_owned() })?;
        // Markdown takes a table or a fence for one only behind an empty line.
        filled.push_str(&format!("\n{}\n\n", made.trim_end()));
        open = Some((index + 1, name.to_owned()));
    }
    match open {
        Some((line, name)) => Err(PageError::NoEnd { line, name }),
        None => Ok(filled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str) -> Option<String> {
        (name != "nothing").then(|| format!("made of {name}\n"))
    }

    #[test]
    fn what_stands_between_the_comments_is_made_anew_and_the_rest_stays() {
        let page = "# Title\n\n<!-- generated: flow -->\nold\nold too\n<!-- end of generated -->\n\nText.";
        let filled = fill(page, made).unwrap();
        let expected = "# Title\n\n<!-- generated: flow -->\n\nmade of flow\n\n<!-- end of generated -->\n\nText.";
        assert_eq!(filled, expected);
        assert_eq!(fill(&filled, made).unwrap(), filled, "a second time changes nothing");
        assert_eq!(fill("No part.\n", made).unwrap(), "No part.\n");
    }

    #[test]
    fn a_part_without_end_or_of_no_known_name_is_named_with_its_line() {
        let unended = fill("\n<!-- generated: flow -->\ntext\n", made).unwrap_err().to_string();
        assert!(unended.starts_with("line 2: the part \"flow\" has no end"), "{unended}");
        let unknown = fill("<!-- generated: nothing -->\n<!-- end of generated -->\n", made).unwrap_err().to_string();
        assert!(unknown.starts_with("line 1: there is no part \"nothing\""), "{unknown}");
    }
}
