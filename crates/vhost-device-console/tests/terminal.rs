// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The daemon on a real terminal: a pseudo-terminal of which the test is the master.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};
use vhost_device_console::{Console, ConsoleWorker, Host, PortConfig, Settings, spec};
use vhost_user_daemon::{Endpoint, Serving, Shutdown, Tuning};
use virtio_device::{Device, Identity, QueueSpec, Queues, Sources, Token, Worker};
use virtio_guest::{Daemon, Guest, process};
use zerocopy::IntoBytes;

const TIMEOUT: Duration = Duration::from_secs(30);

const RX: u16 = 0;
const TX: u16 = 1;

/// Set for a copy of this program that is to panic with a raw terminal.
const PANICS: &str = "CONSOLE_TEST_PANICS";

/// How that one ends.
const PANICKED: i32 = 77;

fn daemon() -> Command {
    let mut daemon = process::command(env!("CARGO_BIN_EXE_vhost-device-console"));
    daemon.args(["--log-level", "off"]);
    daemon
}

/// A terminal with the daemon on it.
struct Session {
    master: File,
    slave: OwnedFd,
    child: Child,
    directory: tempfile::TempDir,
}

impl Session {
    /// The daemon, listening for guests.
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut daemon = daemon();
        daemon
            .arg("--socket-path")
            .arg(directory.path().join("s"))
            .stderr(Stdio::null());
        let session = Self::run(daemon, directory);
        session.until("a socket", |session| process::listens(&session.socket()));
        session
    }

    /// Any program that makes its terminal raw.
    fn run(mut program: Command, directory: tempfile::TempDir) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let open = || {
            use std::os::unix::fs::OpenOptionsExt;
            File::options()
                .read(true)
                .write(true)
                .custom_flags(rustix::fs::OFlags::NOCTTY.bits() as i32)
                .open(Path::new(name.to_str().unwrap()))
                .unwrap()
        };
        set_size(&master, 80, 24);
        let child = program
            .stdin(Stdio::from(open()))
            .stdout(Stdio::from(open()))
            .spawn()
            .unwrap();
        let session = Self {
            master: master.into(),
            slave: open().into(),
            child,
            directory,
        };
        session.until("raw mode", |session| session.is_raw());
        session
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("s0")
    }

    fn guest(&self) -> Guest {
        Guest::builder(self.socket())
            .timeout(TIMEOUT)
            .boot()
            .unwrap()
    }

    fn is_raw(&self) -> bool {
        let modes = tcgetattr(&self.slave).unwrap().local_modes;
        !modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + TIMEOUT;
        while !holds(self) {
            assert!(Instant::now() < end, "{what}: not within {TIMEOUT:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// For those that have no name.
    fn signal_by_number(&self, signal: i32) {
        let kill = format!("kill -{signal} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(status.success(), "{kill}: {status}");
    }

    fn wait(&mut self) -> ExitStatus {
        process::wait(&mut self.child, TIMEOUT).unwrap()
    }

    /// Closes the terminal's other end, as a window or a connection that goes away does. No signal
    /// comes with it: the terminal controls no session.
    fn hang_up(&mut self) {
        self.master = File::open("/dev/null").unwrap();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn set_size(fd: &impl std::os::fd::AsFd, cols: u16, rows: u16) {
    let size = Winsize {
        ws_col: cols,
        ws_row: rows,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(fd, size).unwrap();
}

#[test]
fn control_c_goes_to_the_guest_and_output_to_the_terminal() {
    let mut session = Session::start();
    let mut guest = session.guest();

    session.master.write_all(b"\x03").unwrap();
    let typed = guest.queue(RX).request(&[], &[16]).unwrap();
    guest.queue(TX).request(&[b"login:"], &[]).unwrap();
    let mut shown = [0; 6];
    session.master.read_exact(&mut shown).unwrap();

    assert_eq!(typed.data(), b"\x03");
    assert_eq!(&shown, b"login:");
    assert!(session.child.try_wait().unwrap().is_none());
}

#[test]
fn every_signal_that_ends_the_daemon_restores_the_terminal() {
    for signal in [
        Signal::TERM,
        Signal::INT,
        Signal::HUP,
        Signal::QUIT,
        Signal::ALARM,
        Signal::USR1,
        Signal::USR2,
        Signal::XCPU,
        Signal::VTALARM,
        Signal::PROF,
        Signal::IO,
        Signal::POWER,
        Signal::STKFLT,
    ] {
        let mut session = Session::start();

        session.signal(signal);
        // As a service manager does, for the case that it was stopped.
        session.signal(Signal::CONT);
        session.wait();

        assert!(!session.is_raw(), "{signal:?}");
    }
}

#[test]
fn every_real_time_signal_restores_the_terminal_and_ends_the_daemon() {
    // The first that no C library keeps to itself, one in the middle, and the last. An emulator moves
    // them to make room for its own, so that there only the one in the middle is sure to arrive.
    let signals: &[i32] = match process::emulator() {
        Some(_) => &[50],
        None => &[35, 50, 64],
    };
    for signal in signals {
        let mut session = Session::start();

        session.signal_by_number(*signal);
        let status = session.wait();

        assert!(!session.is_raw(), "{signal}: {status}");
    }
}

#[test]
fn a_daemon_that_goes_on_after_a_stop_makes_its_terminal_raw_again() {
    let mut session = Session::start();
    let raw = tcgetattr(&session.slave).unwrap();
    let mut cooked = raw.clone();
    cooked.local_modes |= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;

    // What a shell does meanwhile.
    tcsetattr(&session.slave, OptionalActions::Now, &cooked).unwrap();
    session.signal(Signal::CONT);
    session.until("raw mode", |session| session.is_raw());
    session.signal(Signal::TERM);
    session.wait();

    assert!(!session.is_raw());
}

#[test]
fn the_end_of_the_only_guest_restores_the_terminal() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let daemon = daemon();
    // Only what is not standard error any more can be a frontend's socket.
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "exec \"$@\" --fd 3 3>&2 2>/dev/null", "sh"])
        .arg(daemon.get_program())
        .args(daemon.get_args())
        .stderr(Stdio::from(OwnedFd::from(theirs)));
    let mut session = Session::run(shell, tempfile::tempdir().unwrap());
    let guest = Guest::unconnected().timeout(TIMEOUT).boot_on(ours).unwrap();
    let raw = session.is_raw();

    drop(guest);
    let status = session.wait();

    assert!(raw);
    assert!(status.success(), "{status}");
    assert!(!session.is_raw());
}

/// Two programs in one: this test, and the one that it starts, which serves the terminal and panics.
#[test]
fn a_panic_restores_the_terminal() {
    if let Some(parent) = std::env::var_os(PANICS) {
        serve_the_terminal_and_panic(Path::new(&parent));
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("parent");
    let parent = UnixListener::bind(&path).unwrap();
    let mut program = process::command(std::env::current_exe().unwrap());
    program
        .args(["--exact", "a_panic_restores_the_terminal", "--nocapture"])
        .env(PANICS, &path)
        .stderr(Stdio::null());
    let mut session = Session::run(program, directory);

    drop(parent);
    let status = session.wait();

    assert_eq!(status.code(), Some(PANICKED), "{status}");
    assert!(!session.is_raw());
}

fn console_on_this_terminal() -> Console {
    let port = PortConfig {
        name: None,
        console: true,
        host: Host::terminal(None).unwrap(),
    };
    Console::new(vec![port], Settings::default()).unwrap()
}

/// Panics once `parent`, which saw the raw terminal, does not listen any more.
fn serve_the_terminal_and_panic(parent: &Path) -> ! {
    let mut parent = UnixStream::connect(parent).unwrap();
    let (frontend, socket) = UnixStream::pair().unwrap();
    let serving = Serving::start(
        vec![console_on_this_terminal()],
        vec![Endpoint::Connected(socket)],
        Tuning::default(),
        &Shutdown::new().unwrap(),
    );
    let _ = parent.read(&mut [0]);
    let panicked = std::thread::spawn(|| panic!("what becomes of the terminal?")).join();
    // Nothing is dropped, so that nothing but the panic can have restored it.
    std::mem::forget((serving, frontend));
    std::process::exit(if panicked.is_err() { PANICKED } else { 1 });
}

/// As above: a console whose worker panics is served to one guest after the other.
#[test]
fn a_terminal_is_raw_again_after_a_panic_that_ended_one_guest_only() {
    if let Some(socket) = std::env::var_os(PANICS) {
        serve_the_terminal_by_a_worker_that_panics(Path::new(&socket));
    }
    let directory = tempfile::tempdir().unwrap();
    let mut program = process::command(std::env::current_exe().unwrap());
    program
        .args([
            "--exact",
            "a_terminal_is_raw_again_after_a_panic_that_ended_one_guest_only",
            "--nocapture",
        ])
        .env(PANICS, directory.path().join("s0"))
        .stderr(Stdio::null());
    let mut session = Session::run(program, directory);
    session.until("a socket", |session| process::listens(&session.socket()));
    let mut first = session.guest();
    first.queue(TX).post(&[b"!"], &[]).unwrap();
    first.queue(TX).kick().unwrap();
    let end = Instant::now() + TIMEOUT;
    while first.frontend().sync().is_ok() {
        assert!(Instant::now() < end, "the first guest is still served");
    }

    let mut second = session.guest();
    second.queue(TX).request(&[b"shown"], &[]).unwrap();
    // Behind what the test program itself says.
    let mut shown = Vec::new();
    while !shown.ends_with(b"shown") {
        let mut byte = [0];
        session.master.read_exact(&mut byte).unwrap();
        shown.extend(byte);
    }

    assert!(session.is_raw());
}

/// Until it is killed.
fn serve_the_terminal_by_a_worker_that_panics(socket: &Path) -> ! {
    let listener = UnixListener::bind(socket).unwrap();
    listener.set_nonblocking(true).unwrap();
    let endpoint = Endpoint::Listening {
        path: None,
        listener,
    };
    let _serving = Serving::start(
        vec![Panics(console_on_this_terminal(), AtomicBool::new(true))],
        vec![endpoint],
        Tuning::default(),
        &Shutdown::new().unwrap(),
    );
    loop {
        std::thread::park();
    }
}

/// A console whose first worker panics when it is to send.
struct Panics(Console, AtomicBool);

struct PanicsOnce(ConsoleWorker, bool);

impl Device for Panics {
    type Worker = PanicsOnce;

    fn identity(&self) -> Identity {
        self.0.identity()
    }

    fn queues(&self) -> &[QueueSpec] {
        self.0.queues()
    }

    fn worker(&self, index: usize) -> std::io::Result<PanicsOnce> {
        let panics = self.1.swap(false, Ordering::Relaxed);
        Ok(PanicsOnce(self.0.worker(index)?, panics))
    }
}

impl Worker for PanicsOnce {
    fn sources(&mut self, sources: &mut Sources) -> std::io::Result<()> {
        self.0.sources(sources)
    }

    fn kicked(&mut self, queue: u16, queues: &mut Queues<'_>) {
        let sends = queue == TX && queues.get(TX).is_some_and(|queue| queue.peek().is_some());
        assert!(!(self.1 && sends), "what becomes of the terminal?");
        self.0.kicked(queue, queues);
    }

    fn ready(&mut self, token: Token, queues: &mut Queues<'_>) {
        self.0.ready(token, queues);
    }
}

#[test]
fn what_was_typed_and_not_taken_moves_with_the_guest_to_another_kind_of_backend() {
    let mut session = Session::start();
    let args = ["--backend", "uds", "--path", "{dir}/console"];
    let new = Daemon::spawn(env!("CARGO_BIN_EXE_vhost-device-console"), &args).unwrap();
    let mut guest = session.guest();
    guest.queue(RX).post(&[], &[1]).unwrap();
    guest.queue(RX).kick().unwrap();
    session.master.write_all(b"+typed").unwrap();
    let first = guest.queue(RX).wait(TIMEOUT).unwrap();

    let mut guest = guest.migrate(new.path()).unwrap();
    let got = guest.queue(RX).request(&[], &[64]).unwrap();

    assert_eq!(first.data(), b"+");
    assert_eq!(got.data(), b"typed");
}

#[test]
fn the_escape_sequence_restores_the_terminal_and_the_guest_goes_on() {
    let mut session = Session::start();
    let mut guest = session.guest();

    session.master.write_all(b"\x1dq").unwrap();
    session.until("the terminal's old mode", |session| !session.is_raw());
    guest.queue(TX).request(&[b"meanwhile"], &[]).unwrap();
    session.signal(Signal::CONT);
    let mut shown = [0; 9];
    session.master.read_exact(&mut shown).unwrap();

    assert_eq!(&shown, b"meanwhile");
    assert!(session.is_raw());
}

#[test]
fn the_terminals_size_reaches_the_guest_and_its_changes_too() {
    let session = Session::start();
    let guest = Guest::builder(session.socket())
        .timeout(TIMEOUT)
        .features(spec::VIRTIO_CONSOLE_F_SIZE)
        .boot()
        .unwrap();
    let first = guest.get_config(0, 4).unwrap();
    let mut channel = guest.open_channel().unwrap();

    set_size(&session.master, 100, 50);
    session.signal(Signal::WINCH);

    assert_eq!(guest.features() & spec::VIRTIO_CONSOLE_F_SIZE, 1);
    assert_eq!(first, [80, 0, 24, 0]);
    let mut message = [0; 12];
    channel.read_exact(&mut message).unwrap();

    assert_eq!(message[..4], 2u32.to_ne_bytes(), "CONFIG_CHANGE");
    assert_eq!(guest.get_config(0, 4).unwrap(), [100, 0, 50, 0]);
}

fn control(event: u16, value: u16) -> Vec<u8> {
    let control = spec::Control {
        id: 0.into(),
        event: event.into(),
        value: value.into(),
    };
    control.as_bytes().to_vec()
}

fn say(guest: &mut Guest, event: u16, value: u16) {
    let message = control(event, value);
    let queue = guest.queue(spec::CONTROL_TX);
    queue.request(&[&message], &[]).unwrap();
}

fn hear(guest: &mut Guest) -> Vec<u8> {
    let queue = guest.queue(spec::CONTROL_RX);
    queue.request(&[], &[64]).unwrap().data()
}

#[test]
fn a_terminal_that_hangs_up_closes_and_removes_its_port_for_good() {
    let mut session = Session::start();
    let mut guest = Guest::builder(session.socket())
        .timeout(TIMEOUT)
        .features(spec::VIRTIO_CONSOLE_F_MULTIPORT)
        .boot()
        .unwrap();
    say(&mut guest, spec::DEVICE_READY, 1);
    assert_eq!(hear(&mut guest), control(spec::PORT_ADD, 1));
    say(&mut guest, spec::PORT_READY, 1);
    assert_eq!(hear(&mut guest), control(spec::CONSOLE_PORT, 1));
    assert_eq!(hear(&mut guest)[..6], control(spec::RESIZE, 0)[..6]);
    assert_eq!(hear(&mut guest), control(spec::PORT_OPEN, 1));

    session.hang_up();

    assert_eq!(hear(&mut guest), control(spec::PORT_OPEN, 0));
    assert_eq!(hear(&mut guest), control(spec::PORT_REMOVE, 0));
    // Neither the port's queues nor a driver that begins anew are trouble, and there is no port.
    guest.queue(TX).request(&[b"to nobody"], &[]).unwrap();
    let message = guest.queue(spec::CONTROL_RX).post(&[], &[64]).unwrap();
    guest.queue(spec::CONTROL_RX).kick().unwrap();
    say(&mut guest, spec::DEVICE_READY, 1);
    say(&mut guest, spec::PORT_READY, 1);
    guest.frontend().sync().unwrap();
    let queue = guest.queue(spec::CONTROL_RX);
    assert_eq!(queue.poll_used().unwrap(), None, "{message:?}");
    assert!(session.child.try_wait().unwrap().is_none());
}
