// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The frontend's end of a vhost-user socket, down to the single byte.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags},
    io::Errno,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sockopt::Timeout,
    },
};

use crate::{
    Error,
    wire::{self, Header, request},
};

/// The kernel's limit for one message (SCM_MAX_FD).
const MAX_FDS: usize = 253;

/// A daemon that announces more than this in a reply is broken; the protocol's own limit is lower.
const MAX_REPLY: u32 = 64 * 1024;

/// An answer of the daemon.
#[derive(Debug)]
pub struct Message {
    /// Its header.
    pub header: Header,
    /// What follows the header.
    pub payload: Vec<u8>,
    /// Descriptors that came along.
    pub fds: Vec<OwnedFd>,
}

/// Connects. Where many others wait to be let in, it waits for as long as `timeout` with them.
fn connect(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let socket = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    // No time at all would mean without end.
    let timeout = timeout.max(Duration::from_millis(1));
    rustix::net::sockopt::set_socket_timeout(&socket, Timeout::Send, Some(timeout))?;
    rustix::net::connect(&socket, &address)?;
    Ok(socket.into())
}

/// A connection to a daemon. Messages may be as wrong as the caller likes.
#[derive(Debug)]
pub struct Frontend {
    socket: Arc<UnixStream>,
    timeout: Duration,
    /// Whether REPLY_ACK was negotiated: then each message asks for an answer.
    acknowledge: bool,
}

