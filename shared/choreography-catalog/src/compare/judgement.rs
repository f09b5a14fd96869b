//! Two opinions on whether each payload that is written can be read. Only what both say is believed.

use serde_json::Value;

use super::{
    canonical,
    kind::Kind,
    structure::{self, Difference},
};

/// What breaks, if anything. Either side may have no schema that could be compared: then it says why.
pub(super) fn breaks(written: Result<Value, String>, read: Result<Value, String>) -> Vec<Difference> {
    let (written, read) = match (written, read) {
        (Ok(written), Ok(read)) => (written, read),
        (Err(why), _) | (_, Err(why)) => {
            return vec![Difference::whole(Kind::Undecided, format!("the schema can't be compared: {why}"))];
        }
    };
    let differences = structure::differences(&written, &read);
    if !differences.is_empty() {
        return differences;
    }
    let doubt = canonical::doubt(&written, &read);
    doubt.map(|doubt| Difference::whole(Kind::Undecided, doubt)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_opinions_must_say_that_it_can_be_read() {
        let kinds = |written: &Value, read: &Value| -> Vec<Kind> {
            breaks(Ok(written.clone()), Ok(read.clone())).iter().map(|of| of.kind).collect()
        };
        let text = json!({ "type": "string", "maxLength": 3 });
        assert_eq!(kinds(&text, &json!({ "type": "string" })), []);
        assert_eq!(kinds(&json!({ "type": "string" }), &text), [Kind::LengthChanged], "the second opinion");
        // The second opinion passes over what else a value that is listed has to be like; the first one does not.
        let read = json!({ "enum": ["a"], "type": "string", "minLength": 2 });
        assert_eq!(kinds(&json!({ "const": "a" }), &read), [Kind::Undecided], "the first opinion");
        assert_eq!(breaks(Err("why".into()), Ok(text))[0].kind, Kind::Undecided);
    }
}
