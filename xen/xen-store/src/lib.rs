// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A client of xenstore.
//!
//! One connection asks one thing at a time; watch events that arrive between a question and its answer
//! are kept for [`Store::event`].

#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;
mod wire;

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How often a transaction is tried before the store is taken to be busy.
const TRIES: usize = 64;

/// Events that are kept while nobody asks for them. Whoever can write to what is watched makes them,
/// guests too; and one event lost means no more than another look at the store.
const MAX_EVENTS: usize = 4096;

/// The longest directory that is read.
const MAX_DIRECTORY: usize = 1 << 20;

/// What was asked, and the store's answer.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what}: {source}")]
pub struct Error {
    what: String,
    source: io::Error,
}

impl Error {
    fn new(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self {
            what: what.into(),
            source: source.into(),
        }
    }

    /// The number of the error, if the store or the system had one.
    pub fn errno(&self) -> Option<i32> {
        self.source.raw_os_error()
    }

    /// Whether there is no such node.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    fn is_again(&self) -> bool {
        self.errno() == Some(rustix::io::Errno::AGAIN.raw_os_error())
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.source.kind(), error.to_string())
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Something changed at or below a watched path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What changed.
    pub path: String,
    /// What the watch was set with.
    pub token: String,
}

/// What a domain may do with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Nothing.
    None,
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Both.
    Both,
}

/// The permission of one domain. The first one of a node names its owner, and what all others may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Whose.
    pub domain: u16,
    /// What.
    pub allowed: Allowed,
}

impl Permission {
    fn text(self) -> String {
        let letter = match self.allowed {
            Allowed::None => 'n',
            Allowed::Read => 'r',
            Allowed::Write => 'w',
            Allowed::Both => 'b',
        };
        format!("{letter}{}", self.domain)
    }

    fn parse(text: &str) -> Option<Self> {
        let (letter, domain) = text.split_at_checked(1)?;
        let allowed = match letter {
            "n" => Allowed::None,
            "r" => Allowed::Read,
            "w" => Allowed::Write,
            "b" => Allowed::Both,
            _ => return None,
        };
        let domain = domain.parse().ok()?;
        Some(Self { domain, allowed })
    }
}

#[derive(Debug)]
enum Connection {
    Device(File),
    Socket(UnixStream),
}

impl Connection {
    fn reader(&self) -> Box<dyn Read + '_> {
        match self {
            Self::Device(file) => Box::new(file),
            Self::Socket(stream) => Box::new(stream),
        }
    }

    fn send(&self, message: &[u8]) -> io::Result<()> {
        match self {
            Self::Device(file) => { file }.write_all(message),
            Self::Socket(stream) => { stream }.write_all(message),
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Device(file) => file.as_fd(),
            Self::Socket(stream) => stream.as_fd(),
        }
    }
}

/// A connection to xenstore.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    events: VecDeque<Event>,
    next: u32,
    /// An answer was cut off: what follows cannot be told apart any more.
    broken: bool,
}

/// Readable when [`Store::event`] may have something.
impl AsFd for Store {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

impl From<UnixStream> for Store {
    fn from(stream: UnixStream) -> Self {
        Self::over(Connection::Socket(stream))
    }
}

impl Store {
    /// Connects by the daemon's socket where it is (dom0), else by the kernel.
    pub fn open() -> Result<Self> {
        let socket = ["/run/xenstored/socket", "/var/run/xenstored/socket"];
        for path in socket.map(Path::new) {
            if let Ok(stream) = UnixStream::connect(path) {
                return Ok(stream.into());
            }
        }
        Self::open_device(Path::new("/dev/xen/xenbus"))
    }

    /// Connects by the kernel.
    pub fn open_device(path: &Path) -> Result<Self> {
        let device = OpenOptions::new().read(true).write(true).open(path);
        device
            .map(|device| Self::over(Connection::Device(device)))
            .map_err(|error| Error::new(format!("open {}", path.display()), error))
    }

