// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The terminal that this program was started on, as a console of one guest.
//!
//! It is in raw mode while it is attached. Whatever ends the program restores it: the orderly end
//! drops the [`Terminal`], a thread sees to the signals that end a program otherwise, a hook to panics.
//! Only SIGKILL and crashes (SIGSEGV, SIGABRT) cannot be seen to.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use signal_hook::consts::{
    SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGWINCH, SIGXCPU,
};
use signal_hook::iterator::Signals;

/// Signals that end the program, and that somebody may send; SIGXCPU is the kernel's, at the limit of
/// CPU time.
const ENDS: [i32; 10] = [
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGVTALRM, SIGPROF,
];

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
        signal_hook::low_level::pipe::register(SIGWINCH, theirs.try_clone()?)?;
        signal_hook::low_level::pipe::register(SIGCONT, theirs)?;
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
        result = Signals::new(ENDS).and_then(|mut signals| {
            std::thread::Builder::new()
                .name("terminal".to_owned())
                .spawn(move || {
                    for signal in signals.forever() {
                        ENDING.store(true, Ordering::SeqCst);
                        restore();
                        // The daemon sees to these itself.
                        if !matches!(signal, SIGINT | SIGTERM) {
                            let _ = signal_hook::low_level::emulate_default_handler(signal);
                        }
                    }
                })
                .map(drop)
        });
    });
    result
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
