// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! From options to sockets: one [`Endpoint`] for each guest, opened once for the daemon's life.
//!
//! How a path becomes a listening socket, with the lock `PATH.lock` held all the while:
//!
//! ```text
//! what is at PATH?   nothing ────────────────────────> bind
//!                    a socket that nobody has bound ──> unlink, bind
//!                    a socket that someone has bound ─> error: in use
//!                    anything else ───────────────────> error: left alone
//! bind ──> group ──> mode ──> listen
//! ```
//!
//! * Nobody can connect before `listen`, so the permissions are never wider than asked for. The
//!   name is bound in place, not renamed into it: `ss` and `lsof` show the name that was bound.
//! * Whether someone has a socket bound is found out by connecting a *datagram* socket to it: the
//!   kernel says "wrong type" where there is one and "refused" where there is none. The daemon that
//!   lives there notices nothing; a real connection would be a frontend that comes and goes.
//! * The lock makes two daemons of ours that start at once take turns. Otherwise each could find
//!   the stale socket of a third, and one of them remove the live socket of the other. The file is
//!   removed while the lock is held.
//!
//! Listeners are non-blocking, so that an accept loop that has polled is never stuck when another
//! holder of an inherited socket was faster. Connected sockets are blocking.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use listenfd::ListenFd;
use log::{debug, warn};
use rustix::fs::{AtFlags, FileType, FlockOperation, Gid, Mode, OFlags, Stat};
use rustix::io::{Errno, FdFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use thiserror::Error;

use crate::options::{Access, OperatorError, Sockets, Source};

/// What `sockaddr_un` holds, less the final zero.
const MAX_PATH: usize = 107;

/// Frontends that wait for their turn. One guest has one frontend; the rest is reconnects.
const BACKLOG: i32 = 128;

/// How long the start of another daemon on the same path may take. It is a handful of system calls.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Where one guest's frontend comes from.
#[derive(Debug)]
pub enum Endpoint {
    /// Frontends connect, one after the other.
    Listening {
        /// The file, if the daemon made it. Drop it before the listener: a successor that starts in
        /// between then finds either a live daemon or nothing.
        path: Option<OwnedSocketPath>,
        /// Non-blocking.
        listener: UnixListener,
    },
    /// The frontend is there already; when it leaves, this guest is served out.
    Connected(UnixStream),
}

/// Why there is no socket. The text names the flag, the value and the mend.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum ListenError {
    #[error(
        "nothing to listen on: no socket flag was given, and systemd passed no socket; give \
         --socket-path PATH, --socket-fd FD or --fd FD"
    )]
    Nothing,
    #[error("{flag} names one socket, --socket-count {count} asks for {count}; drop one of them")]
    Contradiction { flag: &'static str, count: u32 },
    #[error(
        "systemd passed {passed} sockets, --socket-count says {count}; drop it or change the \
         socket unit"
    )]
    ActivatedCount { passed: usize, count: u32 },
    #[error("cannot listen on {}: two guests have that path; give each one of its own by {flag}", path.display())]
    SamePathTwice { path: PathBuf, flag: &'static str },
    #[error(
        "cannot listen on {}: the path has {} bytes, a Unix socket allows {MAX_PATH}; choose a \
         shorter {flag}", path.display(), path.as_os_str().len()
    )]
    PathTooLong { path: PathBuf, flag: &'static str },
    #[error("cannot listen on '{}': it does not name a file; choose another {flag}", path.display())]
    NoFileName { path: PathBuf, flag: &'static str },
    #[error(
        "cannot listen on {}: directory {} {}; create it or choose another {flag}",
        path.display(), directory.display(), describe_missing(cause)
    )]
    NoDirectory {
        path: PathBuf,
        directory: PathBuf,
        cause: Errno,
        flag: &'static str,
    },
    #[error(
        "cannot listen on {}: another daemon listens there{}; choose another {flag}",
        path.display(), describe_pid(pid)
    )]
    InUse {
        path: PathBuf,
        pid: Option<u32>,
        flag: &'static str,
    },
    #[error(
        "cannot listen on {}: there is a file that is not a socket; move it away or choose another \
         {flag}", path.display()
    )]
    NotASocket { path: PathBuf, flag: &'static str },
    #[error(
        "cannot listen on {}: another process has held the lock {} for {} s; end it or choose \
         another {flag}", path.display(), lock.display(), LOCK_PATIENCE.as_secs()
    )]
    Locked {
        path: PathBuf,
        lock: PathBuf,
        flag: &'static str,
    },
    #[error(
        "cannot listen on {}: {action}: {cause}; give this user access to the directory or choose \
         another {flag}", path.display()
    )]
    Bind {
        path: PathBuf,
        action: &'static str,
        cause: Errno,
        flag: &'static str,
    },
    #[error(
        "cannot give {} to group {gid}: {cause}; make the daemon's user a member of it or change \
         --socket-group", path.display()
    )]
    Group {
        path: PathBuf,
        gid: u32,
        cause: Errno,
    },
    #[error("cannot give {} the mode {mode:04o}: {cause}; change --socket-mode", path.display())]
    Mode {
        path: PathBuf,
        mode: u32,
        cause: Errno,
    },
    #[error("cannot use {name}: {fault}; {mend}")]
    Descriptor {
        name: Inherited,
        fault: String,
        mend: &'static str,
    },
}

