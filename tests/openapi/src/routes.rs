//! Which routes a router has. It does not list them; but it shows them to who debugs it, and refuses any other method by naming its own.

use std::collections::BTreeSet;

use axum::Router;
use one_service::call;

/// Paths and methods, in lower case. That GET is also taken as HEAD goes without saying.
pub async fn of(routes: &Router) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for path in paths(&format!("{routes:?}")) {
        let some_place = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
        let some_place = some_place.collect::<Vec<_>>().join("/");
        let refused = call(routes, "TRACE", &some_place, &[], "").await;
        let allowed = refused.headers.get("allow").and_then(|methods| methods.to_str().ok());
        let allowed = allowed.unwrap_or_else(|| panic!("{path} takes any method, or none: {}", refused.status));
        let methods = allowed.split(',').map(|method| method.trim().to_lowercase());
        found.extend(methods.filter(|method| method != "head").map(|method| (path.clone(), method)));
    }
    assert!(!found.is_empty(), "the router shows its routes in another way than before");
    found
}

/// The paths among a router's own, as it shows them: `RouteId(1): "/orders"`.
fn paths(shown: &str) -> Vec<String> {
    let own = shown.split("fallback_router").next().unwrap_or_default();
    let after_ids = own.split("RouteId(").filter_map(|rest| rest.split_once("): \""));
    let paths = after_ids.filter(|(id, _)| id.bytes().all(|byte| byte.is_ascii_digit()));
    paths.filter_map(|(_, path)| Some(path.split('"').next()?.to_owned())).collect()
}
