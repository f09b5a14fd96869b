//! The changes, each as an operator would make it, with what was there before tried afterwards.

use local::shop::Shop;
use provision::databases::{Login, create_service_database, owner_of};
use provision::kafka::set_passwords;
use provision::token::{new_signing_key, public_keys};
use sqlx::{Connection, PgConnection};

use crate::shop::{Rotating, bearing};

const NEW: &str = "another-password";

/// The file first, then the role; then all that is connected is cut off.
pub async fn database_password(shop: &Rotating) {
    let admin = shop.system.postgres.admin_url();
    for service in shop.system.services() {
        let old = shop.read(service, "url");
        let url = shop.system.postgres.url(service, service, NEW);
        shop.replace(service, "url", &url);
        let owner = Login::new(owner_of(service), NEW);
        create_service_database(admin, service, &owner, &Login::new(service, NEW)).await.expect("new passwords");
        assert!(PgConnection::connect(&old).await.is_err(), "{service}: the old password is refused");
    }
    let mut admin = PgConnection::connect(admin).await.expect("an administrator");
    let cut: i64 = sqlx::query_scalar(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = ANY($1) AND pid <> pg_backend_pid()",
    )
    .bind(shop.system.services())
    .fetch_one(&mut admin)
    .await
    .expect("connections are cut");
    assert!(cut >= 5, "{cut} connections were cut");
}

/// The file first, then the broker; then the broker is restarted, so that every client must show a password again.
pub async fn kafka_password(shop: &Rotating) {
    let users = shop.system.services().into_iter().map(|service| {
        shop.replace(service, "kafka-password", NEW);
        (service.to_owned(), NEW.into())
    });
    set_passwords(&shop.system.broker.connection(), users.collect()).await.expect("new passwords");
    let kafka = shop.system.broker.kafka().expect("Apache Kafka");
    kafka.restart().await.expect("it is back");
}

pub async fn admin_token(shop: &Rotating) {
    let deferred = format!("{}/admin/deferred", shop.system.admin_url("payment"));
    let (old, new) = (Shop::bearing(shop.read("payment", "admin-token")), Shop::bearing(NEW));
    assert_eq!((status(&old, &deferred).await, status(&new, &deferred).await), (200, 401));
    shop.replace("payment", "admin-token", NEW);
    shop.until("the new admin token opens", || seen(&new, &deferred, 200)).await;
    assert_eq!(status(&old, &deferred).await, 401);
}

/// As when an identity provider withdraws a key, and the services hear of it in no other way.
pub async fn signing_key(shop: &Rotating) {
    let orders = format!("{}/orders/{}", shop.system.url("order"), uuid::Uuid::now_v7());
    let key = new_signing_key().expect("a key");
    let (old, new) = (bearing(&shop.signing_key(), "ada", &[]), bearing(&key, "ada", &[]));
    assert_eq!((status(&old, &orders).await, status(&new, &orders).await), (404, 401));
    shop.replace("order", "jwks.json", &public_keys(&key).expect("public keys"));
    shop.until("the new key opens", || seen(&new, &orders, 404)).await;
    assert_eq!(status(&old, &orders).await, 401);
}

async fn status(shop: &Shop, url: &str) -> u16 {
    shop.get(url).await.expect("an answer").status
}

async fn seen(shop: &Shop, url: &str, expected: u16) -> Result<(), String> {
    let status = status(shop, url).await;
    if status == expected { Ok(()) } else { Err(status.to_string()) }
}
