//! A table, as it is printed and as it stands in a report.

/// Its first column is text, the others are figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    pub title: String,
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// What to know about it.
    pub notes: Vec<String>,
}

impl Table {
    pub fn new(title: impl Into<String>, head: &[&str]) -> Self {
        let head = head.iter().map(|name| (*name).to_owned()).collect();
        Self { title: title.into(), head, ..Self::default() }
    }

    pub fn row(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }

    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Aligned, for a terminal.
    pub fn text(&self) -> String {
        let lines = || std::iter::once(&self.head).chain(&self.rows);
        let columns = lines().map(Vec::len).max().unwrap_or_default();
        let width = |column| lines().filter_map(|row| row.get(column)).map(|cell: &String| cell.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
        let mut text = format!("{}\n", self.title);
        for row in lines().filter(|row| row.iter().any(|cell| !cell.is_empty())) {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
                0 => format!("  {cell:<width$}"),
                _ => format!("  {cell:>width$}"),
            });
            text.push_str(cells.collect::<String>().trim_end());
            text.push('\n');
        }
        for note in &self.notes {
            text.push_str(&format!("  {note}\n"));
        }
        text
    }

    /// For a page.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = self.head.iter().enumerate().map(|(column, _)| if column == 0 { "---" } else { "---:" });
        let mut text = format!("### {}\n\n", self.title);
        text.push_str(&line(&self.head));
        text.push_str(&line(&rule.map(str::to_owned).collect::<Vec<_>>()));
        text.extend(self.rows.iter().map(|row| line(row)));
        for note in &self.notes {
            text.push_str(&format!("\n{note}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_in_a_terminal_and_piped_in_a_page() {
        let mut table = Table::new("Costs", &["", "CPU", "switches"]);
        table.row(["broker".into(), "0.271".into(), "7".into()]);
        table.row(["all".into(), "12.000".into(), "—".into()]);
        table.note("Nothing else ran.");
        assert_eq!(
            table.text(),
            "Costs\n             CPU  switches\n  broker   0.271         7\n  all     12.000         —\n  Nothing else ran.\n"
        );
        assert_eq!(
            table.markdown(),
            "### Costs\n\n|  | CPU | switches |\n| --- | ---: | ---: |\n| broker | 0.271 | 7 |\n| all | 12.000 | — |\n\nNothing else ran.\n"
        );
    }
}
