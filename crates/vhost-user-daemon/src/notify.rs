// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Tells the service manager when the daemon is ready (systemd's `Type=notify`).
//!
//! The socket is opened once, at the start: later its path may be out of reach, because the process
//! gave up the file system in the meantime. A service manager that cannot be told is worth a
//! warning, never the guests' service.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use log::warn;

const VARIABLE: &str = "NOTIFY_SOCKET";

/// A service manager that does not read for this long is not waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The connection to the service manager, if there is one.
///
/// ```no_run
/// use vhost_user_daemon::notify::Notifier;
///
/// let notifier = Notifier::from_env(); // while there is one thread
/// // ... open sockets, start threads ...
/// notifier.ready("listening on /run/rng.sock0");
/// ```
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<UnixDatagram>,
}

impl Notifier {
    /// Connects to the socket named in NOTIFY_SOCKET, and removes the variable from the
    /// environment, so that children of the daemon are not taken for it.
    ///
    /// To be called before threads are started: in a process that has several already, the variable
    /// stays.
    pub fn from_env() -> Self {
        let Some(name) = env::var_os(VARIABLE) else {
            return Self::default();
        };
        if has_one_thread() {
            // SAFETY: the environment is not being read by another thread, because there is none.
            unsafe { env::remove_var(VARIABLE) };
        }
        if name.is_empty() {
            return Self::default();
        }
        match connect(&name) {
            Ok(socket) => Self {
                socket: Some(socket),
            },
            Err(error) => {
                warn!("cannot reach the service manager at {VARIABLE}={name:?}: {error}");
                Self::default()
            }
        }
    }

    /// The daemon listens: what depends on it may start.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}\n", one_line(status)));
    }

    /// A line that `systemctl status` shows.
    pub fn status(&self, status: &str) {
        self.send(&format!("STATUS={}\n", one_line(status)));
    }

    /// The daemon is about to end, in order.
    pub fn stopping(&self) {
        self.send("STOPPING=1\n");
    }

    fn send(&self, message: &str) {
        let Some(socket) = &self.socket else {
            return;
        };
        if let Err(error) = socket.send(message.as_bytes()) {
            let state = message.lines().next().unwrap_or_default();
            warn!("cannot tell the service manager {state}: {error}");
        }
    }
}

fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "neither an absolute path nor an abstract socket (@NAME)",
            ));
        }
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn one_line(status: &str) -> String {
    status.replace(char::is_control, " ")
}

fn has_one_thread() -> bool {
    fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);

    /// A service manager at `address`, and a notifier that is connected to it.
    fn manager(name: &OsStr, address: &SocketAddr) -> (UnixDatagram, Notifier) {
        let manager = UnixDatagram::bind_addr(address).unwrap();
        manager.set_read_timeout(Some(DEADLINE)).unwrap();
        let notifier = Notifier {
            socket: Some(connect(name).unwrap()),
        };
        (manager, notifier)
    }

    fn abstract_manager(tag: &str) -> (UnixDatagram, Notifier) {
        let name = format!("vhost-user-daemon-{}-{tag}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        manager(format!("@{name}").as_ref(), &address)
    }

    fn received(manager: &UnixDatagram) -> String {
        let mut message = [0; 256];
        let len = manager.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..len]).into_owned()
    }

    #[test]
    fn readiness_reaches_a_socket_in_the_file_system() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let (manager, notifier) =
            manager(path.as_os_str(), &SocketAddr::from_pathname(&path).unwrap());

        notifier.ready("serving 2 guests");

        assert_eq!(received(&manager), "READY=1\nSTATUS=serving 2 guests\n");
    }

    #[test]
    fn stopping_reaches_an_abstract_socket() {
        let (manager, notifier) = abstract_manager("stopping");

        notifier.stopping();

        assert_eq!(received(&manager), "STOPPING=1\n");
    }

    #[test]
    fn a_line_break_in_a_status_cannot_become_a_command() {
        let (manager, notifier) = abstract_manager("line-break");

        notifier.status("guest\nMAINPID=1");

        assert_eq!(received(&manager), "STATUS=guest MAINPID=1\n");
    }

    #[test]
    fn messages_arrive_after_the_path_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let (manager, notifier) =
            manager(path.as_os_str(), &SocketAddr::from_pathname(&path).unwrap());

        fs::remove_file(&path).unwrap();
        notifier.ready("up");

        assert_eq!(received(&manager), "READY=1\nSTATUS=up\n");
    }

    #[test]
    fn a_manager_that_went_away_is_no_panic() {
        let (manager, notifier) = abstract_manager("gone");

        drop(manager);

        notifier.ready("up");
    }

    #[test]
    fn a_manager_that_does_not_read_is_not_waited_for_for_ever() {
        let (_manager, notifier) = abstract_manager("full");
        let started = std::time::Instant::now();
        let socket = notifier.socket.as_ref().unwrap();
        socket.set_nonblocking(true).unwrap();
        while socket.send(b"STATUS=filling\n").is_ok() {}
        socket.set_nonblocking(false).unwrap();

        notifier.stopping();

        assert!(started.elapsed() < DEADLINE);
    }

    #[test]
    fn an_unknown_kind_of_address_is_refused() {
        let error = connect("vsock:2:1234".as_ref()).unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    }
}