    fn over(connection: Connection) -> Self {
        Self {
            connection,
            events: VecDeque::new(),
            next: 1,
            broken: false,
        }
    }

    /// The value of a node.
    pub fn read(&mut self, path: &str) -> Result<Vec<u8>> {
        self.read_in(0, path)
    }

    /// The value of a node, which must be text.
    pub fn read_text(&mut self, path: &str) -> Result<String> {
        let value = self.read(path)?;
        text(value, || format!("read {path}"))
    }

    /// Writes a node, and makes it and those above it if need be.
    pub fn write(&mut self, path: &str, value: impl AsRef<[u8]>) -> Result<()> {
        self.write_in(0, path, value.as_ref())
    }

    /// The names below a node.
    pub fn directory(&mut self, path: &str) -> Result<Vec<String>> {
        self.directory_in(0, path)
    }

    /// Makes an empty node.
    pub fn mkdir(&mut self, path: &str) -> Result<()> {
        self.path_only(0, xen_sys::XS_MKDIR, "make", path)
    }

    /// Removes a node and everything below. It is no error if there is none, only if its parent is none.
    pub fn remove(&mut self, path: &str) -> Result<()> {
        self.path_only(0, xen_sys::XS_RM, "remove", path)
    }

    /// The permissions of a node.
    pub fn permissions(&mut self, path: &str) -> Result<Vec<Permission>> {
        let what = || format!("read the permissions of {path}");
        let answer = self.ask(0, xen_sys::XS_GET_PERMS, &[path.as_bytes(), b"\0"], what)?;
        wire::strings(&answer)
            .map(|one| std::str::from_utf8(one).ok().and_then(Permission::parse))
            .collect::<Option<_>>()
            .ok_or_else(|| Error::new(what(), io::ErrorKind::InvalidData))
    }

    /// Sets the permissions of a node.
    pub fn set_permissions(&mut self, path: &str, permissions: &[Permission]) -> Result<()> {
        let mut parts = checked(path, "set the permissions of")?;
        for permission in permissions {
            parts.extend(permission.text().bytes());
            parts.push(0);
        }
        let what = || format!("set the permissions of {path}");
        self.ask(0, xen_sys::XS_SET_PERMS, &[&parts], what)
            .map(drop)
    }

    /// Where a domain's own nodes are.
    pub fn domain_path(&mut self, domain: u16) -> Result<String> {
        let what = || format!("get the path of domain {domain}");
        let number = format!("{domain}\0");
        let answer = self.ask(0, xen_sys::XS_GET_DOMAIN_PATH, &[number.as_bytes()], what)?;
        text(
            wire::strings(&answer).next().unwrap_or_default().to_vec(),
            what,
        )
    }

    /// Events come for this node and all below, and one at once.
    pub fn watch(&mut self, path: &str, token: &str) -> Result<()> {
        let mut parts = checked(path, "watch")?;
        parts.extend(checked(token, "watch with token")?);
        self.ask(0, xen_sys::XS_WATCH, &[&parts], || format!("watch {path}"))
            .map(drop)
    }

    /// They come no more.
    pub fn unwatch(&mut self, path: &str, token: &str) -> Result<()> {
        let mut parts = checked(path, "end the watch of")?;
        parts.extend(checked(token, "end the watch with token")?);
        let what = || format!("end the watch of {path}");
        self.ask(0, xen_sys::XS_UNWATCH, &[&parts], what)?;
        self.events.retain(|event| event.token != token);
        Ok(())
    }

    /// The next event, for which it waits up to `timeout`.
    pub fn event(&mut self, timeout: Duration) -> Result<Option<Event>> {
        let end = Instant::now().checked_add(timeout);
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let mut ready = [PollFd::new(&self.connection, PollFlags::IN)];
            match poll(&mut ready, left.as_ref()) {
                Ok(0) => return Ok(None),
                Ok(_) => {
                    // No question is open: this can only be an event.
                    let message = self.receive(|| "wait for an event".to_owned())?;
                    if message.kind == xen_sys::XS_WATCH_EVENT {
                        self.keep(&message.body);
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Error::new("wait for an event", error)),
            }
        }
    }

