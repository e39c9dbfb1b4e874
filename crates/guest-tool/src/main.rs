// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What the guests' scripts (ci/guest) call: files and AF_VSOCK with bytes that can be checked.
//!
//! ```text
//! guest-tool put FILE|- LENGTH SEED
//! guest-tool check FILE|- LENGTH SEED
//! guest-tool connect stream|seqpacket CID PORT VERB LENGTH SEED
//! guest-tool listen stream|seqpacket PORT VERB LENGTH SEED      says `listening`, serves one connection
//! guest-tool refused stream|seqpacket CID PORT
//! guest-tool many CID PORT COUNT                                connections, one byte echoed on each
//! ```
//!
//! A VERB is `put`, `check`, `ask` (put, end one's own direction, then check what comes back) or
//! `reply` (the other side of that).

#![forbid(unsafe_code)]

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use guest_tool::{Kind, Verb, act};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, VsockAddr, bind, connect, listen, socket,
};

/// A refusal must not wait for a timeout.
const AT_ONCE: Duration = Duration::from_secs(2);

const ANY_CID: u32 = u32::MAX;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guest-tool {}: {error}", args.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> io::Result<()> {
    match *args {
        // Standard input and output, for files that can be open only once.
        ["put", "-", length, seed] => {
            guest_tool::put(&mut io::stdout().lock(), number(length)?, number(seed)?)
        }
        ["check", "-", length, seed] => {
            guest_tool::check(&mut io::stdin().lock(), number(length)?, number(seed)?)
        }
        ["put", file, length, seed] => {
            let mut file = OpenOptions::new().write(true).open(file)?;
            guest_tool::put(&mut file, number(length)?, number(seed)?)
        }
        ["check", file, length, seed] => {
            let mut file = OpenOptions::new().read(true).open(file)?;
            guest_tool::check(&mut file, number(length)?, number(seed)?)
        }
        ["connect", kind, cid, port, verb, length, seed] => {
            let kind = Kind::of(kind)?;
            let stream = connected(kind, number(cid)?, number(port)?)?;
            act(
                &stream,
                kind,
                Verb::of(verb)?,
                number(length)?,
                number(seed)?,
            )
        }
        ["listen", kind, port, verb, length, seed] => {
            let kind = Kind::of(kind)?;
            let listener = vsock(kind)?;
            bind(
                listener.as_raw_fd(),
                &VsockAddr::new(ANY_CID, number(port)?),
            )?;
            listen(&listener, Backlog::new(8)?)?;
            println!("listening");
            io::stdout().flush()?;
            let stream = UnixStream::from(rustix::net::accept(&listener)?);
            act(
                &stream,
                kind,
                Verb::of(verb)?,
                number(length)?,
                number(seed)?,
            )
        }
        ["refused", kind, cid, port] => refused(Kind::of(kind)?, number(cid)?, number(port)?),
        ["many", cid, port, count] => many(number(cid)?, number(port)?, number(count)?),
        _ => Err(io::Error::other("no such command")),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> io::Result<T> {
    text.parse()
        .map_err(|_| io::Error::other(format!("{text} is no number")))
}

fn vsock(kind: Kind) -> io::Result<OwnedFd> {
    let kind = match kind {
        Kind::Stream => SockType::Stream,
        Kind::Messages => SockType::SeqPacket,
    };
    Ok(socket(
        AddressFamily::Vsock,
        kind,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?)
}

/// The calls that move bytes are the same for all stream sockets.
fn connected(kind: Kind, cid: u32, port: u32) -> io::Result<UnixStream> {
    let socket = vsock(kind)?;
    connect(socket.as_raw_fd(), &VsockAddr::new(cid, port))?;
    Ok(UnixStream::from(socket))
}

fn refused(kind: Kind, cid: u32, port: u32) -> io::Result<()> {
    let socket = vsock(kind)?;
    let start = Instant::now();
    let result = connect(socket.as_raw_fd(), &VsockAddr::new(cid, port));
    let time = start.elapsed();
    match result {
        Err(Errno::ECONNRESET) if time < AT_ONCE => Ok(()),
        Err(Errno::ECONNRESET) => Err(io::Error::other(format!("refused only after {time:?}"))),
        Err(error) => Err(io::Error::other(format!("{error} and not ECONNRESET"))),
        Ok(()) => Err(io::Error::other("somebody answers")),
    }
}

fn many(cid: u32, port: u32, count: u32) -> io::Result<()> {
    for index in 0..count {
        let fault = |error: io::Error| io::Error::other(format!("connection {index}: {error}"));
        let mut stream = connected(Kind::Stream, cid, port).map_err(fault)?;
        let byte = [index as u8];
        let mut back = [!index as u8];
        stream.write_all(&byte).map_err(fault)?;
        stream.read_exact(&mut back).map_err(fault)?;
        if back != byte {
            return Err(fault(io::Error::other("another byte came back")));
        }
        stream.shutdown(Shutdown::Both).map_err(fault)?;
    }
    Ok(())
}
