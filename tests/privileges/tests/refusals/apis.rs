//! The APIs: which callers are let in, to whose orders, how often; and the operators' port.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use local::shop::{Shop, order};
use provision::token::Bearer;
use serde_json::{Value, json};

use crate::tokens::{bearer, signed, signed_claims};
use crate::world::{BURST, World, test};

fn order_of(user: &str) -> Value {
    let mut order = order(&[("bench", 1)], "tok_visa", "Vienna");
    order["userId"] = user.into();
    order
}

async fn status(shop: &Shop, url: &str) -> u16 {
    shop.get(url).await.expect("an answer").status
}

#[test]
fn a_customer_reaches_his_own_orders_alone() {
    test(|world| async {
        world.stock("bench").await;
        let (bob, mallory) = (world.customer("bob"), world.customer("mallory"));
        let url = format!("{}/{}", world.orders(), world.place(&bob, &order_of("bob")).await);
        assert_eq!(status(&bob, &url).await, 200);
        let unknown = format!("{}/{}", world.orders(), uuid::Uuid::now_v7());
        let (theirs, missing) = (mallory.get(&url).await.unwrap(), mallory.get(&unknown).await.unwrap());
        assert_eq!((theirs.status, missing.status), (404, 404), "it looks like one that is not there");
        assert_eq!(mallory.post(&format!("{url}/cancel"), &json!({}), &[]).await.unwrap().status, 404);
        let foreign = mallory.post(&world.orders(), &order_of("bob"), &[]).await.unwrap();
        assert_eq!((foreign.status, foreign.body["field"].as_str()), (403, Some("userId")));
        assert_eq!(status(&world.back_office, &url).await, 200, "the shop itself sees all");
    });
}

#[test]
fn one_customers_idempotency_key_is_not_anothers() {
    test(|world| async {
        world.stock("bench").await;
        let key = [("idempotency-key", "same"), ("x-client-id", "carol")];
        let (carol, dave) = (world.customer("carol"), world.customer("dave"));
        let first = carol.post(&world.orders(), &order_of("carol"), &key).await.unwrap();
        let other = dave.post(&world.orders(), &order_of("dave"), &key).await.unwrap();
        let again = carol.post(&world.orders(), &order_of("carol"), &key).await.unwrap();
        assert_eq!((first.status, other.status), (202, 202));
        assert_eq!(first.body["orderId"], again.body["orderId"]);
        assert_ne!(first.body["orderId"], other.body["orderId"]);
    });
}

#[test]
fn the_shops_own_apis_take_the_back_office_alone() {
    test(|world| async {
        let (unauthenticated, customer) = (Shop::default(), world.customer("erin"));
        for (service, path) in [
            ("inventory", "stock".to_owned()),
            ("payment", format!("payments/{}", uuid::Uuid::now_v7())),
            ("shipping", format!("shipments/{}", uuid::Uuid::now_v7())),
        ] {
            let url = format!("{}/{path}", world.system.url(service));
            assert_eq!((status(&unauthenticated, &url).await, status(&customer, &url).await), (401, 403), "{url}");
            assert!([200, 404].contains(&status(&world.back_office, &url).await), "{url}");
        }
        let url = format!("{}/stock/bench", world.system.url("inventory"));
        assert_eq!(customer.put(&url, &json!({ "onHand": 1 })).await.unwrap().status, 403);
    });
}