impl ListenError {
    /// With the process that has the path, where it can be found.
    fn with_holder(self) -> Self {
        match self {
            Self::InUse { path, flag, .. } => Self::InUse {
                pid: holder(&path),
                path,
                flag,
            },
            other => other,
        }
    }
}

impl OperatorError for ListenError {
    fn exit_status(&self) -> u8 {
        match self {
            Self::Nothing
            | Self::Contradiction { .. }
            | Self::ActivatedCount { .. }
            | Self::SamePathTwice { .. }
            | Self::PathTooLong { .. }
            | Self::NoFileName { .. }
            | Self::Descriptor { .. } => 2,
            _ => 1,
        }
    }
}

fn describe_missing(cause: &Errno) -> String {
    match *cause {
        Errno::NOENT => "does not exist".into(),
        Errno::NOTDIR => "is not a directory".into(),
        other => format!("cannot be opened ({other})"),
    }
}

fn describe_pid(pid: &Option<u32>) -> String {
    pid.map_or(String::new(), |pid| format!(" (pid {pid})"))
}

/// Opens what the options ask for: one endpoint for each guest, in their order.
///
/// Takes over the descriptors that the command line and the environment name. When it fails, the
/// sockets made so far are removed again.
pub fn open(sockets: &Sockets) -> Result<Vec<Endpoint>, ListenError> {
    match &sockets.source {
        Source::Paths { paths, flag } => {
            check_distinct(paths, flag)?;
            paths
                .iter()
                .map(|path| Claim { path, flag }.listen(sockets.access))
                .collect()
        }
        &Source::ListeningFd(number) => {
            let name = Inherited::SocketFd(number);
            Ok(vec![from_fd(take(number, name)?, name)?])
        }
        &Source::ConnectedFd(number) => {
            let name = Inherited::Fd(number);
            Ok(vec![from_fd(take(number, name)?, name)?])
        }
        Source::Activated { count } => activated(*count, sockets.access),
        &Source::Contradiction { flag, count } => Err(ListenError::Contradiction { flag, count }),
    }
}

/// Refuses what [`open`] would refuse, as far as that can be told without making anything. For
/// whoever makes a device before its sockets: one that is started twice by mistake must not touch what
/// belongs to the first.
pub fn check(sockets: &Sockets) -> Result<(), ListenError> {
    let Source::Paths { paths, flag } = &sockets.source else {
        return Ok(());
    };
    check_distinct(paths, flag)?;
    paths
        .iter()
        .try_for_each(|path| Claim { path, flag }.check())
}

fn check_distinct(paths: &[PathBuf], flag: &'static str) -> Result<(), ListenError> {
    let mut seen = HashSet::new();
    match paths.iter().find(|path| !seen.insert(path.as_path())) {
        Some(path) => {
            let path = path.clone();
            Err(ListenError::SamePathTwice { path, flag })
        }
        None => Ok(()),
    }
}

/// Makes a listening socket of any kind at `path`, for what a device has besides the frontend's; by
/// the same rules as the frontend's own. `flag` is what named it, for messages.
///
/// The socket is non-blocking. Drop the path before it.
pub fn bind(
    path: &Path,
    flag: &'static str,
    kind: SocketType,
    access: Access,
) -> Result<(OwnedSocketPath, OwnedFd), ListenError> {
    Claim { path, flag }.bind(kind, access)
}

