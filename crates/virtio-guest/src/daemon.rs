// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A daemon as a child process, with a socket in a directory of its own.

use std::{
    ffi::OsStr,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{Error, Guest, process};

/// In an argument this stands for the path of the socket.
pub const SOCKET: &str = "{socket}";
/// In an argument this stands for the daemon's private directory.
pub const DIR: &str = "{dir}";

/// How long a daemon may take until it listens, on a loaded machine.
const START: Duration = Duration::from_secs(20);

/// How long a daemon that nobody needs any more may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// A daemon that logs without end must not take the test's memory with it.
const MAX_LOG: usize = 4 << 20;

/// A running daemon. Dropped, it is asked to end, and killed if it does not.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    paths: Vec<PathBuf>,
    log: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
    status: Option<ExitStatus>,
    // Last, so that the directory goes after the process.
    dir: TempDir,
}

/// What to start, when [`Daemon::spawn`] is not enough.
#[derive(Debug)]
pub struct DaemonBuilder {
    exe: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    sockets: usize,
    own_sockets: bool,
    wait: bool,
}

impl DaemonBuilder {
    /// Adds arguments; `{socket}` and `{dir}` are replaced in them.
    pub fn args<S: AsRef<str>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args
            .extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable; `{socket}` and `{dir}` are replaced in the value.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// How many sockets to wait for: more than one are named `{socket}0`, `{socket}1` and so on.
    pub fn sockets(mut self, count: usize) -> Self {
        self.sockets = count;
        self
    }

    /// Adds no `--socket-path`: the daemon learns of its sockets in another way, a file for example.
    pub fn own_sockets(mut self) -> Self {
        self.own_sockets = true;
        self
    }

    /// Does not wait until the daemon listens: for one that is expected to refuse to start.
    pub fn without_waiting(mut self) -> Self {
        self.wait = false;
        self
    }

    /// Starts it.
    pub fn spawn(self) -> Result<Daemon, Error> {
        let dir = tempfile::Builder::new()
            .prefix("vg")
            .tempdir()
            .map_err(Error::os("cannot make a directory for the socket"))?;
        let socket = dir.path().join("s.sock");
        let replace = |text: &str| {
            text.replace(SOCKET, &socket.to_string_lossy())
                .replace(DIR, &dir.path().to_string_lossy())
        };
        let mut command = process::command(&self.exe);
        command
            .args(self.args.iter().map(|arg| replace(arg)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if !self.own_sockets && !self.args.iter().any(|arg| arg.contains(SOCKET)) {
            command
                .arg(OsStr::new("--socket-path"))
                .arg(socket.as_os_str());
        }
        for (name, value) in &self.env {
            command.env(name, replace(value));
        }
        let mut child = command
            .spawn()
            .map_err(Error::os("cannot start the daemon"))?;
        let log = Arc::new(Mutex::new(Vec::new()));
        let reader = child.stderr.take().map(|mut pipe| {
            let log = log.clone();
            std::thread::spawn(move || {
                let mut chunk = [0; 4096];
                while let Ok(n @ 1..) = pipe.read(&mut chunk) {
                    let mut log = log.lock().expect("not poisoned");
                    if log.len() < MAX_LOG {
                        log.extend_from_slice(&chunk[..n]);
                    }
                }
            })
        });
        let mut daemon = Daemon {
            child,
            paths: vec![socket.clone()],
            log,
            reader,
            status: None,
            dir,
        };
        if self.wait {
            daemon.await_sockets(&socket, self.sockets)?;
        }
        Ok(daemon)
    }
}

impl Daemon {
    /// Starts `exe` and waits until it listens.
    ///
    /// `{socket}` in an argument is replaced by the socket's path, `{dir}` by a directory that
    /// lives as long as the daemon; if no argument has the former, `--socket-path` is added. A
    /// daemon that appends a number to the path (`-c`) is recognised.
    pub fn spawn(exe: impl AsRef<Path>, args: &[&str]) -> Result<Self, Error> {
        Self::builder(exe).args(args).spawn()
    }

    /// More settings than [`Daemon::spawn`] has.
    pub fn builder(exe: impl AsRef<Path>) -> DaemonBuilder {
        DaemonBuilder {
            exe: exe.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            sockets: 1,
            own_sockets: false,
            wait: true,
        }
    }

    fn await_sockets(&mut self, socket: &Path, count: usize) -> Result<(), Error> {
        let numbered: Vec<_> = (0..count)
            .map(|i| {
                let mut name = socket.as_os_str().to_owned();
                name.push(i.to_string());
                PathBuf::from(name)
            })
            .collect();
        let end = Instant::now() + START;
        loop {
            if numbered.iter().all(|path| process::listens(path)) {
                self.paths = numbered;
                return Ok(());
            }
            if count == 1 && process::listens(socket) {
                return Ok(());
            }
            if let Some(status) = self.exit_status() {
                self.join_reader();
                return Err(Error::Protocol(format!(
                    "it ended with {status} instead of listening; it said: {}",
                    self.stderr()
                )));
            }
            if Instant::now() >= end {
                return Err(Error::Timeout {
                    what: format!("a listening socket; the daemon said: {}", self.stderr()),
                    timeout: START,
                });
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The first socket.
    pub fn path(&self) -> &Path {
        &self.paths[0]
    }

    /// The `index`th socket of a daemon with several.
    pub fn socket(&self, index: usize) -> &Path {
        &self.paths[index]
    }

    /// The daemon's private directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process, to look at.
    pub fn process(&self) -> Result<process::Process, Error> {
        process::Process::new(self.pid()).map_err(Error::os("cannot look at the daemon"))
    }

    /// Boots a guest with default settings on the first socket.
    pub fn guest(&self) -> Result<Guest, Error> {
        Guest::connect(self.path())
    }

    /// What it has said so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().expect("not poisoned")).into_owned()
    }

    /// How it ended, if it did.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status
    }

    /// Waits until it ends of its own accord.
    pub fn wait_exit(&mut self, timeout: Duration) -> Result<ExitStatus, Error> {
        let end = Instant::now() + timeout;
        loop {
            if let Some(status) = self.exit_status() {
                self.join_reader();
                return Ok(status);
            }
            if Instant::now() >= end {
                return Err(Error::Timeout {
                    what: "the end of the daemon".into(),
                    timeout,
                });
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) -> Result<(), Error> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).map_err(Error::os("cannot signal the daemon"))
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(&mut self, timeout: Duration) -> Result<ExitStatus, Error> {
        self.signal(rustix::process::Signal::TERM)?;
        self.wait_exit(timeout)
    }

    fn join_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // One that is killed at once could not write down what it ran, for the coverage report.
        if self.exit_status().is_none() && self.terminate(PATIENCE).is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
