//! Whose orders a caller may place, see and cancel, and which tokens are taken at all.

use std::time::Duration;

use api::{ApiSettings, Gate};
use axum::{Router, http::StatusCode};
use chrono::TimeDelta;
use clap::Parser;
use one_service::{Answer, OneService, call};
use order::{MIGRATIONS, Order};
use provision::token::{Bearer, new_signing_key, public_keys, sign};

const ISSUER: &str = "choreography";
const AUDIENCE: &str = "shop";

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    api: ApiSettings,
}

/// Order's API behind a gate that takes tokens of one key.
struct Guarded {
    world: OneService<Order>,
    api: Router,
    key: String,
}

impl Guarded {
    async fn start() -> Self {
        let world = OneService::start(Order { deadline: Duration::from_secs(900) }, &MIGRATIONS).await;
        let key = new_signing_key().unwrap();
        let api = order::http::routes(world.context(), gate(&key));
        Self { world, api, key }
    }

    fn token(&self, user: &str, scopes: &[&str], audience: &str) -> String {
        let bearer = Bearer {
            user: user.into(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            issuer: ISSUER.into(),
            audience: audience.into(),
            lifetime: TimeDelta::minutes(5),
        };
        format!("Bearer {}", sign(&self.key, &bearer).unwrap())
    }

    async fn ask(&self, token: &str, method: &str, path: &str, body: &str) -> Answer {
        call(&self.api, method, path, &[("Authorization", token)], body).await
    }
}

fn gate(key: &str) -> Gate {
    let path = std::env::temp_dir().join(format!("owners-{}-{}.json", std::process::id(), uuid::Uuid::now_v7()));
    std::fs::write(&path, public_keys(key).unwrap()).unwrap();
    let settings = Settings::parse_from(["order", "--jwt-keys-file", path.to_str().unwrap()]);
    let gate = settings.api.gate().unwrap();
    std::fs::remove_file(&path).unwrap();
    gate
}

fn order_of(user: &str) -> String {
    format!(
        r#"{{"userId":"{user}","currency":"EUR","items":[{{"sku":"chair","quantity":2,"price":100}}],
            "paymentMethod":"tok_visa"}}"#
    )
}

#[tokio::test]
async fn an_order_is_its_owners_and_the_back_offices() {
    let shop = Guarded::start().await;
    let (ada, bob) = (shop.token("ada", &[], AUDIENCE), shop.token("bob", &[], AUDIENCE));
    let office = shop.token("eve", &["back-office"], AUDIENCE);
    let placed = shop.ask(&ada, "POST", "/orders", &order_of("ada")).await;
    assert_eq!(placed.status, StatusCode::ACCEPTED, "{}", placed.body);
    let path = format!("/orders/{}", placed.body["orderId"].as_str().unwrap());
    let unknown = format!("/orders/{}", uuid::Uuid::now_v7());

    for (token, status) in [(&ada, 200), (&office, 200), (&bob, 404)] {
        assert_eq!(shop.ask(token, "GET", &path, "").await.status.as_u16(), status);
    }
    // Another's order looks like one that is not there, down to the words.
    let (others, missing) = (shop.ask(&bob, "GET", &path, "").await, shop.ask(&bob, "GET", &unknown, "").await);
    let words = |answer: &Answer, path: &str| answer.body.to_string().replace(path.trim_start_matches("/orders/"), "…");
    assert_eq!(words(&others, &path), words(&missing, &unknown));

    let cancel = format!("{path}/cancel");
    assert_eq!(shop.ask(&bob, "POST", &cancel, "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(shop.world.count("SELECT count(*) FROM orders WHERE status = 'pending'").await, 1);
    assert_eq!(shop.ask(&ada, "POST", &cancel, "").await.status, StatusCode::ACCEPTED);
    assert_eq!(shop.world.count("SELECT count(*) FROM orders WHERE status = 'cancelling'").await, 1);
}

#[tokio::test]
async fn only_the_back_office_places_an_order_for_another() {
    let shop = Guarded::start().await;
    let bob = shop.token("bob", &["mail"], AUDIENCE);
    let refused = shop.ask(&bob, "POST", "/orders", &order_of("ada")).await;
    assert_eq!((refused.status, refused.body["field"].as_str()), (StatusCode::FORBIDDEN, Some("userId")));
    assert_eq!(shop.world.count("SELECT count(*) FROM orders").await, 0);
    let office = shop.token("eve", &["back-office"], AUDIENCE);
    let placed = shop.ask(&office, "POST", "/orders", &order_of("ada")).await;
    assert_eq!(placed.status, StatusCode::ACCEPTED, "{}", placed.body);
    let path = format!("/orders/{}", placed.body["orderId"].as_str().unwrap());
    assert_eq!(shop.ask(&shop.token("ada", &[], AUDIENCE), "GET", &path, "").await.status, StatusCode::OK);
    assert_eq!(shop.ask(&bob, "GET", &path, "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_token_for_another_audience_opens_nothing() {
    let shop = Guarded::start().await;
    let other_key = new_signing_key().unwrap();
    let forged = Bearer {
        user: "ada".into(),
        scopes: vec!["back-office".into()],
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        lifetime: TimeDelta::minutes(5),
    };
    let forged = format!("Bearer {}", sign(&other_key, &forged).unwrap());
    let unsigned = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.".to_owned();
    for token in [shop.token("ada", &[], "bank"), forged, unsigned, "Bearer x".to_owned(), String::new()] {
        let answer = shop.ask(&token, "POST", "/orders", &order_of("ada")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token}: {}", answer.body);
    }
    assert_eq!(shop.world.count("SELECT count(*) FROM orders").await, 0);
}
