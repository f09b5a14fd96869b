//! Contradictions within a route table. Each line names the places, and what to do.

use std::{collections::BTreeSet, fmt, panic::Location};

use super::{
    dispatch::TableId,
    rule::Rule,
    table::{RouteTable, Typed},
};
use crate::{EventType, Table};

/// Declarations that contradict each other. Each line names one, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutesError(pub Vec<String>);

impl fmt::Display for RoutesError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the routes contradict each other:\n  {}", self.0.join("\n  "))
    }
}

impl std::error::Error for RoutesError {}

/// One input has two rules.
pub(super) fn twice(before: &Rule, rule: &Rule, do_this: &str) -> String {
    format!("{} is handled twice, at {} and at {}: {do_this}", rule.input, before.place, rule.place)
}

/// Rows of one type would be taken for rows of the other, records of one be written by the columns of the other.
pub(super) fn two_types(table: &Table, before: Typed, now: Typed) -> Option<String> {
    (before.id != now.id).then(|| {
        format!(
            "the table {} is {}'s ({}) and {}'s ({}): one table has one type; give each a table of its own, or use one \
             type in both places",
            table.name, before.name, before.place, now.name, now.place
        )
    })
}

/// A rule's further rows are locked after the row that names them.
pub(super) fn of_order(table: &RouteTable, rule: &Rule) -> Vec<String> {
    rule.further().filter_map(|then| of_further(table, rule, then)).collect()
}

fn of_further(table: &RouteTable, rule: &Rule, then: TableId) -> Option<String> {
    let first = rule.about;
    let place = |table_id: TableId| table.tables.iter().position(|kept| *kept == table_id);
    if place(first) < place(then) {
        return None;
    }
    let (first_name, then_name) = (first.0.name, then.0.name);
    if first == then {
        return Some(format!(
            "the route of {} ({}) asks for further rows of {then_name}, whose row it is about already: ask for rows of another \
             table, or for none",
            rule.input, rule.place
        ));
    }
    if place(then) == Some(0) {
        return Some(format!(
            "keys of {then_name} come from rows of {first_name} ({}), but {then_name} is the aggregate's, which is locked \
             first: make {} about the aggregate, with its rows of {first_name} as further ones",
            rule.place, rule.input
        ));
    }
    let locked = table.kept.get(&then).map(|kept| kept.of.place.to_string()).unwrap_or_default();
    Some(format!(
        "keys of {then_name} come from rows of {first_name} ({}), but {then_name} is locked first, since {locked}: declare a \
         route of {first_name} before that",
        rule.place
    ))
}

/// What can be known once all is declared.
pub(super) fn of(table: &RouteTable, service: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let reads: BTreeSet<&str> = table.events.values().map(|entry| entry.contract.event_type.topic).collect();
    for (name, ignored) in &table.ignored {
        if let Some(entry) = table.events.get(name) {
            wrong.push(format!(
                "{name} is handled ({}), and declared as ignored: leave one of the two out",
                entry.rule.place
            ));
        } else if !reads.contains(ignored.topic) {
            wrong.push(format!(
                "{name} is declared as ignored, but nothing of {} is handled: leave it out",
                ignored.topic
            ));
        }
    }
    for (name, entry) in table.events.iter().filter(|(name, _)| table.published.contains_key(*name)) {
        wrong.push(format!(
            "{name} is published and handled ({}) by the same service: call the rule instead",
            entry.rule.place
        ));
    }
    if let (Some(finished), Some(TableId(aggregates))) = (&table.archive.finished, table.tables.first())
        && aggregates.columns.iter().all(|column| column.name != finished.state)
    {
        wrong.push(format!(
            "on.ends(…) goes by the column {}, but {} has none of that name: name the column of its state",
            finished.state, aggregates.name
        ));
    }
    for published in
        table.published.values().map(|contract| contract.event_type).filter(|published| published.owner != service)
    {
        let EventType { name, topic, owner, .. } = published;
        wrong.push(format!("{name} is published, but it is {owner}'s: only {owner} writes to {topic}"));
    }
    for (table_id, kept) in &table.kept {
        if let Some(records) = table.recorded.get(table_id.0.name) {
            wrong.push(format!(
                "the table {} has rows, {}'s ({}), and records are appended to it, {}'s ({}): give the records a table of \
                 their own",
                table_id.0.name, kept.of.name, kept.of.place, records.name, records.place
            ));
        }
    }
    wrong
}

/// The calls that `made` says are made must be those whose answers have a rule. `given`: where the provider that makes them is named.
pub(super) fn of_calls(table: &RouteTable, made: &[&'static str], given: &Location<'_>) -> Vec<String> {
    let given = format!("{}:{}", given.file(), given.line());
    let unmade = table.answers.iter().filter(|(step, _)| !made.contains(*step)).map(|(step, rule)| {
        format!(
            "the answer to {step} has a rule ({}), but nothing makes that call: give the runner ({given}) what makes it, as \
             .provider(…)",
            rule.place
        )
    });
    let unanswered = made.iter().filter(|step| !table.answers.contains_key(*step)).map(|step| {
        format!(
            "the call {step} is made by what the runner is given ({given}), but its answer has no rule: add \
             on.answer::<…>(rule) to the routes, or leave the call out"
        )
    });
    unmade.chain(unanswered).collect()
}
