// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The other end of the guest's consoles.
//!
//! Port 0 is a console behind a pseudo-terminal; 1 and 2 are ports behind Unix sockets.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::termios::{OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use super::stage::Stage;
use crate::Result;

pub(crate) const DAEMON: &[&str] = &[
    "--max-queue-size",
    "256",
    "--ports",
    "3",
    "--port",
    "0,console=on,backend=pty,path={dir}/tty",
    "--port",
    "1,name=org.test.one,backend=uds,path={dir}/one",
    "--port",
    "2,name=org.test.two,backend=uds,path={dir}/two",
];

/// How long something may take that is expected at once.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn answer(stage: &Stage, words: &[&str]) -> Result<String> {
    match *words {
        // Both directions of a port, until `finish PORT`.
        ["both", port, length, into, out] => {
            let stream = UnixStream::connect(stage.dir.join(port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            let (length, into, out) = (length.parse()?, into.parse()?, out.parse()?);
            stage.start(port, move || both(&stream, length, into, out))
        }
        ["resize", columns, rows] => {
            let size = Winsize {
                ws_row: rows.parse()?,
                ws_col: columns.parse()?,
                ws_xpixel: 0,
                ws_ypixel: 0,
            };
            tcsetwinsize(&terminal(stage)?, size)?;
            Ok(String::new())
        }
        // What is typed at the console, and what has to come back.
        ["type", text, reply] => {
            let mut terminal = terminal(stage)?;
            let (text, reply) = (text.to_owned(), reply.to_owned());
            stage.start("type", move || {
                writeln!(terminal, "{text}")?;
                expect(&mut terminal, &reply)
            })
        }
        _ => Err(format!("nobody here answers {words:?}").into()),
    }
}

fn both(stream: &UnixStream, length: u64, into: u64, out: u64) -> Result<String> {
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| guest_tool::put(&mut &*stream, length, into));
        let received = guest_tool::check(&mut &*stream, length, out);
        let sent = sender.join().unwrap_or(Ok(()));
        received.map_err(|error| format!("from the guest: {error}"))?;
        sent.map_err(|error| format!("to the guest: {error}"))
    })?;
    stream.shutdown(Shutdown::Both)?;
    Ok(String::new())
}

/// The pseudo-terminal, without an echo of what comes from the guest.
fn terminal(stage: &Stage) -> Result<File> {
    let terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .open(stage.dir.join("tty"))?;
    let mut modes = tcgetattr(&terminal)?;
    modes.make_raw();
    tcsetattr(&terminal, OptionalActions::Now, &modes)?;
    Ok(terminal)
}

/// Reads until the text has come. The caller's own patience ends it if nothing comes at all.
fn expect(from: &mut impl Read, text: &str) -> Result<String> {
    let start = Instant::now();
    let mut seen = Vec::new();
    let mut piece = [0; 256];
    while start.elapsed() < PATIENCE {
        let count = from.read(&mut piece)?;
        seen.extend_from_slice(&piece[..count]);
        if seen.windows(text.len()).any(|part| part == text.as_bytes()) {
            return Ok(String::new());
        }
        if count == 0 || seen.len() > 1 << 16 {
            break;
        }
    }
    let seen = String::from_utf8_lossy(&seen);
    Err(format!("{text} did not come, but {seen:?}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_over_several_reads_and_missed_at_the_end() {
        let mut parts = b"noise ba".chain(&b"ck\n"[..]);
        assert!(expect(&mut parts, "back").is_ok());
        assert!(expect(&mut &b"noise"[..], "back").is_err());
    }
}
