// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The host's side: where connections of the guest go, and where those for it come from.
//!
//! | | guest connects to port N | host program connects |
//! |---|---|---|
//! | Unix, stream | to `PATH_N` | to `PATH`, sends `CONNECT N\n`, reads `OK M\n` |
//! | Unix, seqpacket | to `PATH_N`, or else `PATH.seqpacket_N` | to `PATH.seqpacket`, the same as messages |
//! | AF_VSOCK | to port N of the forward CID | to a port that is listened on |
//!
//! One path cannot be a stream's and a seqpacket's at once, hence the second.

use std::ffi::OsString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::sys::socket::VsockAddr;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, socket_with,
};
use vhost_user_daemon::listen::{self, ListenError, OwnedSocketPath};
use vhost_user_daemon::options::Access;

use crate::spec::Kind;

/// Host programs that wait to be accepted.
const BACKLOG: i32 = 128;

const FLAGS: SocketFlags = SocketFlags::CLOEXEC.union(SocketFlags::NONBLOCK);

/// The longest line is `CONNECT 4294967295\r\n`.
const MAX_LINE: usize = 32;

/// What is said to a program that does not know the protocol.
pub(crate) const MALFORMED: &[u8] = b"ERR expected CONNECT <port>\n";

/// Where the host's programs are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Behind Unix sockets whose names begin with this.
    Unix(PathBuf),
    /// Behind AF_VSOCK.
    Vsock {
        /// Where the guest's connections go.
        cid: u32,
        /// Ports that lead to the same port of the guest.
        listen: Vec<(u32, Kind)>,
    },
}

/// A socket that host programs connect to.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Before the socket: see [`listen::bind`].
    _path: Option<OwnedSocketPath>,
    pub(crate) socket: OwnedFd,
    pub(crate) kind: Kind,
    /// The guest's port, where the program does not say it.
    pub(crate) port: Option<u32>,
}

/// How far a connection to a host program got.
#[derive(Debug)]
pub(crate) enum Attempt {
    Connected(OwnedFd),
    /// Ready to write when it is decided.
    Pending(OwnedFd),
    /// The program accepts more slowly than the guest connects.
    Later,
}

fn socket_type(kind: Kind) -> SocketType {
    match kind {
        Kind::Stream => SocketType::STREAM,
        Kind::SeqPacket => SocketType::SEQPACKET,
    }
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn errno(error: nix::Error) -> Errno {
    Errno::from_raw_os_error(error as i32)
}

impl Backend {
    /// Opens the sockets that host programs connect to.
    pub(crate) fn listen(&self) -> Result<Vec<Listener>, ListenError> {
        let Self::Unix(path) = self else {
            return Ok(Vec::new());
        };
        [
            (path.clone(), Kind::Stream),
            (suffixed(path, ".seqpacket"), Kind::SeqPacket),
        ]
        .into_iter()
        .map(|(path, kind)| {
            let access = Access::default();
            let (path, socket) = listen::bind(&path, "--uds-path", socket_type(kind), access)?;
            Ok(Listener {
                _path: Some(path),
                socket,
                kind,
                port: None,
            })
        })
        .collect()
    }

    /// As [`Backend::listen`], for AF_VSOCK; the port that failed with the reason.
    pub(crate) fn forward(&self) -> Result<Vec<Listener>, (u32, Errno)> {
        let Self::Vsock { cid, listen } = self else {
            return Ok(Vec::new());
        };
        listen
            .iter()
            .map(|&(port, kind)| {
                let open = || {
                    let socket = vsock_socket(kind)?;
                    nix::sys::socket::bind(socket.as_raw_fd(), &VsockAddr::new(*cid, port))
                        .map_err(errno)?;
                    rustix::net::listen(&socket, BACKLOG)?;
                    Ok(socket)
                };
                Ok(Listener {
                    _path: None,
                    socket: open().map_err(|errno| (port, errno))?,
                    kind,
                    port: Some(port),
                })
            })
            .collect()
    }

    /// Connects to the program that the guest means by `port`.
    pub(crate) fn connect(&self, port: u32, kind: Kind) -> Result<Attempt, Errno> {
        match self {
            Self::Unix(path) => {
                let first = connect_unix(&suffixed(path, &format!("_{port}")), kind);
                match (kind, first) {
                    // Nobody, or somebody who speaks in streams.
                    (
                        Kind::SeqPacket,
                        Err(Errno::NOENT | Errno::PROTOTYPE | Errno::CONNREFUSED),
                    ) => {
                        let path = suffixed(path, &format!(".seqpacket_{port}"));
                        connect_unix(&path, kind)
                    }
                    (_, first) => first,
                }
            }
            Self::Vsock { cid, .. } => {
                let socket = vsock_socket(kind)?;
                match nix::sys::socket::connect(socket.as_raw_fd(), &VsockAddr::new(*cid, port)) {
                    Ok(()) => Ok(Attempt::Connected(socket)),
                    Err(nix::Error::EINPROGRESS) => Ok(Attempt::Pending(socket)),
                    Err(error) => Err(errno(error)),
                }
            }
        }
    }
}

fn vsock_socket(kind: Kind) -> Result<OwnedFd, Errno> {
    socket_with(AddressFamily::VSOCK, socket_type(kind), FLAGS, None)
}

fn connect_unix(path: &Path, kind: Kind) -> Result<Attempt, Errno> {
    let address = SocketAddrUnix::new(path)?;
    let socket = socket_with(AddressFamily::UNIX, socket_type(kind), FLAGS, None)?;
    match connect(&socket, &address) {
        Ok(()) => Ok(Attempt::Connected(socket)),
        Err(Errno::AGAIN) => Ok(Attempt::Later),
        Err(errno) => Err(errno),
    }
}

/// A message must fit the socket's buffer as a whole; and what a guest may send without being told of
/// room should, so that it need not be copied to an outbox. The kernel has the last word.
pub(crate) fn enlarge(socket: impl AsFd, buffer: u32) {
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(socket, buffer as usize);
}

/// What a host program has said so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// It wants this port. The line was taken out of the socket, and nothing behind it.
    Port(u32),
    /// The rest of the line is to come.
    Partial,
    /// It gave up.
    Gone,
    /// It said something else.
    Malformed,
}

