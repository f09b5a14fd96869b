//! A service's entries outside its folder: members, description, compose, kustomize.

use std::{collections::BTreeSet, fs};

use serde_json::{Map, Value};

use crate::{Plan, PlanError, template};

const COMPOSE: &str = "deploy/docker-compose.yml";
const KUSTOMIZE: &str = "deploy/k8s/base/kustomization.yaml";

pub(crate) fn add(plan: &mut Plan, name: &str) -> Result<(), PlanError> {
    plan.change("Cargo.toml", |text| {
        let member = format!("    \"services/{name}\",");
        let is_member = |line: &str| line.trim_start().starts_with("\"services/");
        let before = |line: &str| is_member(line) && line > member.as_str();
        with_line(text, &member, |lines| {
            lines
                .iter()
                .position(|line| before(line))
                .or_else(|| Some(lines.iter().rposition(|line| is_member(line))? + 1))
        })
    })?;
    plan.change(COMPOSE, |text| {
        let is_include = |line: &&str| line.trim_start().starts_with("- compose/");
        let last = text.lines().rfind(is_include)?;
        let line = format!("{}- compose/{name}.yml", indentation(last));
        with_line(text, &line, |lines| Some(lines.iter().rposition(is_include)? + 1))
    })?;
    plan.change(KUSTOMIZE, |text| {
        let line = format!("  - {name}");
        with_line(text, &line, |lines| {
            let begin = lines.iter().position(|line| *line == "resources:")? + 1;
            Some(begin + lines[begin..].iter().take_while(|line| line.starts_with("  - ")).count())
        })
    })?;
    let description = description(plan, name)?;
    plan.create(format!("deploy/choreography/{name}.json"), description);
    let (api, admin) = (free_port(plan, 8080)?, free_port(plan, 9464)?);
    let compose = template::file("deploy/compose.yml", name);
    let compose = compose.replace("API_PORT", &api.to_string()).replace("ADMIN_PORT", &admin.to_string());
    plan.create(format!("deploy/compose/{name}.yml"), compose);
    let kustomization = template::file("deploy/kustomization.yaml", name);
    plan.create(format!("deploy/k8s/base/{name}/kustomization.yaml"), kustomization);
    Ok(())
}

/// The text with a line more, at the place that is found; `None` if none is.
fn with_line(text: &str, line: &str, place: impl FnOnce(&[&str]) -> Option<usize>) -> Option<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let place = place(&lines)?;
    lines.insert(place, line);
    Some(lines.join("\n") + "\n")
}

fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// What `NAME describe` will print. The engine's settings, and what the contracts say of the events, are what the other
/// services' descriptions say of them; the service's own test holds that it is so.
fn description(plan: &Plan, name: &str) -> Result<String, PlanError> {
    let object = |file: &str| -> Result<Map<String, Value>, PlanError> {
        serde_json::from_str(&template::file(file, name))
            .map_err(|error| PlanError(format!("{file} of the template can't be read: {error}")))
    };
    let mut own = object("deploy/choreography.json")?;
    own.extend(object("service/saga.json")?);
    let others = descriptions(plan)?;
    let settings = |of: &Map<String, Value>| -> BTreeSet<String> {
        let settings = of.get("settings").and_then(Value::as_array).into_iter().flatten();
        settings.filter_map(|setting| Some(setting.as_str()?.to_owned())).collect()
    };
    let all = others.iter().map(settings).reduce(|all, of| all.intersection(&of).cloned().collect());
    let all = all.ok_or_else(|| PlanError("deploy/choreography describes no service to go by".into()))?;
    own.insert("settings".into(), all.into_iter().collect());
    let events = contracts(&own, &others);
    own.insert("events".into(), events.into());
    Ok(format!("{:#}\n", Value::Object(own)))
}

/// What the other services' descriptions say of the events that this one names. Of one that it passes over it knows less.
fn contracts(own: &Map<String, Value>, others: &[Map<String, Value>]) -> Map<String, Value> {
    let named = |field: &str| own.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let of = |event: &str| {
        let said = others.iter().filter_map(|of| of.get("events")?.get(event)?.as_object());
        said.max_by_key(|contract| contract.len()).cloned()
    };
    let taken =
        ["handles", "publishes"].into_iter().flat_map(named).filter_map(|event| Some((event.to_owned(), of(event)?)));
    let ignored = named("ignores").filter_map(|event| {
        let contract = of(event)?;
        let known = contract.into_iter().filter(|(key, _)| ["topic", "owner", "version"].contains(&key.as_str()));
        Some((event.to_owned(), known.collect::<Map<_, _>>()))
    });
    taken.chain(ignored).map(|(event, contract)| (event, contract.into())).collect()
}

fn descriptions(plan: &Plan) -> Result<Vec<Map<String, Value>>, PlanError> {
    let folder = "deploy/choreography";
    let unread = |error| PlanError(format!("{folder} can't be read: {error}"));
    let entries = fs::read_dir(plan.root().join(folder)).map_err(unread)?;
    let files = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let files = files.filter(|file| file.ends_with(".json") && file != "owners.json");
    // One that can't be read takes no part, and says so itself.
    let read = |file: String| Ok(serde_json::from_str(&plan.read(&format!("{folder}/{file}"))?).ok());
    files.map(read).filter_map(Result::transpose).collect()
}

/// The port on this machine after those that lead to `inside` of other services.
fn free_port(plan: &Plan, inside: u16) -> Result<u16, PlanError> {
    let folder = "deploy/compose";
    let unread = |error| PlanError(format!("{folder} can't be read: {error}"));
    let entries = fs::read_dir(plan.root().join(folder)).map_err(unread)?;
    let texts = entries.flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok());
    let end = format!(":{inside}\"");
    let ports = texts.flat_map(|text| {
        let mapped = text.split("\"127.0.0.1:").skip(1).filter_map(|rest| rest.split_once(&end));
        mapped.filter_map(|(port, _)| port.parse::<u16>().ok()).collect::<Vec<_>>()
    });
    Ok(ports.max().map_or(inside, |port| port + 1))
}
