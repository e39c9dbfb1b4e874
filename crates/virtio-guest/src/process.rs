// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What `/proc` says about a daemon.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

/// Bytes of a process that are in memory, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resident {
    /// Private memory (RssAnon).
    pub anonymous: u64,
    /// Program and library pages (RssFile).
    pub file: u64,
    /// Shared memory, mostly the guest's (RssShmem).
    pub shared: u64,
}

/// A process, known by its id and its start time, so that a successor with the same id is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    pid: u32,
    started: u64,
}

impl Process {
    /// The process with this id.
    pub fn new(pid: u32) -> io::Result<Self> {
        let started = stat_field(pid, START_TIME)?;
        Ok(Self { pid, started })
    }

    /// Its id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it still runs, and is no zombie.
    pub fn is_alive(&self) -> bool {
        let Ok(fields) = stat(self.pid) else {
            return false;
        };
        !matches!(fields[0].as_str(), "Z" | "X")
            && fields
                .get(START_TIME)
                .and_then(|field| field.parse().ok())
                .is_some_and(|started: u64| started == self.started)
    }

    /// User and system time so far, in the kernel's ticks (10 ms as a rule).
    pub fn cpu_ticks(&self) -> io::Result<Duration> {
        let ticks = stat_field(self.pid, USER_TIME)? + stat_field(self.pid, SYSTEM_TIME)?;
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_nanos(ticks * 1_000_000_000 / per_second))
    }

    /// Time on a CPU so far, to the nanosecond, of the threads that live now. Where the kernel
    /// does not count that, [`Process::cpu_ticks`].
    pub fn cpu_time(&self) -> io::Result<Duration> {
        let mut sum = 0;
        for thread in fs::read_dir(self.path("task"))? {
            let path = thread?.path().join("schedstat");
            // A thread may end between the listing and the look.
            let Ok(text) = fs::read_to_string(path) else {
                continue;
            };
            sum += text
                .split_whitespace()
                .next()
                .and_then(|field| field.parse::<u64>().ok())
                .unwrap_or(0);
        }
        if sum == 0 {
            return self.cpu_ticks();
        }
        Ok(Duration::from_nanos(sum))
    }

    /// What it holds in memory.
    pub fn resident(&self) -> io::Result<Resident> {
        let status = fs::read_to_string(self.path("status"))?;
        let bytes = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
                .map_or(0, |kib| kib * 1024)
        };
        Ok(Resident {
            anonymous: bytes("RssAnon"),
            file: bytes("RssFile"),
            shared: bytes("RssShmem"),
        })
    }

    /// Number of open descriptors.
    pub fn fds(&self) -> io::Result<usize> {
        Ok(fs::read_dir(self.path("fd"))?.count())
    }

    /// What the open descriptors are, for a report on a leak.
    pub fn fd_targets(&self) -> io::Result<Vec<String>> {
        let mut targets: Vec<_> = fs::read_dir(self.path("fd"))?
            .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .map(|target| target.to_string_lossy().into_owned())
            .collect();
        targets.sort();
        Ok(targets)
    }

    /// Number of threads.
    pub fn threads(&self) -> io::Result<usize> {
        Ok(fs::read_dir(self.path("task"))?.count())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.pid))
    }
}

// Counted from the state, which is the third field of proc(5) and the first behind the name.
const USER_TIME: usize = 14 - 3;
const SYSTEM_TIME: usize = 15 - 3;
const START_TIME: usize = 22 - 3;

fn stat(pid: u32) -> io::Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold spaces and parentheses of its own.
    let (_, rest) = text.rsplit_once(')').unwrap_or_default();
    let fields: Vec<_> = rest.split_whitespace().map(str::to_owned).collect();
    if fields.len() <= START_TIME {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(fields)
}

fn stat_field(pid: u32, field: usize) -> io::Result<u64> {
    stat(pid)?[field]
        .parse()
        .map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Whether a Unix socket listens on `path`, without connecting to it: a connection would count as a
/// frontend.
pub fn listens(path: &Path) -> bool {
    /// SO_ACCEPTCON among the flags of /proc/net/unix.
    const ACCEPTS: u32 = 1 << 16;
    let Ok(table) = fs::read_to_string("/proc/net/unix") else {
        return false;
    };
    let wanted = path.to_string_lossy();
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace();
        let flags = fields.nth(3).and_then(|f| u32::from_str_radix(f, 16).ok());
        flags.is_some_and(|flags| flags & ACCEPTS != 0) && fields.nth(3) == Some(&*wanted)
    })
}

/// What programs of this code's target are run by, if not by the kernel.
pub fn emulator() -> Option<String> {
    let libc = if cfg!(target_env = "musl") {
        "MUSL"
    } else {
        "GNU"
    };
    // The target's name has the architecture's extensions in it.
    let arch = match std::env::consts::ARCH {
        "riscv64" => "RISCV64GC".to_owned(),
        arch => arch.to_uppercase(),
    };
    let variable = format!("CARGO_TARGET_{arch}_UNKNOWN_LINUX_{libc}_RUNNER");
    std::env::var(variable)
        .ok()
        .filter(|runner| !runner.is_empty())
}