/// Looks for the line, and takes it if it is whole. What lies behind it stays in the socket, where no
/// byte of it can be lost.
pub(crate) fn greeting(socket: impl AsFd, kind: Kind) -> Greeting {
    let mut line = [0; MAX_LINE];
    let look = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    let len = loop {
        match recv(&socket, &mut line[..], look) {
            Ok((0, _)) => return Greeting::Gone,
            Ok((len, _)) => break len,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Greeting::Partial,
            Err(_) => return Greeting::Gone,
        }
    };
    let line = &line[..len];
    let end = match (kind, line.iter().position(|&byte| byte == b'\n')) {
        (_, Some(end)) => end,
        // A message is whole without one.
        (Kind::SeqPacket, None) => len,
        (Kind::Stream, None) if len < MAX_LINE && may_become_a_line(line) => {
            return Greeting::Partial;
        }
        (Kind::Stream, None) => return Greeting::Malformed,
    };
    let Some(port) = parse(&line[..end]) else {
        return Greeting::Malformed;
    };
    let taken = (end + 1).min(len);
    let mut rest = [0; MAX_LINE];
    match recv(&socket, &mut rest[..taken], RecvFlags::DONTWAIT) {
        Ok((done, _)) if done == taken => Greeting::Port(port),
        _ => Greeting::Gone,
    }
}

const COMMAND: &[u8] = b"CONNECT ";

/// A program that says something else should be told before it waits.
fn may_become_a_line(line: &[u8]) -> bool {
    let common = line.len().min(COMMAND.len());
    line[..common].eq_ignore_ascii_case(&COMMAND[..common])
}

fn parse(line: &[u8]) -> Option<u32> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() <= COMMAND.len() || !may_become_a_line(line) {
        return None;
    }
    let digits = std::str::from_utf8(&line[COMMAND.len()..]).ok()?.trim();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn say(words: &[u8]) -> (Greeting, UnixStream, UnixStream) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.write_all(words).unwrap();
        (greeting(&ours, Kind::Stream), ours, theirs)
    }

    #[test]
    fn a_line_is_taken_and_what_is_behind_it_stays() {
        let (greeting, mut ours, theirs) = say(b"CONNECT 1234\nfirst bytes");
        drop(theirs);

        let mut rest = String::new();
        ours.read_to_string(&mut rest).unwrap();

        assert_eq!(greeting, Greeting::Port(1234));
        assert_eq!(rest, "first bytes");
    }

    #[test]
    fn ports_go_up_to_the_last() {
        assert_eq!(say(b"CONNECT 0\n").0, Greeting::Port(0));
        assert_eq!(say(b"CONNECT 4294967295\r\n").0, Greeting::Port(u32::MAX));
        assert_eq!(say(b"connect 7\n").0, Greeting::Port(7));
    }

    #[test]
    fn pieces_of_a_line_are_waited_for() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut seen = vec![greeting(&ours, Kind::Stream)];
        for piece in ["C", "ONNECT", " 12", "34", "\n"] {
            theirs.write_all(piece.as_bytes()).unwrap();
            seen.push(greeting(&ours, Kind::Stream));
        }

        let last = seen.pop();

        assert!(seen.iter().all(|&greeting| greeting == Greeting::Partial));
        assert_eq!(last, Some(Greeting::Port(1234)));
    }

    #[test]
    fn anything_else_is_malformed() {
        for words in [
            "GET / HTTP/1.1\r\n",
            "CONNECT\n",
            "CONNECT \n",
            "CONNECT x\n",
            "CONNECT -1\n",
            "CONNECT +1\n",
            "CONNECT 4294967296\n",
            "CONNECT 1 2\n",
            "\n",
            "hello",
            "CONNECT                         1",
        ] {
            assert_eq!(say(words.as_bytes()).0, Greeting::Malformed, "{words:?}");
        }
    }

    #[test]
    fn a_program_that_gives_up_is_gone() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);

        assert_eq!(greeting(&ours, Kind::Stream), Greeting::Gone);
    }

    #[test]
    fn a_message_needs_no_newline() {
        let (ours, theirs) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::NONBLOCK,
            None,
        )
        .unwrap();
        for words in [b"CONNECT 5".as_slice(), b"CONNECT 6\n", b"data"] {
            rustix::net::send(&theirs, words, rustix::net::SendFlags::empty()).unwrap();
        }

        let first = greeting(&ours, Kind::SeqPacket);
        let second = greeting(&ours, Kind::SeqPacket);
        let third = greeting(&ours, Kind::SeqPacket);

        assert_eq!(
            [first, second, third],
            [Greeting::Port(5), Greeting::Port(6), Greeting::Malformed]
        );
    }
}
