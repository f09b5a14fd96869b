//! The services' programs say what they take part in, and say what is committed.

use std::path::Path;
use std::process::Command;

use local::binaries;
use local::system::services;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../choreography");

#[tokio::test]
async fn each_program_describes_itself_as_committed_without_settings_or_secrets() {
    binaries::build_shop("local").await.unwrap();
    for service in services() {
        let program = binaries::sibling(service).unwrap();
        // Nothing of the environment: neither settings nor a home, and no server to ask.
        let output = Command::new(&program).arg("describe").env_clear().current_dir("/").output().unwrap();
        assert!(output.status.success(), "{service} describe: {}", String::from_utf8_lossy(&output.stderr));
        let file = Path::new(COMMITTED).join(format!("{service}.json"));
        let committed = std::fs::read_to_string(&file).unwrap();
        let update = format!("{} describe > deploy/choreography/{service}.json", program.display());
        assert_eq!(String::from_utf8_lossy(&output.stdout), committed, "after a wanted change: {update}");
    }
}
