// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Where the other end of a port is.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcgetwinsize, tcsetattr};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::terminal::Terminal;

/// How often a Unix socket that nobody listens on is tried.
const RETRY: Duration = Duration::from_secs(1);

/// The kernel tells nobody on the master's side that a pseudo-terminal's size changed. Looked at only while somebody has
/// the other side open.
const LOOK_AT_SIZE: Duration = Duration::from_millis(500);

/// The host's side of a port.
#[derive(Debug)]
pub struct Host(pub(crate) Kind);

#[derive(Debug)]
pub(crate) enum Kind {
    Terminal(Terminal),
    Tcp(TcpListener),
    Unix(UnixSocket),
    Connect(Connect),
    Pty(Pty),
    File(Sink),
}

/// A socket that is removed with its path.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Host {
    /// Standard input and output. `escape` is the character that escape sequences begin with.
    pub fn terminal(escape: Option<u8>) -> io::Result<Self> {
        Terminal::open(escape).map(|terminal| Self(Kind::Terminal(terminal)))
    }

    /// A TCP port; one client at a time.
    pub fn tcp(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self(Kind::Tcp(listener)))
    }

    /// A Unix socket to listen on; one client at a time. A socket that nobody listens on any more is
    /// replaced.
    pub fn unix(path: &Path) -> io::Result<Self> {
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path) => {
                fs::remove_file(path)?;
                UnixListener::bind(path)
            }
            other => other,
        }?;
        listener.set_nonblocking(true)?;
        Ok(Self(Kind::Unix(UnixSocket {
            listener,
            path: path.to_owned(),
        })))
    }

    /// A Unix socket of somebody else, connected to again and again.
    pub fn connect(path: &Path) -> io::Result<Self> {
        // One that is too long would never be there.
        SocketAddrUnix::new(path)?;
        Ok(Self(Kind::Connect(Connect {
            path: path.to_owned(),
            timer: timer()?,
            told: false,
        })))
    }

    /// A new pseudo-terminal, and a symbolic link to it.
    pub fn pty(link: Option<&Path>) -> io::Result<Self> {
        Pty::open(link).map(|pty| Self(Kind::Pty(pty)))
    }

    /// A file to append to. When it has `cap` bytes, output is dropped; with `rotate` the file is
    /// renamed to `PATH.1` and begun anew.
    pub fn file(path: &Path, cap: Option<u64>, rotate: bool) -> io::Result<Self> {
        Sink::open(path, cap, rotate).map(|sink| Self(Kind::File(sink)))
    }

    /// The path of a pseudo-terminal's slave.
    pub fn pty_path(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Pty(pty) => Some(&pty.path),
            _ => None,
        }
    }

    /// Whether each client has a connection of its own, which may hold input after the client left.
    pub(crate) fn takes_turns(&self) -> bool {
        matches!(self.0, Kind::Tcp(_) | Kind::Unix(_))
    }

    pub(crate) fn size(&self) -> Option<(u16, u16)> {
        match &self.0 {
            Kind::Terminal(terminal) => terminal.size(),
            Kind::Pty(pty) => {
                let size = tcgetwinsize(&pty.master).ok()?;
                Some((size.ws_col, size.ws_row))
            }
            _ => None,
        }
    }

    /// What becomes readable when somebody comes, or something about the host's side changed.
    pub(crate) fn events(&self) -> [Option<BorrowedFd<'_>>; 2] {
        match &self.0 {
            Kind::Terminal(terminal) => [Some(terminal.signals().as_fd()), None],
            Kind::Tcp(listener) => [Some(listener.as_fd()), None],
            Kind::Unix(socket) => [Some(socket.listener.as_fd()), None],
            Kind::Connect(connect) => [Some(connect.timer.as_fd()), None],
            Kind::Pty(pty) => [Some(pty.inotify.as_fd()), Some(pty.timer.as_fd())],
            Kind::File(_) => [None, None],
        }
    }

    /// Somebody who waits to be let in. For a terminal: the terminal.
    pub(crate) fn accept(&mut self) -> io::Result<Option<(OwnedFd, OwnedFd)>> {
        let stream: OwnedFd = match &mut self.0 {
            Kind::Terminal(terminal) => return terminal.attach().map(Some),
            Kind::Tcp(listener) => match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(true)?;
                    let _ = stream.set_nodelay(true);
                    stream.into()
                }
                Err(error) => return nobody(error),
            },
            Kind::Unix(socket) => match socket.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(true)?;
                    stream.into()
                }
                Err(error) => return nobody(error),
            },
            Kind::Connect(connect) => match connect_now(&connect.path) {
                Ok(stream) => {
                    set_timer(&connect.timer, Duration::ZERO, Duration::ZERO);
                    connect.told = false;
                    stream
                }
                Err(errno) => {
                    if !std::mem::replace(&mut connect.told, true) {
                        let path = connect.path.display();
                        log::info!("cannot connect to {path} yet: {errno}; trying every second");
                    }
                    set_timer(&connect.timer, RETRY, Duration::ZERO);
                    return Ok(None);
                }
            },
            Kind::Pty(pty) => {
                if !pty.is_open() {
                    set_timer(&pty.timer, Duration::ZERO, Duration::ZERO);
                    return Ok(None);
                }
                set_timer(&pty.timer, LOOK_AT_SIZE, LOOK_AT_SIZE);
                pty.master.try_clone()?
            }
            Kind::File(_) => return Ok(None),
        };
        Ok(Some((stream.try_clone()?, stream)))
    }

    /// Reads away what said that something happened.
    pub(crate) fn acknowledge(&self) {
        let mut buffer = [0; 4096];
        match &self.0 {
            Kind::Terminal(terminal) => {
                let _ = rustix::io::read(terminal.signals(), &mut buffer);
            }
            Kind::Connect(connect) => {
                let _ = rustix::io::read(&connect.timer, &mut buffer[..8]);
            }
            Kind::Pty(pty) => {
                let _ = rustix::io::read(&pty.inotify, &mut buffer);
                let _ = rustix::io::read(&pty.timer, &mut buffer[..8]);
            }
            Kind::Tcp(_) | Kind::Unix(_) | Kind::File(_) => {}
        }
    }

    /// Everybody left. Returns whether the port itself went with them.
    pub(crate) fn left(&mut self) -> bool {
        match &mut self.0 {
            Kind::Connect(connect) => {
                set_timer(&connect.timer, RETRY, Duration::ZERO);
                false
            }
            Kind::Pty(pty) => {
                set_timer(&pty.timer, Duration::ZERO, Duration::ZERO);
                false
            }
            Kind::Terminal(terminal) => {
                terminal.detach();
                true
            }
            _ => false,
        }
    }
}

