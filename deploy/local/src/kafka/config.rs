//! The files a one-node broker is started with.

use std::path::{Path, PathBuf};

use super::KafkaOptions;
use crate::{LocalError, Result};

const LOG4J: &str = include_str!("../../../kafka/log4j2.xml");

/// The files of one broker, below its directory.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub properties: PathBuf,
    pub log4j: PathBuf,
    pub data: PathBuf,
    pub log: PathBuf,
}

/// Loopback ports that a broker listens on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub clients: u16,
    pub controller: u16,
    /// For clients that come by a proxy.
    pub behind_proxy: Option<u16>,
}

impl Files {
    pub fn below(dir: &Path) -> Self {
        Self {
            properties: dir.join("server.properties"),
            log4j: dir.join("log4j2.xml"),
            data: dir.join("data"),
            log: dir.join("kafka.log"),
        }
    }

    /// Writes them for a broker on these ports.
    pub fn write(&self, ports: &Ports, options: &KafkaOptions) -> Result<()> {
        std::fs::create_dir_all(&self.data).map_err(LocalError::path("creating", &self.data))?;
        std::fs::write(&self.log4j, LOG4J).map_err(LocalError::path("writing", &self.log4j))?;
        let text = properties(&self.data, ports, options);
        std::fs::write(&self.properties, text).map_err(LocalError::path("writing", &self.properties))
    }
}

fn properties(data: &Path, ports: &Ports, options: &KafkaOptions) -> String {
    let Ports { clients: port, controller, behind_proxy } = *ports;
    let mut text = format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
# One node can hold one replica only.
default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# A handful of groups needs no 50 partitions, and they cost seconds at every start.
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
# One machine carries the broker, the databases and all services: the fewer threads hand a request on, the cheaper it is.
num.network.threads=1
num.io.threads=2
# The first member of a group is not made to wait for others.
group.initial.rebalance.delay.ms=0
# A broker killed with -9 can come back only when its old session has run out: 9 s by default.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
",
        data = data.display(),
    );
    if let Some(secrets) = &options.secrets {
        text.push_str(&super::security::properties(secrets, port, controller));
    }
    if let (Some(own), Some(proxy)) = (behind_proxy, options.proxy) {
        text.push_str(&format!(
            "listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},PROXIED://127.0.0.1:{own}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://{proxy}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT
"
        ));
    }
    for (name, value) in &options.properties {
        text.push_str(&format!("{name}={value}\n"));
    }
    text
}