/// The command that runs `program`, which was built for the same target as this code.
///
/// Under an emulator the kernel does not run such a program by itself. Cargo's setting for that,
/// `CARGO_TARGET_<TARGET>_RUNNER` in the environment, is what started the caller; it is put in front
/// of `program`, too.
///
/// If `VHOST_DEVICE_BIN_DIR` is set and `program` is what cargo built for the running test, the one
/// of the same name in that folder is meant: so a package is tested as it is installed.
pub fn command(program: impl AsRef<Path>) -> Command {
    let program = program.as_ref();
    let program = std::env::var_os(INSTALLED)
        .zip(std::env::current_exe().ok())
        .and_then(|(folder, test)| installed(program, Path::new(&folder), &test))
        .unwrap_or_else(|| program.to_owned());
    let runner = emulator().unwrap_or_default();
    let mut words = runner.split_whitespace();
    match words.next() {
        Some(emulator) => {
            let mut command = Command::new(emulator);
            command.args(words).arg(program);
            command
        }
        None => Command::new(program),
    }
}

/// Waits until `child` has ended. One that takes longer is killed, and that is an error.
pub fn wait(child: &mut Child, timeout: Duration) -> io::Result<ExitStatus> {
    let end = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Err(late(timeout));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs `command` and collects what it says, as [`Command::output`] does; but one that does not end
/// in time is killed, and that is an error. So is one whose children keep its output for longer.
pub fn output(command: &mut Command, timeout: Duration) -> io::Result<Output> {
    let end = Instant::now() + timeout;
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    let status = wait(&mut child, timeout)?;
    let all = |stream: Option<mpsc::Receiver<io::Result<Vec<u8>>>>| match stream {
        Some(stream) => stream
            .recv_timeout(end.saturating_duration_since(Instant::now()))
            .unwrap_or_else(|_| Err(late(timeout))),
        None => Ok(Vec::new()),
    };
    Ok(Output {
        status,
        stdout: all(stdout)?,
        stderr: all(stderr)?,
    })
}

fn collect(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let done = stream.read_to_end(&mut bytes).map(|_| bytes);
        let _ = sender.send(done);
    });
    receiver
}

fn late(timeout: Duration) -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        format!("the program did not end within {timeout:?}"),
    )
}

/// Names a folder of installed daemons.
const INSTALLED: &str = "VHOST_DEVICE_BIN_DIR";

/// The program in `folder` that stands for `built`, if cargo built that for the program `test`. Any
/// other (one that measurements compare with, say) is meant as it is.
fn installed(built: &Path, folder: &Path, test: &Path) -> Option<PathBuf> {
    let deps = test.parent().filter(|folder| folder.ends_with("deps"))?;
    let name = built.file_name()?;
    (built.parent() == deps.parent()).then(|| folder.join(name))
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, process};

    use super::*;

    #[test]
    fn this_process_lives_uses_memory_and_has_threads_and_descriptors() {
        let me = Process::new(process::id()).unwrap();
        assert!(me.is_alive());
        assert!(me.resident().unwrap().anonymous > 0);
        assert!(me.threads().unwrap() >= 1);
        assert!(me.fds().unwrap() >= 3);
        assert!(me.cpu_ticks().is_ok());
        assert!(me.cpu_time().is_ok());
    }

    #[test]
    fn a_finished_child_is_not_alive() {
        let mut child = process::Command::new("true").spawn().unwrap();
        let known = Process::new(child.id()).unwrap();
        child.wait().unwrap();
        assert!(!known.is_alive());
    }

    #[test]
    fn only_what_was_built_for_the_test_is_looked_for_among_the_installed() {
        let test = Path::new("/t/debug/deps/socket-0123");
        let chosen = |built: &str, test| installed(Path::new(built), Path::new("/usr/bin"), test);
        assert_eq!(chosen("/t/debug/d", test), Some("/usr/bin/d".into()));
        assert_eq!(chosen("/t/release/d", test), None);
        assert_eq!(chosen("/t/debug/d", Path::new("/t/debug/xtask")), None);
    }

    #[test]
    fn a_program_that_ends_is_heard() {
        let mut command = process::Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);

        let heard = output(&mut command, Duration::from_secs(60)).unwrap();

        assert_eq!(heard.status.code(), Some(3));
        assert_eq!(heard.stdout, b"out\n");
        assert_eq!(heard.stderr, b"err\n");
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let mut child = process::Command::new("sleep").arg("600").spawn().unwrap();
        let known = Process::new(child.id()).unwrap();

        let error = wait(&mut child, Duration::ZERO).unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(!known.is_alive());
    }

    #[test]
    fn a_child_that_keeps_its_parents_output_is_not_waited_for() {
        let mut command = process::Command::new("sh");
        command.args(["-c", "sleep 5 & echo begun"]);

        let error = output(&mut command, Duration::from_secs(1)).unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_listening_socket_is_seen_and_a_stale_file_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        assert!(!listens(&path));
        let listener = UnixListener::bind(&path).unwrap();
        assert!(listens(&path));
        drop(listener);
        // A child of another test may hold it for the moment between fork and exec.
        let end = Instant::now() + Duration::from_secs(20);
        while listens(&path) {
            assert!(Instant::now() < end, "it still listens");
            std::thread::yield_now();
        }
    }
}
