//! Each service has all its entries; one that is missing, and one that is left over, is named.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
};

use layering::entries::{COMPOSE, KUSTOMIZE, PRODUCTION, Project, connections};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn each_service_stands_wherever_it_must() {
    let wrong = Project(ROOT.into()).wrong();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A copy of all that is looked at, which goes with the test.
struct Planted(Project);

impl Planted {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("entries-{}-{number}", std::process::id()));
        let planted = Self(Project(root));
        let real = Project(ROOT.into());
        let mut files = vec!["Cargo.toml".to_owned(), COMPOSE.to_owned(), KUSTOMIZE.to_owned()];
        for folder in ["deploy/choreography", "deploy/compose", PRODUCTION] {
            // What stands in folders below is made of these files.
            let names = real.names_in(folder).into_iter().filter(|name| name.contains('.'));
            files.extend(names.map(|name| format!("{folder}/{name}")));
        }
        for service in real.services() {
            files.push(format!("services/{service}/src/lib.rs"));
            files.push(format!("deploy/k8s/base/{service}/kustomization.yaml"));
        }
        for file in files {
            planted.write(&file, &real.read(&file));
        }
        planted
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.0.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.0.read(file);
        assert!(text.contains(from), "{file} has no {from}");
        self.write(file, &text.replace(from, to));
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0.0);
    }
}

#[test]
fn what_a_new_service_lacks_is_named_until_it_stands_everywhere() {
    let planted = Planted::new();
    assert_eq!(planted.0.wrong(), [""; 0]);
    planted.write("services/planted/src/lib.rs", "impl Service for Planted {}");
    let like = ": make it like another service's";
    assert_eq!(
        planted.0.wrong(),
        [
            "planted: Cargo.toml lacks \"services/planted\",".to_owned(),
            "planted: deploy/choreography/planted.json is missing: \
             cargo run -p planted -- describe > deploy/choreography/planted.json"
                .to_owned(),
            "planted: deploy/docker-compose.yml lacks - compose/planted.yml".to_owned(),
            format!("planted: deploy/compose/planted.yml is missing{like}"),
            "planted: deploy/k8s/base/kustomization.yaml lacks - planted".to_owned(),
            format!("planted: deploy/k8s/base/planted/kustomization.yaml is missing{like}"),
        ]
    );

    // Its entries are another's with the name replaced.
    planted.edit("Cargo.toml", "\"services/notification\",", "\"services/notification\",\n    \"services/planted\",");
    planted.edit(COMPOSE, "- compose/notification.yml", "- compose/notification.yml\n      - compose/planted.yml");
    planted.edit(KUSTOMIZE, "- notification", "- notification\n  - planted");
    for file in ["choreography/#.json", "compose/#.yml", "k8s/base/#/kustomization.yaml"] {
        let of = |service: &str| format!("deploy/{}", file.replace('#', service));
        let text = planted.0.read(&of("notification")).replace("notification", "planted");
        planted.write(&of("planted"), &text);
    }

    // It calls a provider.
    let production = format!("{PRODUCTION}/kustomization.yaml");
    assert_eq!(
        planted.0.wrong(),
        [
            format!("planted: {production} lacks - path: planted.yaml"),
            format!("planted: {PRODUCTION}/planted.yaml is missing{like}"),
        ]
    );
    planted.edit(&production, "- path: notification.yaml", "- path: notification.yaml\n  - path: planted.yaml");
    let text = planted.0.read(&format!("{PRODUCTION}/notification.yaml")).replace("notification", "planted");
    planted.write(&format!("{PRODUCTION}/planted.yaml"), &text);
    assert_eq!(planted.0.wrong(), [""; 0]);

    planted.edit("deploy/compose/planted.yml", "KAFKA_USERNAME: planted", "KAFKA_USERNAME: order");
    planted.edit("deploy/k8s/base/planted/kustomization.yaml", "order-events", "payment-events");
    planted.edit("deploy/compose/backing.yml", "max_connections=400", "max_connections=200");
    let roles = planted.0.services().len();
    assert_eq!(
        planted.0.wrong(),
        [
            "planted: deploy/compose/planted.yml lacks KAFKA_USERNAME: planted".to_owned(),
            "planted: deploy/k8s/base/planted/kustomization.yaml lacks /metadata/topic, value: \"order-events\""
                .to_owned(),
            format!("deploy/compose/backing.yml: {roles} roles need max_connections={}", connections(roles)),
        ]
    );
}

#[test]
fn what_is_commented_out_does_not_stand_there() {
    let planted = Planted::new();
    planted.edit("Cargo.toml", "\"services/notification\",", "# \"services/notification\",");
    planted.edit(COMPOSE, "- compose/notification.yml", "# - compose/notification.yml");
    planted.edit("deploy/compose/notification.yml", "KAFKA_USERNAME:", "MAIL_TIMEOUT: 1s # KAFKA_USERNAME:");
    planted.edit(KUSTOMIZE, "  - notification", "  - order # - notification");
    assert_eq!(
        planted.0.wrong(),
        [
            "notification: Cargo.toml lacks \"services/notification\",",
            "notification: deploy/docker-compose.yml lacks - compose/notification.yml",
            "notification: deploy/compose/notification.yml lacks KAFKA_USERNAME: notification",
            "notification: deploy/k8s/base/kustomization.yaml lacks - notification",
        ]
    );
}

#[test]
fn what_is_left_of_a_service_that_went_is_named() {
    let planted = Planted::new();
    fs::remove_dir_all(planted.0.0.join("services/notification")).expect("it goes");
    assert_eq!(
        planted.0.wrong(),
        [
            "notification: deploy/compose/notification.yml is there, and services/notification is not",
            "notification: deploy/k8s/base/notification is there, and services/notification is not",
            "notification: deploy/k8s/overlays/production/notification.yaml is there, and services/notification is not",
        ]
    );
}