fn activated(count: Option<u32>, access: Access) -> Result<Vec<Endpoint>, ListenError> {
    let mut passed = ListenFd::from_env();
    if passed.len() == 0 {
        return Err(ListenError::Nothing);
    }
    if let Some(count) = count.filter(|&count| count as usize != passed.len()) {
        let passed = passed.len();
        return Err(ListenError::ActivatedCount { passed, count });
    }
    if access != Access::default() {
        warn!(
            "--socket-mode and --socket-group are ignored for sockets that systemd made; set \
             SocketMode= and SocketGroup= in the socket unit"
        );
    }
    let mut endpoints = Vec::new();
    for index in 0..passed.len() {
        if let Ok(Some(number)) = passed.take_raw_fd(index) {
            let name = Inherited::Activated(number);
            endpoints.push(from_fd(take(number, name)?, name)?);
        }
    }
    Ok(endpoints)
}

/// How the operator knows an inherited descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inherited {
    /// `--socket-fd`.
    SocketFd(RawFd),
    /// `--fd`.
    Fd(RawFd),
    /// One of systemd's.
    Activated(RawFd),
}

impl Inherited {
    fn fault(self, fault: impl Into<String>, mend: &'static str) -> ListenError {
        ListenError::Descriptor {
            name: self,
            fault: fault.into(),
            mend,
        }
    }

    fn mend(self) -> &'static str {
        match self {
            Self::SocketFd(_) => "pass a listening Unix stream socket",
            Self::Fd(_) => "pass a connected Unix stream socket",
            Self::Activated(_) => "use ListenStream=/PATH in the socket unit",
        }
    }
}

impl fmt::Display for Inherited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SocketFd(number) => write!(f, "--socket-fd {number}"),
            Self::Fd(number) => write!(f, "--fd {number}"),
            Self::Activated(number) => write!(f, "file descriptor {number} from systemd"),
        }
    }
}

/// Takes over a descriptor that the process was started with, and closes it to children.
///
/// A descriptor that came through exec() cannot be marked close-on-exec, while all that this
/// process opens are marked so. This tells an inherited one from one that only happens to have the
/// number, and from one that was taken over before.
fn take(number: RawFd, name: Inherited) -> Result<OwnedFd, ListenError> {
    if number < 0 || (1..=2).contains(&number) {
        return Err(name.fault("that number is not for a socket", name.mend()));
    }
    // SAFETY: the borrow ends within the statement, and asking for its flags harms no descriptor,
    // open or not; -1 was excluded.
    let flags = rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(number) });
    match flags {
        Err(_) => return Err(name.fault("it is not open", name.mend())),
        Ok(flags) if flags.contains(FdFlags::CLOEXEC) => {
            return Err(name.fault("the daemon was not started with it", name.mend()));
        }
        Ok(_) => {}
    }
    // SAFETY: the descriptor is open, and nothing in this process owns it: see above. From here on
    // it is marked, so that it cannot be taken twice.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    match rustix::io::fcntl_setfd(&fd, FdFlags::CLOEXEC) {
        Ok(()) => Ok(fd),
        Err(error) => Err(name.fault(error.to_string(), name.mend())),
    }
}

/// Makes an endpoint of an inherited socket, if it is of the kind that its name promises.
fn from_fd(fd: OwnedFd, name: Inherited) -> Result<Endpoint, ListenError> {
    let kind = (
        rustix::net::sockopt::socket_domain(&fd),
        rustix::net::sockopt::socket_type(&fd),
    );
    match kind {
        (Ok(AddressFamily::UNIX), Ok(SocketType::STREAM)) => {}
        (Ok(AddressFamily::UNIX), Ok(_)) => {
            return Err(name.fault("it is a Unix socket, but not a stream", name.mend()));
        }
        (Ok(_), Ok(_)) => return Err(name.fault("it is not a Unix socket", name.mend())),
        _ => return Err(name.fault("it is not a socket", name.mend())),
    }
    let other = |error: io::Error| name.fault(error.to_string(), name.mend());
    let listening = rustix::net::sockopt::socket_acceptconn(&fd).map_err(|e| other(e.into()))?;
    match (listening, name) {
        (true, Inherited::Fd(_)) => Err(name.fault(
            "it is a listening socket, not a connected one",
            "use --socket-fd for it",
        )),
        (true, _) => {
            let listener = UnixListener::from(fd);
            listener.set_nonblocking(true).map_err(other)?;
            Ok(Endpoint::Listening {
                path: None,
                listener,
            })
        }
        (false, _) if rustix::net::getpeername(&fd).is_err() => {
            Err(name.fault("it is neither listening nor connected", name.mend()))
        }
        (false, Inherited::SocketFd(_)) => Err(name.fault(
            "it is a connected socket, not a listening one",
            "use --fd for it",
        )),
        // systemd passes connected sockets to units with Accept=yes.
        (false, _) => {
            let stream = UnixStream::from(fd);
            stream.set_nonblocking(false).map_err(other)?;
            Ok(Endpoint::Connected(stream))
        }
    }
}

