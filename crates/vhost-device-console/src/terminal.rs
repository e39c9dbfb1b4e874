// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The terminal that this program was started on, as a console of one guest.
//!
//! It is in raw mode while it is attached. Whatever ends the program restores it: the orderly end
//! drops the [`Terminal`], a thread sees to the signals that end a program otherwise, a hook to panics.
//! Only SIGKILL and crashes cannot be seen to; a signal that a crash has (SIGSEGV, SIGBUS, SIGILL, SIGFPE,
//! SIGABRT, SIGTRAP, SIGSYS) counts as one, whoever sends it.

use std::io;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::process::Signal;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use signal_hook::consts::{
    SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGWINCH, SIGXCPU,
};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

/// Signals that end the program, and that somebody may send; SIGXCPU is the kernel's, at the limit of
/// CPU time.
const ENDS: [i32; 10] = [
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGVTALRM, SIGPROF,
];

/// The same, but signal-hook does not know that these end a program, and cannot end it by them.
const ENDS_OTHERWISE: [i32; 3] = [
    Signal::IO.as_raw(),
    Signal::POWER.as_raw(),
    Signal::STKFLT.as_raw(),
];

/// And all of these, as the kernel counts them. The C library keeps the first two (glibc) or three
/// (musl) to itself, and refuses handlers for them.
const REAL_TIME: RangeInclusive<i32> = 32..=64;

/// What to restore, for whoever comes first.
static SAVED: Mutex<Option<(OwnedFd, Termios)>> = Mutex::new(None);

/// A signal ends the program. Nothing makes the terminal raw any more: a stopped program that is to end
/// gets SIGCONT right behind that signal.
static ENDING: AtomicBool = AtomicBool::new(false);

static WATCH: Once = Once::new();

fn restore() {
    let saved = SAVED.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((fd, termios)) = saved {
        let _ = tcsetattr(&fd, OptionalActions::Now, &termios);
    }
}

/// Standard input and output.
#[derive(Debug)]
pub(crate) struct Terminal {
    input: OwnedFd,
    output: OwnedFd,
    is_terminal: bool,
    escape: Escape,
    /// Readable after SIGWINCH, or SIGCONT, by which a suspended or detached program comes back.
    signals: UnixStream,
}

impl Terminal {
    pub(crate) fn open(escape: Option<u8>) -> io::Result<Self> {
        let (signals, theirs) = UnixStream::pair()?;
        signals.set_nonblocking(true)?;
        low_level::pipe::register(SIGWINCH, theirs.try_clone()?)?;
        low_level::pipe::register(SIGCONT, theirs)?;
        let input = reopen(rustix::stdio::stdin(), OFlags::RDONLY)?;
        let output = reopen(rustix::stdio::stdout(), OFlags::WRONLY)?;
        Ok(Self {
            is_terminal: rustix::termios::isatty(&input),
            input,
            output,
            escape: Escape::new(escape),
            signals,
        })
    }

    /// Makes the terminal raw, if it is one, and gives its two ends.
    pub(crate) fn attach(&mut self) -> io::Result<(OwnedFd, OwnedFd)> {
        if self.is_terminal {
            self.raw()?;
        }
        Ok((self.input.try_clone()?, self.output.try_clone()?))
    }

    /// A shell that had the terminal while this program was stopped left it in its own mode.
    pub(crate) fn stay_raw(&self) {
        if self.is_terminal
            && let Err(error) = self.raw()
        {
            log::warn!("cannot make the terminal raw again: {error}");
        }
    }

    fn raw(&self) -> io::Result<()> {
        watch_for_the_end()?;
        let mut saved = SAVED.lock().unwrap_or_else(PoisonError::into_inner);
        if ENDING.load(Ordering::SeqCst) {
            return Ok(());
        }
        let before = match saved.take() {
            Some((_, before)) => before,
            None => tcgetattr(&self.input)?,
        };
        let mut raw = before.clone();
        raw.make_raw();
        // Log lines come out on the same terminal.
        raw.output_modes = before.output_modes;
        let fd = self.input.try_clone()?;
        *saved = Some((fd, before));
        Ok(tcsetattr(&self.input, OptionalActions::Now, &raw)?)
    }

