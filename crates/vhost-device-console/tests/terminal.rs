// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The daemon on a real terminal: a pseudo-terminal of which the test is the master.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use vhost_device_console::spec;
use virtio_guest::{Guest, process};

const TIMEOUT: Duration = Duration::from_secs(30);

const RX: u16 = 0;
const TX: u16 = 1;

/// A terminal with the daemon on it.
struct Session {
    master: File,
    slave: OwnedFd,
    child: Child,
    directory: tempfile::TempDir,
}

impl Session {
    fn start() -> Self {
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
        let directory = tempfile::tempdir().unwrap();
        let child = process::command(env!("CARGO_BIN_EXE_vhost-device-console"))
            .args(["--log-level", "off", "--socket-path"])
            .arg(directory.path().join("s"))
            .stdin(Stdio::from(open()))
            .stdout(Stdio::from(open()))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let session = Self {
            master: master.into(),
            slave: open().into(),
            child,
            directory,
        };
        session.until("raw mode", |session| session.is_raw());
        session.until("a socket", |session| process::listens(&session.socket()));
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

    fn wait(&mut self) {
        let end = Instant::now() + TIMEOUT;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "the daemon did not end");
            std::thread::sleep(Duration::from_millis(2));
        }
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
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let mut session = Session::start();

        session.signal(signal);
        session.wait();

        assert!(!session.is_raw(), "{signal:?}");
    }
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