/// A path that shall become a socket, and the flag that named it.
#[derive(Clone, Copy)]
struct Claim<'a> {
    path: &'a Path,
    flag: &'static str,
}

impl Claim<'_> {
    fn listen(self, access: Access) -> Result<Endpoint, ListenError> {
        let (path, socket) = self.bind(SocketType::STREAM, access)?;
        Ok(Endpoint::Listening {
            path: Some(path),
            listener: UnixListener::from(socket),
        })
    }

    fn check(self) -> Result<(), ListenError> {
        let place = self.place()?;
        match self.stale(&place) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.with_holder()),
        }
    }

    /// Where the socket is to be, if there can be one.
    fn place(&self) -> Result<Place<'_>, ListenError> {
        let &Self { path, flag } = self;
        let own = || path.to_owned();
        if path.as_os_str().len() > MAX_PATH {
            return Err(ListenError::PathTooLong { path: own(), flag });
        }
        let name = match path.file_name() {
            Some(name) if path.as_os_str().as_bytes().ends_with(name.as_bytes()) => name,
            _ => return Err(ListenError::NoFileName { path: own(), flag }),
        };
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(directory, flags, Mode::empty()).map_err(|cause| {
            ListenError::NoDirectory {
                path: own(),
                directory: directory.to_owned(),
                cause,
                flag,
            }
        })?;
        let address = SocketAddrUnix::new(path).map_err(self.while_doing("the path"))?;
        Ok(Place { dir, name, address })
    }

    /// Whether there is a socket that nobody listens on any more.
    fn stale(&self, place: &Place<'_>) -> Result<bool, ListenError> {
        let &Self { path, flag } = self;
        let occupant = occupant(&place.dir, place.name, &place.address);
        let path = path.to_owned();
        match occupant.map_err(self.while_doing("looking at it"))? {
            Occupant::Nobody => Ok(false),
            Occupant::Stale => Ok(true),
            Occupant::Alive => Err(ListenError::InUse {
                path,
                pid: None,
                flag,
            }),
            Occupant::OtherFile => Err(ListenError::NotASocket { path, flag }),
        }
    }

    fn bind(
        self,
        kind: SocketType,
        access: Access,
    ) -> Result<(OwnedSocketPath, OwnedFd), ListenError> {
        let Self { path, .. } = self;
        let place = self.place()?;
        let lock = self.lock(&place.dir, place.name)?;
        let stale = match self.stale(&place) {
            Ok(stale) => stale,
            Err(error) => {
                // To find the holder takes long where there are many processes, and others wait.
                drop(lock);
                return Err(error.with_holder());
            }
        };
        let Place { dir, name, address } = &place;
        if stale {
            debug!("replacing the stale socket {}", path.display());
            rustix::fs::unlinkat(dir, *name, AtFlags::empty())
                .map_err(self.while_doing("removing a stale socket"))?;
        }
        let socket = rustix::net::socket_with(
            AddressFamily::UNIX,
            kind,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )
        .map_err(self.while_doing("creating a socket"))?;
        rustix::net::bind(&socket, address).map_err(self.while_doing("binding the socket"))?;
        let owned = OwnedSocketPath::pin(dir, name, path)
            .map_err(self.while_doing("looking at the new socket"))?;
        owned.set(access)?;
        rustix::net::listen(&socket, BACKLOG).map_err(self.while_doing("listening"))?;
        drop(lock);
        Ok((owned, socket))
    }

    fn while_doing(self, action: &'static str) -> impl Fn(Errno) -> ListenError {
        let path = self.path.to_owned();
        move |cause| ListenError::Bind {
            path: path.clone(),
            action,
            cause,
            flag: self.flag,
        }
    }

    fn lock<'d>(self, dir: &'d OwnedFd, name: &OsStr) -> Result<Lock<'d>, ListenError> {
        let with_suffix = |name: &OsStr| {
            let mut name = name.to_owned();
            name.push(".lock");
            name
        };
        Lock::acquire(dir.as_fd(), with_suffix(name), LOCK_PATIENCE)
            .map_err(self.while_doing("creating its lock file"))?
            .ok_or_else(|| ListenError::Locked {
                path: self.path.to_owned(),
                lock: with_suffix(self.path.as_os_str()).into(),
                flag: self.flag,
            })
    }
}

