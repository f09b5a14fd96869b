//! The environment of a service in a local run.

use provision::choreography::PARTS;

use super::{ADMIN_TOKEN, Ports, System};

/// What services call their provider's address by, where the sandbox can stand for it.
const PROVIDERS: [&str; 2] = ["SANDBOX_URL", "MAIL_URL"];

/// All services, the broker and the database share this machine's processors: with a thread for each of them a service would
/// mostly wake the others of its own.
pub(super) const WORKER_THREADS: (&str, &str) = ("TOKIO_WORKER_THREADS", "1");

pub(super) fn of_service(system: &System, service: &str, ports: Ports) -> Vec<(String, String)> {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let mut env = vec![
        pair("DATABASE_URL", system.database_url(service)),
        pair("KAFKA_BROKERS", system.broker.bootstrap().to_owned()),
        pair("MIGRATION_DATABASE_URL", system.owner_url(service)),
        pair("HTTP_ADDR", format!("127.0.0.1:{}", ports.api)),
        pair("ADMIN_ADDR", format!("127.0.0.1:{}", ports.admin)),
        pair("ADMIN_TOKEN", ADMIN_TOKEN.to_owned()),
        pair(WORKER_THREADS.0, WORKER_THREADS.1.to_owned()),
        // The embedded broker can't say how long its topics keep events.
        pair("CHECK_TOPIC_SETTINGS", (!system.broker.is_embedded()).to_string()),
    ];
    if let Some(endpoint) = system.traces_endpoint() {
        env.push(pair("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.to_owned()));
        // So that traces can be looked at at once.
        env.push(pair("OTEL_BSP_SCHEDULE_DELAY", "500".to_owned()));
    }
    if let Some(secrets) = system.secrets() {
        let file = |name: &str| secrets.join(service).join(name).display().to_string();
        env.extend([
            pair("KAFKA_SECURITY_PROTOCOL", "sasl_ssl".to_owned()),
            pair("KAFKA_USERNAME", service.to_owned()),
            pair("KAFKA_PASSWORD_FILE", file("kafka-password")),
            pair("KAFKA_CA_FILE", file("ca.pem")),
            pair("JWT_KEYS_FILE", file("jwks.json")),
        ]);
    }
    if let Some(part) = PARTS.iter().find(|part| part.service == service) {
        let asked = PROVIDERS.into_iter().filter(|setting| part.has_setting(setting));
        env.extend(asked.map(|setting| pair(setting, system.sandbox().url.clone())));
    }
    env
}
