//! A page of an EventCatalog: front matter, and the graph of what is around it.

use std::fmt::Write;

/// A message that a service sends or receives: its id, its version, `to` or `from`, the topic and that one's version.
pub(super) type Message = (String, String, &'static str, String, String);

/// A page that is being written.
pub(super) struct Page(String);

/// A text in YAML; JSON's form is one of YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Page {
    pub(super) fn new(id: &str, name: &str, version: &str) -> Self {
        let mut page = Self("---\n".into());
        page.text("id", id);
        page.text("name", name);
        page.text("version", version);
        page
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // A String takes whatever is written to it.
        let _ = writeln!(self.0, "{line}");
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.line(format_args!("{name}: {}", quoted(text)));
    }

    pub(super) fn texts(&mut self, name: &str, texts: &[&str]) {
        self.line(format_args!("{name}:"));
        for text in texts {
            self.line(format_args!("  - {}", quoted(text)));
        }
    }

    /// Ids and versions of other pages.
    pub(super) fn pointers(&mut self, name: &str, pointers: &[(&str, &str)]) {
        self.line(format_args!("{name}:"));
        for (id, version) in pointers {
            self.line(format_args!("  - id: {}\n    version: {}", quoted(id), quoted(version)));
        }
    }

    /// What a service sends or receives, and on which topics.
    pub(super) fn messages(&mut self, name: &str, messages: Vec<Message>) {
        if messages.is_empty() {
            return;
        }
        self.line(format_args!("{name}:"));
        for (id, version, end, topic, of_topic) in messages {
            self.line(format_args!("  - id: {}\n    version: {}", quoted(&id), quoted(&version)));
            self.line(format_args!(
                "    {end}:\n      - id: {}\n        version: {}",
                quoted(&topic),
                quoted(&of_topic)
            ));
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push_str("---\n\n<NodeGraph />\n");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_quotes_what_yaml_would_take_for_something_else() {
        let mut page = Page::new("no", "1.0: \"a\"", "1.0.0");
        page.texts("protocols", &["kafka"]);
        page.messages("sends", Vec::new());
        let expected = "---\nid: \"no\"\nname: \"1.0: \\\"a\\\"\"\nversion: \"1.0.0\"\nprotocols:\n  - \"kafka\"\n---\n\n<NodeGraph />\n";
        assert_eq!(page.finish(), expected);
    }
}