/// The directory, the name in it, and both as an address.
struct Place<'a> {
    dir: OwnedFd,
    name: &'a OsStr,
    address: SocketAddrUnix,
}

/// What is to be found at a path.
enum Occupant {
    Nobody,
    Stale,
    Alive,
    OtherFile,
}

fn occupant(dir: &OwnedFd, name: &OsStr, address: &SocketAddrUnix) -> Result<Occupant, Errno> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(Occupant::Nobody),
        Err(error) => return Err(error),
        Ok(stat) if !is_socket(&stat) => return Ok(Occupant::OtherFile),
        Ok(_) => {}
    }
    let probe = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    match rustix::net::connect(&probe, address) {
        // Success is someone's datagram socket.
        Ok(()) | Err(Errno::PROTOTYPE) => Ok(Occupant::Alive),
        Err(Errno::CONNREFUSED) => Ok(Occupant::Stale),
        Err(Errno::NOENT) => Ok(Occupant::Nobody),
        Err(error) => Err(error),
    }
}

/// The process that listens on `path`, for a message: found without a connection to it, and only
/// where /proc tells.
fn holder(path: &Path) -> Option<u32> {
    /// `__SO_ACCEPTCON` in the column of flags.
    const LISTENING: u32 = 0x0001_0000;

    let absolute = fs::canonicalize(path).ok()?;
    let table = fs::read("/proc/net/unix").ok()?;
    let mut inodes = table.split(|&byte| byte == b'\n').filter_map(|line| {
        // Num RefCount Protocol Flags Type St Inode Path; the inode is padded with spaces.
        let text = line.utf8_chunks().next()?.valid();
        let mut columns = text.split_ascii_whitespace();
        let flags = u32::from_str_radix(columns.nth(3)?, 16).ok()?;
        let inode = columns.nth(2)?;
        let bound = [path, &absolute].into_iter().any(|path| {
            let path = path.as_os_str().as_bytes();
            line.strip_suffix(path)
                .is_some_and(|rest| rest.ends_with(b" "))
        });
        (bound && flags & LISTENING != 0).then(|| inode.to_owned())
    });
    let inode = inodes.next()?;
    // A second listener of that name has lost the path to the other; which one has it is not shown.
    if inodes.next().is_some() {
        return None;
    }
    let link = OsString::from(format!("socket:[{inode}]"));
    fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let pid = process.file_name().to_str()?.parse().ok()?;
        fs::read_dir(process.path().join("fd"))
            .ok()?
            .flatten()
            .any(|fd| fs::read_link(fd.path()).is_ok_and(|to| to == link))
            .then_some(pid)
    })
}

/// An exclusive lock by a file, which is removed again.
struct Lock<'d> {
    dir: BorrowedFd<'d>,
    name: OsString,
    _file: OwnedFd,
}

impl<'d> Lock<'d> {
    /// `None` when somebody else held the lock for as long as `patience`.
    fn acquire(
        dir: BorrowedFd<'d>,
        name: OsString,
        patience: Duration,
    ) -> Result<Option<Self>, Errno> {
        let deadline = Instant::now() + patience;
        loop {
            // Nobody else shall be able to open it: who can may hold the lock.
            let file = rustix::fs::openat(
                dir,
                &name,
                OFlags::CREATE | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                Mode::RUSR | Mode::WUSR,
            )?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    // The former holder may have removed the file after it was opened here; then
                    // the lock that counts is another file's.
                    let named = rustix::fs::statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW);
                    if named.is_ok_and(|named| {
                        rustix::fs::fstat(&file).is_ok_and(|own| same(&own, &named))
                    }) {
                        return Ok(Some(Self {
                            dir,
                            name,
                            _file: file,
                        }));
                    }
                }
                Err(Errno::WOULDBLOCK) => {
                    if Instant::now() >= deadline {
                        return Ok(None);
                    }
                    thread::sleep(Duration::from_millis(5));
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // While it is still locked. A file that stays behind is in nobody's way.
        let _ = rustix::fs::unlinkat(self.dir, &self.name, AtFlags::empty());
    }
}