fn nobody<T>(error: io::Error) -> io::Result<Option<T>> {
    match error.kind() {
        io::ErrorKind::WouldBlock
        | io::ErrorKind::Interrupted
        | io::ErrorKind::ConnectionAborted => Ok(None),
        _ => Err(error),
    }
}

fn is_stale(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket())
        && connect_now(path).is_err_and(|errno| errno == Errno::CONNREFUSED)
}

/// Connects without waiting. A program that listens and does not accept would hold up whoever waits
/// for a place in its line, for ever; what is told instead is that there is none (EAGAIN).
fn connect_now(path: &Path) -> Result<OwnedFd, Errno> {
    let address = SocketAddrUnix::new(path)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &address)?;
    Ok(socket)
}

pub(crate) fn timer() -> io::Result<OwnedFd> {
    let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
    Ok(timerfd_create(TimerfdClockId::Monotonic, flags)?)
}

/// Zero disarms it.
pub(crate) fn set_timer(timer: &OwnedFd, first: Duration, then: Duration) {
    let spec = Itimerspec {
        it_interval: Timespec::try_from(then).unwrap_or_default(),
        it_value: Timespec::try_from(first).unwrap_or_default(),
    };
    if let Err(errno) = timerfd_settime(timer, TimerfdTimerFlags::empty(), &spec) {
        log::error!("cannot set a timer: {errno}");
    }
}

/// A Unix socket that others listen on.
#[derive(Debug)]
pub(crate) struct Connect {
    path: PathBuf,
    timer: OwnedFd,
    /// So that nobody there is a line in the log, and not one each second.
    told: bool,
}