    pub(crate) fn detach(&mut self) {
        restore();
        self.escape.pending = false;
        if self.is_terminal {
            log::info!(
                "detached from the terminal; the guest goes on. SIGCONT (Ctrl-Z, fg) attaches again"
            );
        }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    pub(crate) fn signals(&self) -> &UnixStream {
        &self.signals
    }

    pub(crate) fn size(&self) -> Option<(u16, u16)> {
        let size = tcgetwinsize(&self.output)
            .or_else(|_| tcgetwinsize(&self.input))
            .ok()?;
        Some((size.ws_col, size.ws_row))
    }

    /// Takes the escape sequences out of what was typed.
    pub(crate) fn typed(&mut self, bytes: &[u8], pass: impl FnMut(u8)) -> bool {
        if !self.is_terminal {
            bytes.iter().copied().for_each(pass);
            return false;
        }
        self.escape.filter(bytes, pass)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Another open file of the same thing, so that the non-blocking mode is not the shell's, too.
fn reopen(fd: rustix::fd::BorrowedFd<'_>, mode: OFlags) -> io::Result<OwnedFd> {
    let stat = rustix::fs::fstat(fd)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::CharacterDevice | FileType::Fifo => {
            use std::os::fd::AsRawFd;
            let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
            let flags = mode | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            match rustix::fs::open(path, flags, Mode::empty()) {
                Ok(fd) => Ok(fd),
                // The terminal of another user, after su.
                Err(_) => nonblocking(fd),
            }
        }
        // Has an offset of its own, and never blocks.
        FileType::RegularFile => Ok(fd.as_fd().try_clone_to_owned()?),
        _ => nonblocking(fd),
    }
}

fn nonblocking(fd: rustix::fd::BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let fd = fd.as_fd().try_clone_to_owned()?;
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    rustix::fs::fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
    Ok(fd)
}

fn watch_for_the_end() -> io::Result<()> {
    let mut result = Ok(());
    WATCH.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            before(info);
        }));
        result = watched().and_then(|mut signals| {
            std::thread::Builder::new()
                .name("terminal".to_owned())
                .spawn(move || {
                    for signal in signals.forever() {
                        ENDING.store(true, Ordering::SeqCst);
                        restore();
                        end_by(signal);
                    }
                })
                .map(drop)
        });
    });
    result
}

fn watched() -> io::Result<Signals> {
    let signals = Signals::new(ENDS.iter().chain(&ENDS_OTHERWISE))?;
    for signal in REAL_TIME {
        // One that the C library uses is none that somebody may send.
        let _ = signals.add_signal(signal);
    }
    Ok(signals)
}

fn end_by(signal: i32) {
    match signal {
        // The daemon sees to these itself.
        SIGINT | SIGTERM => {}
        _ if ENDS.contains(&signal) => {
            let _ = low_level::emulate_default_handler(signal);
        }
        // The status that a shell gives to a program that a signal ended.
        _ => low_level::exit(128 + signal),
    }
}

/// The escape sequences: the escape character, then one of these.
///
/// | typed | what happens |
/// |---|---|
/// | `q`, `.` | the terminal is detached |
/// | the escape character | goes to the guest |
/// | anything else | goes to the guest, with the escape character before it |
#[derive(Debug)]
struct Escape {
    character: Option<u8>,
    pending: bool,
}

impl Escape {
    fn new(character: Option<u8>) -> Self {
        Self {
            character,
            pending: false,
        }
    }

    /// Returns true where the terminal is to be detached. What was typed after that is dropped: it
    /// was not for the guest.
    fn filter(&mut self, bytes: &[u8], mut pass: impl FnMut(u8)) -> bool {
        for &byte in bytes {
            if !std::mem::take(&mut self.pending) {
                if Some(byte) == self.character {
                    self.pending = true;
                } else {
                    pass(byte);
                }
                continue;
            }
            match byte {
                b'q' | b'.' => return true,
                _ if Some(byte) == self.character => pass(byte),
                _ => {
                    self.character.into_iter().for_each(&mut pass);
                    pass(byte);
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESCAPE: u8 = 0x1d;

    fn typed(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let mut escape = Escape::new(Some(ESCAPE));
        let mut passed = Vec::new();
        let detached = pieces
            .iter()
            .any(|piece| escape.filter(piece, |byte| passed.push(byte)));
        (passed, detached)
    }

    #[test]
    fn control_c_goes_to_the_guest() {
        assert_eq!(typed(&[b"a\x03b"]), (b"a\x03b".to_vec(), false));
    }

    #[test]
    fn escape_q_detaches_also_in_two_pieces() {
        assert_eq!(typed(&[b"ls\x1d", b"qx"]), (b"ls".to_vec(), true));
    }

    #[test]
    fn escape_twice_is_the_character_itself() {
        assert_eq!(typed(&[b"\x1d\x1d"]), (b"\x1d".to_vec(), false));
    }

    #[test]
    fn escape_and_another_character_are_both_passed() {
        assert_eq!(typed(&[b"\x1dz"]), (b"\x1dz".to_vec(), false));
    }
}
