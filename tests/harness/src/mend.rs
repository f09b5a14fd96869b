//! Making the shared world whole again after a story that failed in the middle of a disturbance, so that it fails alone.

use crate::World;

impl World {
    /// Lets Kafka and PostgreSQL go on or starts them again, and replaces every replica by one of each service.
    pub(crate) async fn mend(&self) {
        let kafka = self.system.broker.kafka().expect("the shared world has Kafka");
        if kafka.resume().is_err() {
            kafka.restart().await.expect("Kafka comes back");
        }
        if self.system.postgres.resume().is_err() {
            self.system.postgres.restart().await.expect("PostgreSQL comes back");
        }
        for (replica, _) in self.system.running() {
            self.system.kill(&replica).expect("the replica dies");
        }
        for service in self.system.services() {
            self.replica(service, service, &[]).await;
        }
    }
}
