//! Round trips to PostgreSQL and requests to Kafka: segments with data that were sent there (see [`local::tcp`]).

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, Result};
use local::{System, tcp};

/// Where a connection leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Postgres,
    Kafka,
}

#[derive(Debug)]
struct Watched {
    owner: &'static str,
    to: To,
    /// Sent before this began.
    before: u32,
    now: u32,
    open: bool,
}

/// Whose connections are not counted.
const OTHERS: &str = "";

/// Parts of the system, and their processes.
type Owners = Vec<(&'static str, Vec<u32>)>;

#[derive(Debug)]
pub struct Sockets {
    postgres: u16,
    kafka: u16,
    owners: Owners,
    by_inode: HashMap<u32, Watched>,
}

impl Sockets {
    /// Counts from now on.
    pub fn watch(system: &System, owners: Owners) -> Result<Self> {
        let postgres = port_of(system.postgres.admin_url()).context("PostgreSQL's port is not known")?;
        let kafka = port_of(system.broker.bootstrap()).context("the broker's port is not known")?;
        let mut sockets = Self { postgres, kafka, owners, by_inode: HashMap::new() };
        sockets.look()?;
        for watched in sockets.by_inode.values_mut() {
            watched.before = watched.now;
        }
        Ok(sockets)
    }

    /// Reads how much was sent on each connection that is open.
    pub fn look(&mut self) -> Result<()> {
        let mut of_owner: Option<HashMap<u32, &'static str>> = None;
        let mut open = HashSet::new();
        for sent in tcp::sent().context("the kernel does not tell what was sent over TCP")? {
            let to = match sent.to_port {
                port if port == self.postgres => To::Postgres,
                port if port == self.kafka => To::Kafka,
                _ => continue,
            };
            open.insert(sent.inode);
            if let Some(watched) = self.by_inode.get_mut(&sent.inode) {
                watched.now = sent.segments;
                continue;
            }
            // Whose a connection is never changes: asked once for each.
            let of_owner = of_owner.get_or_insert_with(|| inodes(&self.owners));
            let owner = of_owner.get(&sent.inode).copied().unwrap_or(OTHERS);
            self.by_inode.insert(sent.inode, Watched { owner, to, before: 0, now: sent.segments, open: true });
        }
        for (inode, watched) in &mut self.by_inode {
            watched.open = open.contains(inode);
        }
        Ok(())
    }

    /// To PostgreSQL, and to Kafka.
    pub fn sent_by(&self, owner: &str) -> (u64, u64) {
        let sum = |to| {
            let watched = self.by_inode.values().filter(|watched| watched.owner == owner && watched.to == to);
            watched.map(|watched| u64::from(watched.now.wrapping_sub(watched.before))).sum()
        };
        (sum(To::Postgres), sum(To::Kafka))
    }

    /// Connections that are closed.
    pub fn lost(&self) -> usize {
        self.by_inode.values().filter(|watched| !watched.open && watched.owner != OTHERS).count()
    }
}

fn inodes(owners: &Owners) -> HashMap<u32, &'static str> {
    let each = owners.iter().flat_map(|(name, pids)| pids.iter().map(|pid| (*name, *pid)));
    each.flat_map(|(name, pid)| tcp::sockets_of(pid).into_iter().map(move |inode| (inode, name))).collect()
}

/// Of `host:port`, or of a URL.
fn port_of(address: &str) -> Option<u16> {
    let authority = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next()?;
    authority.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_read_from_an_address_and_from_a_url() {
        assert_eq!(port_of("127.0.0.1:9092"), Some(9_092));
        assert_eq!(port_of("postgres://postgres:s3cret@127.0.0.1:5432/postgres"), Some(5_432));
        assert_eq!(port_of("postgres://localhost/postgres"), None);
    }
}
