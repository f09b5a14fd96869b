//! Which services have to do with each other. Those that have not are explored apart: together they only have more states.

use crate::description::Description;

/// The services in groups: two are in one if an event of the one is handled by the other, at once or by others between them.
pub fn components<'a>(services: &[&'a Description]) -> Vec<Vec<&'a Description>> {
    let mut groups: Vec<Vec<&Description>> = Vec::new();
    for service in services {
        let (meets, others): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group: &Vec<&Description>| group.iter().any(|other| meet(service, other)));
        groups = others;
        let mut group: Vec<&Description> = meets.into_iter().flatten().collect();
        group.push(service);
        groups.push(group);
    }
    for group in &mut groups {
        group.sort_by(|one, other| one.name.cmp(&other.name));
    }
    groups
}

fn meet(one: &Description, other: &Description) -> bool {
    let reaches = |from: &Description, to: &Description| from.publishes.iter().any(|event| to.handles(event));
    reaches(one, other) || reaches(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, handles: &[&str], publishes: &[&str]) -> Description {
        let owned = |of: &[&str]| of.iter().map(|name| (*name).to_owned()).collect();
        Description {
            name: name.into(),
            handles: owned(handles),
            publishes: owned(publishes),
            ..Description::default()
        }
    }

    #[test]
    fn services_that_have_nothing_to_do_with_each_other_are_apart() {
        let services = [
            service("a", &[], &["x"]),
            service("b", &["y"], &[]),
            service("c", &["z"], &[]),
            service("d", &["x"], &["y"]),
        ];
        let described: Vec<&Description> = services.iter().collect();
        let names: Vec<Vec<&str>> = components(&described)
            .iter()
            .map(|group| group.iter().map(|service| service.name.as_str()).collect())
            .collect();
        assert_eq!(names, [vec!["c"], vec!["a", "b", "d"]]);
    }
}
