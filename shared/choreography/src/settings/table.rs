//! The settings of a program as a table (Markdown), from what its `--help` says.

use std::fmt::Write as _;

use clap::{Arg, Command};

/// One row for each variable of the environment, in the order in which they are declared.
pub(crate) fn of(command: &Command) -> String {
    let mut table = String::from("| setting | default | what it is |\n|---|---|---|\n");
    for setting in command.get_arguments() {
        if let Some(name) = setting.get_env() {
            // Writing to a text does not fail.
            let _ = writeln!(table, "| `{}` | {} | {} |", name.to_string_lossy(), default(setting), help(setting));
        }
    }
    table
}

fn default(setting: &Arg) -> String {
    let values: Vec<_> = setting.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    match values.is_empty() {
        true if setting.is_required_set() => "must be set".into(),
        true => String::new(),
        false => format!("`{}`", values.join(",")),
    }
}

fn help(setting: &Arg) -> String {
    let help = setting.get_long_help().or_else(|| setting.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut text = help.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let words: Vec<String> =
        setting.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    // What is on or off needs no list.
    if !words.is_empty() && words != ["`true`", "`false`"] {
        text = format!("{} One of {}.", with_stop(&text), words.join(", "));
    }
    text
}

fn with_stop(text: &str) -> String {
    if text.ends_with('.') { text.to_owned() } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, ValueEnum};

    use super::*;

    #[derive(Args)]
    struct Settings {
        /// Where it listens, as HOST:PORT
        /// or `HOST|PORT`.
        #[arg(long, env = "PARTY_ADDR", default_value = "127.0.0.1:1")]
        _address: String,
        /// Who comes
        #[arg(long, env = "PARTY_GUESTS", required = true)]
        _guests: Option<Guests>,
        /// Whether there is music.
        #[arg(long, env = "PARTY_MUSIC", default_value_t = true, action = clap::ArgAction::Set)]
        _music: bool,
        #[arg(long)]
        _on_the_command_line_alone: bool,
    }

    #[derive(Clone, Copy, ValueEnum)]
    enum Guests {
        Few,
        Many,
    }

    #[test]
    fn each_variable_has_a_row_with_its_default_and_its_help() {
        let expected = "| setting | default | what it is |\n|---|---|---|\n\
            | `PARTY_ADDR` | `127.0.0.1:1` | Where it listens, as HOST:PORT or `HOST\\|PORT` |\n\
            | `PARTY_GUESTS` | must be set | Who comes. One of `few`, `many`. |\n\
            | `PARTY_MUSIC` | `true` | Whether there is music |\n";
        assert_eq!(of(&Settings::augment_args(Command::new("party"))), expected);
    }
}
