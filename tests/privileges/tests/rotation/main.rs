//! Secrets that change while the shop runs: no process is restarted, and what was withdrawn opens nothing any more.

mod changes;
mod shop;

use shop::Rotating;

/// All in one: the parts are slow to start, and each change leaves the shop as the next one needs it.
#[test]
fn secrets_change_while_the_shop_runs() {
    tokio::runtime::Runtime::new().expect("a tokio runtime").block_on(async {
        let shop = Rotating::start().await;
        let before = shop.pids();
        shop.order_completes("before").await;
        changes::database_password(&shop).await;
        shop.order_completes("with another database password").await;
        changes::kafka_password(&shop).await;
        shop.order_completes("with another Kafka password").await;
        changes::admin_token(&shop).await;
        changes::signing_key(&shop).await;
        assert_eq!(shop.pids(), before, "no service was restarted");
    });
}