/// A socket file that this process made, and removes in the end, unless a successor has taken the
/// path meanwhile.
#[derive(Debug)]
pub struct OwnedSocketPath {
    path: PathBuf,
    dir: OwnedFd,
    name: OsString,
    /// Keeps the inode from being freed, so that its number cannot become that of a successor.
    inode: OwnedFd,
}

impl OwnedSocketPath {
    fn pin(dir: &OwnedFd, name: &OsStr, path: &Path) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let inode = rustix::fs::openat(dir, name, flags, Mode::empty())?;
        // Who may write in the directory could have put another file there since; nothing is to be
        // changed or removed then.
        if !is_socket(&rustix::fs::fstat(&inode)?) {
            return Err(Errno::NOTSOCK);
        }
        Ok(Self {
            path: path.to_owned(),
            dir: rustix::io::fcntl_dupfd_cloexec(dir, 0)?,
            name: name.to_owned(),
            inode,
        })
    }

    /// The path as the operator gave it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// By the inode, not by the path, which may name another file by now.
    fn set(&self, access: Access) -> Result<(), ListenError> {
        if let Some(gid) = access.group {
            let group = Some(Gid::from_raw(gid));
            rustix::fs::chownat(&self.inode, "", None, group, AtFlags::EMPTY_PATH).map_err(
                |cause| ListenError::Group {
                    path: self.path.clone(),
                    gid,
                    cause,
                },
            )?;
        }
        if let Some(mode) = access.mode {
            // fchmod() refuses such a descriptor, its name in /proc is the documented way.
            let inode = format!("/proc/self/fd/{}", self.inode.as_raw_fd());
            rustix::fs::chmod(inode, Mode::from_raw_mode(mode)).map_err(|cause| {
                ListenError::Mode {
                    path: self.path.clone(),
                    mode,
                    cause,
                }
            })?;
        }
        Ok(())
    }

    fn remove(&self) -> Result<(), Errno> {
        let named = match rustix::fs::statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(()),
            named => named?,
        };
        if same(&named, &rustix::fs::fstat(&self.inode)?) {
            rustix::fs::unlinkat(&self.dir, &self.name, AtFlags::empty())?;
        }
        Ok(())
    }
}

impl Drop for OwnedSocketPath {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            warn!("cannot remove the socket {}: {error}", self.path.display());
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening {
                path: Some(owned), ..
            } => write!(f, "{}", owned.path.display()),
            Self::Listening { listener, .. } => {
                let address = listener.local_addr().ok();
                match address.as_ref().and_then(|address| address.as_pathname()) {
                    Some(path) => write!(f, "{}", path.display()),
                    None => write!(f, "listening fd {}", listener.as_raw_fd()),
                }
            }
            Self::Connected(stream) => write!(f, "connected fd {}", stream.as_raw_fd()),
        }
    }
}

fn is_socket(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Socket
}

