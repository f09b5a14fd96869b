//! The environment of a service in a local run.

use super::{ADMIN_TOKEN, Ports, Service, System};

pub(super) fn of_service(system: &System, service: Service, ports: Ports) -> Vec<(String, String)> {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let mut env = vec![
        pair("DATABASE_URL", system.database_url(service.name())),
        pair("KAFKA_BROKERS", system.broker.bootstrap().to_owned()),
        pair("MIGRATION_DATABASE_URL", system.owner_url(service.name())),
        pair("HTTP_ADDR", format!("127.0.0.1:{}", ports.api)),
        pair("ADMIN_ADDR", format!("127.0.0.1:{}", ports.admin)),
        pair("ADMIN_TOKEN", ADMIN_TOKEN.to_owned()),
        // The embedded broker can't say how long its topics keep events.
        pair("CHECK_TOPIC_SETTINGS", (!system.broker.is_embedded()).to_string()),
    ];
    if let Some(endpoint) = system.traces_endpoint() {
        env.push(pair("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.to_owned()));
        // Somebody looks at once.
        env.push(pair("OTEL_BSP_SCHEDULE_DELAY", "500".to_owned()));
    }
    if let Some(secrets) = system.secrets() {
        let file = |name: &str| secrets.join(service.name()).join(name).display().to_string();
        env.extend([
            pair("KAFKA_SECURITY_PROTOCOL", "sasl_ssl".to_owned()),
            pair("KAFKA_USERNAME", service.name().to_owned()),
            pair("KAFKA_PASSWORD_FILE", file("kafka-password")),
            pair("KAFKA_CA_FILE", file("ca.pem")),
            pair("JWT_KEYS_FILE", file("jwks.json")),
        ]);
    }
    let sandbox = system.sandbox().url.clone();
    match service {
        Service::Payment | Service::Shipping => env.push(pair("SANDBOX_URL", sandbox)),
        Service::Notification => env.push(pair("MAIL_URL", sandbox)),
        Service::Order | Service::Inventory => {}
    }
    env
}