/// The master's side of a pseudo-terminal.
#[derive(Debug)]
pub(crate) struct Pty {
    master: OwnedFd,
    path: PathBuf,
    link: Option<PathBuf>,
    /// The kernel says when the last one closed the slave, but not when the first one opens it.
    inotify: OwnedFd,
    timer: OwnedFd,
}

impl Pty {
    fn open(link: Option<&Path>) -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let path = ptsname(&master, Vec::new())?;
        let path = PathBuf::from(path.to_string_lossy().into_owned());
        {
            // Raw, because the guest echoes and edits by itself. Closing it again makes the master
            // say that nobody is there.
            let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
            let slave = rustix::fs::open(&path, flags, Mode::empty())?;
            let mut modes = tcgetattr(&slave)?;
            modes.make_raw();
            tcsetattr(&slave, OptionalActions::Now, &modes)?;
        }
        let flags = rustix::fs::fcntl_getfl(&master)?;
        rustix::fs::fcntl_setfl(&master, flags | OFlags::NONBLOCK)?;
        let watch = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        inotify::add_watch(
            &watch,
            &path,
            inotify::WatchFlags::OPEN
                | inotify::WatchFlags::CLOSE_WRITE
                | inotify::WatchFlags::CLOSE_NOWRITE,
        )?;
        if let Some(link) = link {
            if fs::symlink_metadata(link).is_ok_and(|data| data.is_symlink()) {
                fs::remove_file(link)?;
            }
            std::os::unix::fs::symlink(&path, link)?;
        }
        Ok(Self {
            master,
            path,
            link: link.map(Path::to_owned),
            inotify: watch,
            timer: timer()?,
        })
    }

    pub(crate) fn is_open(&self) -> bool {
        let mut fds = [PollFd::new(&self.master, PollFlags::empty())];
        poll(&mut fds, Some(&rustix::event::Timespec::default())).is_ok()
            && !fds[0].revents().contains(PollFlags::HUP)
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if let Some(link) = &self.link
            && fs::read_link(link).is_ok_and(|target| target == self.path)
        {
            let _ = fs::remove_file(link);
        }
    }
}

/// A file that takes output.
#[derive(Debug)]
pub(crate) struct Sink {
    file: fs::File,
    path: PathBuf,
    size: u64,
    cap: Option<u64>,
    rotate: bool,
    /// So that a full disk is a line in the log, and not one for each write.
    told: bool,
}

impl Sink {
    fn open(path: &Path, cap: Option<u64>, rotate: bool) -> io::Result<Self> {
        let file = append(path)?;
        let data = file.metadata()?;
        if !data.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            ));
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            size: data.len(),
            cap,
            rotate,
            told: false,
        })
    }

    /// Bytes that may be written now; zero where the file is full and stays so.
    pub(crate) fn room(&mut self) -> u64 {
        let Some(cap) = self.cap else {
            return u64::MAX;
        };
        if self.size >= cap && self.rotate {
            match self.turn() {
                Ok(()) => {}
                Err(error) => {
                    self.tell(format_args!("cannot begin it anew: {error}"));
                    return 0;
                }
            }
        }
        if self.size >= cap {
            self.tell(format_args!(
                "it has {cap} bytes (--size-cap); the rest is dropped"
            ));
        }
        cap.saturating_sub(self.size)
    }

    fn turn(&mut self) -> io::Result<()> {
        let mut old = self.path.clone().into_os_string();
        old.push(".1");
        fs::rename(&self.path, old)?;
        self.file = append(&self.path)?;
        self.size = 0;
        Ok(())
    }

    /// Notes the outcome of a write. What a full disk refuses is lost, and said to be.
    pub(crate) fn wrote(&mut self, result: &io::Result<usize>) {
        match result {
            Ok(bytes) => {
                self.size = self.size.saturating_add(*bytes as u64);
                if *bytes > 0 {
                    self.told = false;
                }
            }
            Err(error) => self.tell(format_args!("{error}; output is lost until it goes again")),
        }
    }

    fn tell(&mut self, what: std::fmt::Arguments<'_>) {
        if !std::mem::replace(&mut self.told, true) {
            log::warn!("the guest's output to {}: {what}", self.path.display());
        }
    }
}

impl AsFd for Sink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn append(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        // A pipe that nobody reads must not hold the daemon up before it is refused.
        .custom_flags(OFlags::NONBLOCK.bits() as i32)
        .open(path)
}