impl Frontend {
    /// Connects, trying again until the socket listens or `timeout` is over.
    pub fn connect(path: impl AsRef<Path>, timeout: Duration) -> Result<Self, Error> {
        let path = path.as_ref();
        let end = Instant::now() + timeout;
        loop {
            match connect(path, end.saturating_duration_since(Instant::now())) {
                Ok(stream) => return Self::from_stream(stream, timeout),
                Err(source) => {
                    let passing = matches!(
                        source.kind(),
                        io::ErrorKind::NotFound
                            | io::ErrorKind::ConnectionRefused
                            | io::ErrorKind::WouldBlock
                    );
                    if !passing || Instant::now() >= end {
                        return Err(Error::Connect {
                            path: path.to_owned(),
                            timeout,
                            source,
                        });
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }

    /// Takes over a connected socket.
    pub fn from_stream(stream: UnixStream, timeout: Duration) -> Result<Self, Error> {
        stream
            .set_nonblocking(false)
            .and_then(|()| stream.set_write_timeout(Some(timeout)))
            .map_err(Error::os("cannot set up the socket"))?;
        Ok(Self {
            socket: Arc::new(stream),
            timeout,
            acknowledge: false,
        })
    }

    /// How long each wait lasts at most.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Changes how long each wait lasts at most.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// The socket itself.
    pub fn socket(&self) -> &Arc<UnixStream> {
        &self.socket
    }

    /// Says whether messages from now on ask for an answer.
    pub fn set_acknowledge(&mut self, on: bool) {
        self.acknowledge = on;
    }

    /// Whether messages ask for an answer.
    pub fn acknowledges(&self) -> bool {
        self.acknowledge
    }

    /// Sends bytes and descriptors as they are, in one `sendmsg` as far as the kernel takes them.
    pub fn send_raw(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), Error> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(Error::NoRoom(format!("{} descriptors", fds.len())));
        }
        let mut sent = 0;
        while sent < bytes.len() {
            let part = [IoSlice::new(&bytes[sent..])];
            match rustix::net::sendmsg(&*self.socket, &part, &mut control, SendFlags::NOSIGNAL) {
                Ok(n) => {
                    sent += n;
                    control = SendAncillaryBuffer::default();
                }
                Err(Errno::INTR) => {}
                Err(Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN) => {
                    return Err(Error::Disconnected { during: "sending" });
                }
                Err(Errno::AGAIN) => return Err(self.late("room in the socket".into())),
                Err(e) => return Err(Error::os("cannot send")(e)),
            }
        }
        Ok(())
    }

    /// Sends one message with a right header, save what `flags` says (the version is added).
    pub fn send(
        &self,
        request: u32,
        flags: u32,
        payload: &[u8],
        fds: &[BorrowedFd<'_>],
    ) -> Result<(), Error> {
        let header = Header {
            request,
            flags: flags | wire::VERSION,
            size: payload.len() as u32,
        };
        let mut bytes = header.bytes().to_vec();
        bytes.extend_from_slice(payload);
        self.send_raw(&bytes, fds)
    }

    /// Waits for one answer.
    pub fn recv_reply(&self, timeout: Duration) -> Result<Message, Error> {
        let end = Instant::now() + timeout;
        let mut fds = Vec::new();
        let mut head = [0; wire::HEADER];
        self.fill(&mut head, &mut fds, end)?;
        let header = Header::parse(head);
        if header.size > MAX_REPLY {
            return Err(Error::Protocol(format!(
                "a reply of {} bytes to {}",
                header.size,
                request::name(header.request)
            )));
        }
        let mut payload = vec![0; header.size as usize];
        self.fill(&mut payload, &mut fds, end)?;
        Ok(Message {
            header,
            payload,
            fds,
        })
    }

    /// Sends a message that has an answer of its own, and waits for that.
    pub fn ask(&self, code: u32, payload: &[u8], fds: &[BorrowedFd<'_>]) -> Result<Message, Error> {
        self.send(code, 0, payload, fds)?;
        self.answer_to(code)
    }

    /// [`Frontend::ask`] where the answer is a u64.
    pub fn ask_u64(&self, code: u32) -> Result<u64, Error> {
        let reply = self.ask(code, &[], &[])?;
        if reply.payload.len() != 8 {
            return Err(Error::Protocol(format!(
                "{} answered with {} bytes instead of 8",
                request::name(code),
                reply.payload.len()
            )));
        }
        Ok(wire::get_u64(&reply.payload, 0))
    }

    /// Sends a message without an answer of its own. With REPLY_ACK its success is awaited.
    pub fn tell(&self, code: u32, payload: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), Error> {
        if !self.acknowledge {
            return self.send(code, 0, payload, fds);
        }
        self.send(code, wire::NEED_REPLY, payload, fds)?;
        let reply = self.answer_to(code)?;
        match wire::get_u64(&reply.payload, 0) {
            0 if reply.payload.len() == 8 => Ok(()),
            0 => Err(Error::Protocol(format!(
                "{} acknowledged with {} bytes instead of 8",
                request::name(code),
                reply.payload.len()
            ))),
            code_of_error => Err(Error::Refused {
                request: request::name(code),
                code: code_of_error,
            }),
        }
    }

    /// Makes sure that the daemon has worked through all that was sent.
    pub fn sync(&self) -> Result<(), Error> {
        self.ask_u64(request::GET_FEATURES).map(drop)
    }

    /// Whether the daemon hung up within `timeout`.
    pub fn hung_up(&self, timeout: Duration) -> bool {
        let mut fds = [PollFd::new(&*self.socket, PollFlags::RDHUP)];
        // Readable data does not count: nothing but the end of the connection was asked for.
        poll(&mut fds, timeout).map_or(true, |ready| ready > 0)
    }

    /// Ends the connection at once, whoever else holds a copy of the socket.
    pub fn disconnect(&self) {
        // The peer may have been faster, which is as good.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }

    fn answer_to(&self, code: u32) -> Result<Message, Error> {
        let reply = self.recv_reply(self.timeout).map_err(|e| match e {
            Error::Timeout { .. } => self.late(format!("an answer to {}", request::name(code))),
            Error::Disconnected { .. } => Error::Disconnected {
                during: request::name(code),
            },
            other => other,
        })?;
        if reply.header.request != code || reply.header.flags & 7 != wire::VERSION | wire::REPLY {
            return Err(Error::Protocol(format!(
                "{} was answered by {} with flags {:#x}",
                request::name(code),
                request::name(reply.header.request),
                reply.header.flags
            )));
        }
        Ok(reply)
    }

    fn late(&self, what: String) -> Error {
        Error::Timeout {
            what,
            timeout: self.timeout,
        }
    }

    fn fill(
        &self,
        mut buffer: &mut [u8],
        fds: &mut Vec<OwnedFd>,
        end: Instant,
    ) -> Result<(), Error> {
        while !buffer.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            let mut ready = [PollFd::new(&*self.socket, PollFlags::IN)];
            if poll(&mut ready, left).map_err(Error::os("cannot poll the socket"))? == 0 {
                return Err(self.late("a message".into()));
            }
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let result = rustix::net::recvmsg(
                &*self.socket,
                &mut [IoSliceMut::new(buffer)],
                &mut control,
                RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT,
            );
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(received) = message {
                    fds.extend(received);
                }
            }
            match result {
                Ok(got) if got.bytes == 0 => {
                    return Err(Error::Disconnected {
                        during: "receiving",
                    });
                }
                Ok(got) => buffer = &mut buffer[got.bytes..],
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(Errno::CONNRESET) => {
                    return Err(Error::Disconnected {
                        during: "receiving",
                    });
                }
                Err(e) => return Err(Error::os("cannot receive")(e)),
            }
        }
        Ok(())
    }
}

impl AsFd for Frontend {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// `poll` that takes a [`Duration`] and survives signals.
pub(crate) fn poll(fds: &mut [PollFd<'_>], timeout: Duration) -> io::Result<usize> {
    let end = Instant::now() + timeout;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let spec = rustix::event::Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        match rustix::event::poll(fds, Some(&spec)) {
            Err(Errno::INTR) => {}
            other => return other.map_err(io::Error::from),
        }
    }
}