/// Tokens that must not hold, each wrong in one thing.
fn forgeries(world: &World) -> Vec<(&'static str, String)> {
    let good = bearer("frank", &["back-office"]);
    let token = |bearer: Bearer| signed(&world.system, &bearer);
    let claims = json!({
        "sub": "frank", "iss": "choreography", "aud": "shop", "exp": chrono::Utc::now().timestamp() + 3600,
        "scope": "back-office",
    });
    let public = std::fs::read(world.system.secrets().expect("secured").join("order/jwks.json")).expect("public keys");
    let shared = Header { kid: Some("shop".into()), ..Header::new(Algorithm::HS256) };
    let shared = jsonwebtoken::encode(&shared, &claims, &EncodingKey::from_secret(&public)).expect("a token");
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let without = |claim: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().expect("claims").remove(claim);
        signed_claims(&world.system, &claims)
    };
    let unsigned = format!("{}.{}.", part(&json!({ "alg": "none", "kid": "shop" })), part(&claims));
    let true_one = token(good.clone());
    let (head, signature) = true_one.rsplit_once('.').expect("three parts");
    let (head, _) = head.split_once('.').expect("three parts");
    vec![
        ("no token", String::new()),
        ("no token at all", "guess".into()),
        ("unsigned", unsigned),
        ("signed with what is public", shared),
        ("another's claims under a true signature", format!("{head}.{}.{signature}", part(&claims))),
        ("expired", token(Bearer { lifetime: TimeDelta::minutes(-5), ..good.clone() })),
        ("for another audience", token(Bearer { audience: "bank".into(), ..good.clone() })),
        ("from another issuer", token(Bearer { issuer: "mallory".into(), ..good.clone() })),
        ("for no user", token(Bearer { user: String::new(), ..good })),
        ("without an end", without("exp")),
        ("without an audience", without("aud")),
        ("without an issuer", without("iss")),
        ("without a subject", without("sub")),
        ("endless", "x".repeat(20_000)),
    ]
}

#[test]
fn no_forged_token_opens_anything() {
    test(|world| async {
        let url = format!("{}/stock", world.system.url("inventory"));
        // What the others lack is all that is wrong with them.
        let whole = json!({ "sub": "frank", "iss": "choreography", "aud": "shop", "scope": "back-office",
                            "exp": chrono::Utc::now().timestamp() + 3600 });
        let whole = Shop::bearing(signed_claims(&world.system, &whole));
        assert_eq!(status(&whole, &url).await, 200);
        for (what, forged) in forgeries(world) {
            let answer = Shop::bearing(forged).get(&url).await.expect("an answer");
            assert_eq!(answer.status, 401, "{what}: {answer:?}");
            assert!(answer.body["detail"].as_str().is_some_and(|detail| detail.contains("Bearer")), "{answer:?}");
        }
    });
}

#[test]
fn who_asks_too_often_waits_and_others_do_not() {
    test(|world| async {
        let (hasty, calm) = (world.customer("hasty"), world.customer("calm"));
        let url = format!("{}/{}", world.orders(), uuid::Uuid::now_v7());
        // More than what a second a request could give back meanwhile.
        let mut answers = Vec::new();
        while !answers.contains(&429) {
            assert!(answers.len() < BURST * 20, "never told to wait: {answers:?}");
            answers.push(status(&hasty, &url).await);
        }
        assert!(answers.len() > BURST, "the burst is free: {answers:?}");
        assert_eq!(status(&calm, &url).await, 404);
    });
}

#[test]
fn the_admin_routes_are_on_their_own_port_and_open_to_the_token_alone() {
    test(|world| async {
        let (unauthenticated, guessing) = (Shop::default(), Shop::bearing("guess"));
        let operator = Shop::bearing(local::system::ADMIN_TOKEN);
        for service in world.system.services() {
            let (api, admin) = (world.system.url(service), world.system.admin_url(service));
            let deferred = format!("{admin}/admin/deferred");
            assert_eq!(
                (status(&unauthenticated, &deferred).await, status(&guessing, &deferred).await),
                (401, 401),
                "{deferred}"
            );
            assert_eq!(status(&operator, &deferred).await, 200, "{deferred}");
            let redrive = format!("{admin}/admin/deferred/1/redrive");
            assert_eq!(unauthenticated.post(&redrive, &json!({}), &[]).await.unwrap().status, 401);
            for path in ["admin/deferred", "metrics"] {
                let elsewhere = status(&operator, &format!("{api}/{path}")).await;
                assert_eq!(elsewhere, 404, "{path} at {api}");
            }
            assert_eq!(status(&unauthenticated, &format!("{admin}/metrics")).await, 200);
        }
    });
}