    /// Does what `body` does as one step. It is done again when somebody else changed the same nodes
    /// meanwhile, and undone when it fails.
    pub fn transaction<T>(
        &mut self,
        mut body: impl FnMut(&mut Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut last = None;
        for _ in 0..TRIES {
            let what = || "start a transaction".to_owned();
            let answer = self.ask(0, xen_sys::XS_TRANSACTION_START, &[b"\0"], what)?;
            let id = wire::strings(&answer)
                .next()
                .and_then(|id| std::str::from_utf8(id).ok()?.parse().ok())
                .ok_or_else(|| Error::new(what(), io::ErrorKind::InvalidData))?;
            let result = body(&mut Transaction { store: self, id });
            let verdict: &[u8] = if result.is_ok() { b"T\0" } else { b"F\0" };
            let end = || "end a transaction".to_owned();
            let ended = self.ask(id, xen_sys::XS_TRANSACTION_END, &[verdict], end);
            match (result, ended) {
                (Ok(value), Ok(_)) => return Ok(value),
                (Ok(_), Err(error)) if error.is_again() => last = Some(error),
                (Ok(_), Err(error)) => return Err(error),
                // The body's own error tells more.
                (Err(error), _) if error.is_again() => last = Some(error),
                (Err(error), _) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| Error::new("end a transaction", io::ErrorKind::TimedOut)))
    }

    fn read_in(&mut self, id: u32, path: &str) -> Result<Vec<u8>> {
        let body = checked(path, "read")?;
        self.ask(id, xen_sys::XS_READ, &[&body], || format!("read {path}"))
    }

    fn write_in(&mut self, id: u32, path: &str, value: &[u8]) -> Result<()> {
        let body = checked(path, "write")?;
        self.ask(id, xen_sys::XS_WRITE, &[&body, value], || {
            format!("write {path}")
        })
        .map(drop)
    }

    fn path_only(&mut self, id: u32, kind: u32, verb: &str, path: &str) -> Result<()> {
        let body = checked(path, verb)?;
        self.ask(id, kind, &[&body], || format!("{verb} {path}"))
            .map(drop)
    }

    fn directory_in(&mut self, id: u32, path: &str) -> Result<Vec<String>> {
        let what = || format!("list {path}");
        let body = checked(path, "list")?;
        let names = match self.ask(id, xen_sys::XS_DIRECTORY, &[&body], what) {
            // More than fits into one message.
            Err(error) if error.errno() == Some(rustix::io::Errno::TOOBIG.raw_os_error()) => {
                self.directory_parts(path)?
            }
            done => done?,
        };
        wire::strings(&names)
            .map(|name| text(name.to_vec(), what))
            .collect()
    }

    fn directory_parts(&mut self, path: &str) -> Result<Vec<u8>> {
        let what = || format!("list {path}");
        let invalid = || Error::new(what(), io::ErrorKind::InvalidData);
        let mut names: Vec<u8> = Vec::new();
        let mut generation = Vec::new();
        loop {
            let mut body = checked(path, "list")?;
            body.extend(format!("{}\0", names.len()).bytes());
            let answer = self.ask(0, xen_sys::XS_DIRECTORY_PART, &[&body], what)?;
            let end = answer
                .iter()
                .position(|&byte| byte == 0)
                .ok_or_else(invalid)?;
            let (now, part) = answer.split_at(end);
            let part = part.get(1..).unwrap_or_default();
            if !names.is_empty() && now != generation {
                // It changed: from the beginning.
                names.clear();
                generation.clear();
                continue;
            }
            generation = now.to_vec();
            // The last part ends in an empty name.
            let last = part.is_empty() || part == b"\0" || part.ends_with(b"\0\0");
            names.extend(part);
            if last {
                return Ok(names);
            }
            if names.len() > MAX_DIRECTORY {
                return Err(Error::new(what(), io::ErrorKind::FileTooLarge));
            }
        }
    }

    /// Sends a question, and waits for its answer.
    fn ask(
        &mut self,
        transaction: u32,
        kind: u32,
        parts: &[&[u8]],
        what: impl Fn() -> String,
    ) -> Result<Vec<u8>> {
        if self.broken {
            return Err(Error::new(what(), io::ErrorKind::NotConnected));
        }
        let request = self.next;
        self.next = self.next.wrapping_add(1);
        let message = wire::message(kind, request, transaction, parts)
            .ok_or_else(|| Error::new(what(), io::ErrorKind::InvalidInput))?;
        if let Err(error) = self.connection.send(&message) {
            self.broken = true;
            return Err(Error::new(what(), error));
        }
        loop {
            let answer = self.receive(&what)?;
            if answer.kind == xen_sys::XS_WATCH_EVENT {
                self.keep(&answer.body);
            } else if answer.request != request {
                self.broken = true;
                return Err(Error::new(what(), io::ErrorKind::InvalidData));
            } else if answer.kind == xen_sys::XS_ERROR {
                return Err(Error::new(what(), wire::error(&answer.body)));
            } else if answer.kind == kind {
                return Ok(answer.body);
            } else {
                self.broken = true;
                return Err(Error::new(what(), io::ErrorKind::InvalidData));
            }
        }
    }

    fn receive(&mut self, what: impl Fn() -> String) -> Result<wire::Message> {
        let received = wire::receive(&mut self.connection.reader());
        received.map_err(|error| {
            self.broken = true;
            Error::new(what(), error)
        })
    }

    fn keep(&mut self, body: &[u8]) {
        let mut words = wire::strings(body).map(|word| String::from_utf8_lossy(word).into_owned());
        if let (Some(path), Some(token)) = (words.next(), words.next()) {
            if self.events.len() == MAX_EVENTS {
                self.events.pop_front();
            }
            let event = Event { path, token };
            // The same news twice is the same news.
            if self.events.back() != Some(&event) {
                self.events.push_back(event);
            }
        }
    }
}

/// What can be done as a part of one step.
#[derive(Debug)]
pub struct Transaction<'a> {
    store: &'a mut Store,
    id: u32,
}

impl Transaction<'_> {
    /// The value of a node.
    pub fn read(&mut self, path: &str) -> Result<Vec<u8>> {
        self.store.read_in(self.id, path)
    }

    /// Writes a node.
    pub fn write(&mut self, path: &str, value: impl AsRef<[u8]>) -> Result<()> {
        self.store.write_in(self.id, path, value.as_ref())
    }

    /// The names below a node.
    pub fn directory(&mut self, path: &str) -> Result<Vec<String>> {
        self.store.directory_in(self.id, path)
    }

    /// Makes an empty node.
    pub fn mkdir(&mut self, path: &str) -> Result<()> {
        self.store
            .path_only(self.id, xen_sys::XS_MKDIR, "make", path)
    }

    /// Removes a node and everything below.
    pub fn remove(&mut self, path: &str) -> Result<()> {
        self.store
            .path_only(self.id, xen_sys::XS_RM, "remove", path)
    }
}

fn text(bytes: Vec<u8>, what: impl Fn() -> String) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Error::new(what(), io::ErrorKind::InvalidData))
}

/// A string as it is sent. One with a zero inside would be two.
fn checked(word: &str, verb: &str) -> Result<Vec<u8>> {
    if word.is_empty() || word.contains('\0') {
        return Err(Error::new(
            format!("{verb} {word:?}"),
            io::ErrorKind::InvalidInput,
        ));
    }
    Ok([word.as_bytes(), b"\0"].concat())
}
