//! AsyncAPI's own JSON Schema, fetched once by npm into the target folder.

use std::path::Path;

use published_schemas::Package;
use serde_json::Value;

const PACKAGE: Package = Package {
    name: "@asyncapi/specs@6.11.1",
    integrity: "sha512-A3WBLqAKGoJ2+6FWFtpjBlCQ1oFCcs4GxF7zsIGvNqp/klGUHjlA3aAcZ9XMMpLGE8zPeYDz2x9FmO6DSuKraQ==",
};

/// The schema of AsyncAPI 3.1.0.
pub fn read() -> Value {
    PACKAGE.json("schemas/3.1.0.json", &Path::new(env!("CARGO_TARGET_TMPDIR")).join("asyncapi-specs-6.11.1"))
}
