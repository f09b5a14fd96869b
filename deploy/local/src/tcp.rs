//! What this machine's programs have sent over TCP, as the kernel counts it: it costs them nothing. Linux only.
//!
//! A client that waits for each answer sends one segment a question, unless that is larger than what a segment takes (64
//! kB on the loopback device). So the segments that a program has sent to a server are its round trips, or its requests.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// One end of an open IPv4 connection, and what it has sent since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The socket's inode: `/proc/PID/fd` says which process has it.
    pub inode: u32,
    /// The other end's port.
    pub to_port: u16,
    /// Segments with data, repeats included.
    pub segments: u32,
}

// linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const INET_DIAG_INFO: u16 = 2;
const TCP_ESTABLISHED: u32 = 1;
const HEADER: usize = 16;
const REQUEST: usize = HEADER + 56;
/// Of `inet_diag_msg`, and where the other end's port and the inode stand in it.
const MESSAGE: usize = 72;
const TO_PORT: usize = 6;
const INODE: usize = 68;
/// Of `tcpi_data_segs_out` in `tcp_info`.
const SEGMENTS: usize = 156;

/// All open IPv4 connections.
///
/// # Errors
/// When the kernel does not tell.
pub fn sent() -> io::Result<Vec<Sent>> {
    let socket = ask()?;
    let mut found = Vec::new();
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        // SAFETY: the buffer is ours and as long as is said.
        let length = unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
        if read(buffer.get(..length).unwrap_or_default(), &mut found)? {
            return Ok(found);
        }
    }
}

/// The inodes of a process's sockets; none where it has ended, or is another's.
#[must_use]
pub fn sockets_of(pid: u32) -> HashSet<u32> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return HashSet::new() };
    let inode = |link: std::path::PathBuf| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok();
    entries.flatten().filter_map(|entry| inode(std::fs::read_link(entry.path()).ok()?)).collect()
}

fn ask() -> io::Result<OwnedFd> {
    // SAFETY: socket takes three integers.
    let socket =
        unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_INET_DIAG) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened, and no other has it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let request = request();
    // SAFETY: the request is ours and as long as is said. A netlink socket without an address speaks to the kernel.
    let sent = unsafe { libc::send(socket.as_raw_fd(), request.as_ptr().cast(), request.len(), 0) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(socket) }
}

/// `nlmsghdr` and `inet_diag_req_v2`, whose last 48 bytes, an address, stay empty: all of them.
fn request() -> [u8; REQUEST] {
    let mut request = [0; REQUEST];
    let mut put = |at: usize, bytes: &[u8]| {
        for (to, byte) in request.iter_mut().skip(at).zip(bytes) {
            *to = *byte;
        }
    };
    #[allow(clippy::cast_possible_truncation)]
    put(0, &(REQUEST as u32).to_ne_bytes());
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    put(6, &((libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16).to_ne_bytes());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    put(HEADER, &[libc::AF_INET as u8, libc::IPPROTO_TCP as u8, 1 << (INET_DIAG_INFO - 1)]);
    put(HEADER + 4, &(1_u32 << TCP_ESTABLISHED).to_ne_bytes());
    request
}

/// Reads one datagram of answers. Was it the last?
fn read(mut datagram: &[u8], found: &mut Vec<Sent>) -> io::Result<bool> {
    while let (Some(length), Some(kind)) = (u32_at(datagram, 0), u16_at(datagram, 4)) {
        let length = length as usize;
        match kind {
            NLMSG_DONE => return Ok(true),
            NLMSG_ERROR => {
                let code = u32_at(datagram, HEADER).unwrap_or_default().cast_signed();
                return Err(io::Error::from_raw_os_error(code.wrapping_neg()));
            }
            _ => found.extend(datagram.get(HEADER..length).and_then(connection)),
        }
        datagram = datagram.get(length.max(HEADER).next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// `inet_diag_msg` and the attributes behind it.
fn connection(message: &[u8]) -> Option<Sent> {
    let port = message.get(TO_PORT..TO_PORT + 2)?;
    let to_port = u16::from_be_bytes(port.try_into().ok()?);
    let inode = u32_at(message, INODE)?;
    let mut attributes = message.get(MESSAGE..)?;
    loop {
        let length = usize::from(u16_at(attributes, 0)?).max(4);
        if u16_at(attributes, 2)? == INET_DIAG_INFO {
            return Some(Sent { inode, to_port, segments: u32_at(attributes, 4 + SEGMENTS)? });
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn questions_that_wait_for_their_answers_are_counted_one_by_one_and_known_as_ours() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let mut client = TcpStream::connect(("127.0.0.1", port))?;
        client.set_nodelay(true)?;
        let (mut server, _) = listener.accept()?;
        for _ in 0..7 {
            client.write_all(b"question")?;
            server.read_exact(&mut [0; 8])?;
            server.write_all(b"answer")?;
            client.read_exact(&mut [0; 6])?;
        }
        let ours = sockets_of(std::process::id());
        let found: Vec<_> = sent()?.into_iter().filter(|sent| sent.to_port == port).collect();
        assert!(matches!(found.as_slice(), [Sent { inode, segments: 7, .. }] if ours.contains(inode)), "{found:?}");
        Ok(())
    }
}
