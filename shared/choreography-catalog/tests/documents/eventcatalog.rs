//! The catalogue is the committed one, and its pages point at each other.

use choreography_catalog::{EventVersion, Files, eventcatalog::files};

use crate::{RELEASE, assert_committed, shop};

#[test]
fn the_committed_catalog_is_that_of_the_descriptions_and_schemas() {
    assert_committed("deploy/choreography/catalog", &files(&shop(), RELEASE).unwrap(), "eventcatalog");
}

/// The ids that a page names, each with the version beside it.
fn pointers(page: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = page.lines().map(|line| line.trim_start().trim_start_matches("- ")).collect();
    let value = |line: &str, name: &str| line.strip_prefix(name).map(|value| value.trim().trim_matches('"').to_owned());
    let pairs = lines.windows(2).filter_map(|pair| Some((value(pair[0], "id:")?, value(pair[1], "version:")?)));
    pairs.collect()
}

/// The page of an id.
fn page<'a>(files: &'a Files, id: &str) -> Option<&'a String> {
    ["services", "events", "channels"].iter().find_map(|kind| files.get(&format!("{kind}/{id}/index.mdx")))
}

#[test]
fn each_page_that_is_pointed_at_is_there_in_that_version() {
    let files = files(&shop(), RELEASE).unwrap();
    let mut pointed = 0;
    for (name, text) in files.iter().filter(|(name, _)| name.ends_with(".mdx")) {
        assert!(text.starts_with("---\nid: ") && text.contains("\nname: ") && text.contains("\nversion: "), "{name}");
        for (id, version) in pointers(text) {
            let page = page(&files, &id).unwrap_or_else(|| panic!("{name}: {id}"));
            assert!(page.contains(&format!("\nversion: \"{version}\"")), "{name}: {id} {version}");
            pointed += 1;
        }
    }
    assert!(pointed > 40, "{pointed}");
}

#[test]
fn an_earlier_version_stands_below_the_newest_one() {
    let mut shop = shop();
    let placed = EventVersion::new("order.placed", 1);
    let second = EventVersion::new("order.placed", 2);
    shop.schemas.insert(second.clone(), shop.schemas[&placed].clone());
    for described in &mut shop.choreography.services {
        if let Some(contract) = described.service.events.get_mut("order.placed") {
            (contract.version, contract.accepts) = (2, vec![1, 2]);
        }
    }
    let files = files(&shop, RELEASE).unwrap();
    assert!(files["events/order.placed/index.mdx"].contains("version: \"2.0.0\""));
    assert!(files["events/order.placed/versioned/1.0.0/index.mdx"].contains("version: \"1.0.0\""));
    assert!(files.contains_key("events/order.placed/versioned/1.0.0/schema.json"));
    let inventory = &files["services/inventory/index.mdx"];
    assert!(pointers(inventory).contains(&("order.placed".into(), "1.0.0".into())), "{inventory}");
}