fn same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::IntoRawFd;
    use std::os::unix::net::UnixDatagram;

    use super::*;

    const SOCKET_FD: Inherited = Inherited::SocketFd(7);
    const FD: Inherited = Inherited::Fd(7);
    const ACTIVATED: Inherited = Inherited::Activated(7);

    fn listener() -> (tempfile::TempDir, OwnedFd) {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("s")).unwrap();
        (dir, listener.into())
    }

    fn refusal(fd: impl Into<OwnedFd>, name: Inherited) -> String {
        from_fd(fd.into(), name).unwrap_err().to_string()
    }

    #[test]
    fn a_listening_socket_given_to_socket_fd_is_listened_on() {
        let (_dir, listener) = listener();

        let endpoint = from_fd(listener, SOCKET_FD).unwrap();

        assert!(matches!(endpoint, Endpoint::Listening { path: None, .. }));
    }

    #[test]
    fn a_connected_socket_given_to_fd_is_served() {
        let (ours, _theirs) = UnixStream::pair().unwrap();

        let endpoint = from_fd(ours.into(), FD).unwrap();

        assert!(matches!(endpoint, Endpoint::Connected(_)));
    }

    #[test]
    fn a_connected_socket_becomes_blocking() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let Endpoint::Connected(mut stream) = from_fd(ours.into(), FD).unwrap() else {
            panic!("not connected");
        };

        drop(theirs);

        // Non-blocking and without an end it would be an error.
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        assert!(
            !rustix::fs::fcntl_getfl(&stream)
                .unwrap()
                .contains(OFlags::NONBLOCK)
        );
    }

    #[test]
    fn a_listening_socket_given_to_fd_is_refused_with_the_mend() {
        let (_dir, listener) = listener();

        assert_eq!(
            refusal(listener, FD),
            "cannot use --fd 7: it is a listening socket, not a connected one; \
             use --socket-fd for it"
        );
    }

    #[test]
    fn a_connected_socket_given_to_socket_fd_is_refused_with_the_mend() {
        let (ours, _theirs) = UnixStream::pair().unwrap();

        assert_eq!(
            refusal(ours, SOCKET_FD),
            "cannot use --socket-fd 7: it is a connected socket, not a listening one; \
             use --fd for it"
        );
    }

    #[test]
    fn an_activated_socket_may_be_of_either_kind() {
        let (_dir, listener) = listener();
        let (ours, _theirs) = UnixStream::pair().unwrap();

        let listening = from_fd(listener, ACTIVATED).unwrap();
        let connected = from_fd(ours.into(), ACTIVATED).unwrap();

        assert!(matches!(listening, Endpoint::Listening { .. }));
        assert!(matches!(connected, Endpoint::Connected(_)));
    }

    #[test]
    fn a_socket_that_is_neither_is_refused() {
        let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();

        assert!(refusal(socket, FD).contains("neither listening nor connected"));
    }

    #[test]
    fn a_datagram_socket_is_refused() {
        let (ours, _theirs) = UnixDatagram::pair().unwrap();

        assert!(refusal(ours, FD).contains("not a stream"));
    }

    #[test]
    fn a_network_socket_is_refused() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();

        assert!(refusal(listener, SOCKET_FD).contains("not a Unix socket"));
    }

    #[test]
    fn a_file_is_refused() {
        let file = tempfile::tempfile().unwrap();

        assert!(refusal(file, FD).contains("not a socket"));
    }

    #[test]
    fn an_inherited_descriptor_is_taken_and_closed_to_children() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        rustix::io::fcntl_setfd(&ours, FdFlags::empty()).unwrap();

        let taken = take(ours.into_raw_fd(), FD).unwrap();

        assert_eq!(rustix::io::fcntl_getfd(&taken).unwrap(), FdFlags::CLOEXEC);
    }

    #[test]
    fn a_descriptor_that_the_process_opened_is_not_taken() {
        let (ours, _theirs) = UnixStream::pair().unwrap();

        let error = take(ours.as_raw_fd(), FD).unwrap_err().to_string();

        assert!(error.contains("was not started with it"), "{error}");
    }

    #[test]
    fn a_number_that_is_not_open_is_refused() {
        let error = take(100_000, FD).unwrap_err().to_string();

        assert!(error.contains("not open"), "{error}");
    }

    #[test]
    fn standard_output_is_not_taken() {
        let error = take(1, FD).unwrap_err().to_string();

        assert!(error.contains("not for a socket"), "{error}");
    }

    fn lock(dir: &tempfile::TempDir, fd: &OwnedFd, patience: Duration) -> Option<PathBuf> {
        Lock::acquire(fd.as_fd(), "s.lock".into(), patience)
            .unwrap()
            .map(|_| dir.path().join("s.lock"))
    }

    fn directory() -> (tempfile::TempDir, OwnedFd) {
        let dir = tempfile::tempdir().unwrap();
        let fd =
            rustix::fs::open(dir.path(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        (dir, fd)
    }

    #[test]
    fn a_lock_that_is_held_is_not_given_out_twice() {
        let (dir, fd) = directory();
        let _held = Lock::acquire(fd.as_fd(), "s.lock".into(), Duration::ZERO).unwrap();

        assert_eq!(lock(&dir, &fd, Duration::from_millis(20)), None);
    }

    #[test]
    fn a_lock_leaves_no_file() {
        let (dir, fd) = directory();

        let file = lock(&dir, &fd, Duration::ZERO).unwrap();

        assert!(!file.exists());
    }

    #[test]
    fn a_lock_file_that_nobody_holds_is_no_obstacle() {
        let (dir, fd) = directory();
        fs::write(dir.path().join("s.lock"), "").unwrap();

        assert!(lock(&dir, &fd, Duration::ZERO).is_some());
    }
}
