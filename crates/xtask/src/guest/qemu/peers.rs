// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Programs of the host that guests talk to, as threads.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Result;

/// For each read and write.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) type Peer = JoinHandle<Result<()>>;

/// What a peer came to, once the guest is done.
pub(crate) fn joined(peer: Peer) -> Result<()> {
    peer.join().map_err(|_| "a thread of the host failed")?
}

fn connect(path: &Path) -> Result<UnixStream> {
    let stream = UnixStream::connect(path)
        .map_err(|error| format!("cannot connect to {}: {error}", path.display()))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// Sends back the first `bytes` of a console's port.
pub(crate) fn echo_port(path: &Path, bytes: u64) -> Result<Peer> {
    let mut stream = connect(path)?;
    Ok(thread::spawn(move || {
        let mut left = bytes;
        let mut chunk = [0; 64 << 10];
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
            match stream.read(&mut chunk[..most])? {
                0 => return Err("the port was closed".into()),
                n => {
                    stream.write_all(&chunk[..n])?;
                    left -= n as u64;
                }
            }
        }
        // Whatever the daemon has not read would go with the connection.
        stream.shutdown(Shutdown::Write)?;
        let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
        let _ = stream.read(&mut chunk);
        Ok(())
    }))
}

/// Waits for a line of a console's port.
pub(crate) fn line_of_port(path: &Path, wanted: &'static str) -> Result<Peer> {
    let stream = connect(path)?;
    Ok(thread::spawn(move || {
        let end = Instant::now() + TIMEOUT;
        for line in BufReader::new(stream).lines() {
            if line?.contains(wanted) {
                return Ok(());
            }
            if Instant::now() > end {
                break;
            }
        }
        Err(format!("no line {wanted:?} came out of the console").into())
    }))
}

/// Takes one connection of a guest, reads to its end, and sends all of it back.
pub(crate) fn echo_after_end(path: &Path) -> Result<Peer> {
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    Ok(thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all)?;
        stream.write_all(&all)?;
        Ok(stream.shutdown(Shutdown::Write)?)
    }))
}

/// Connects to a port of the guest, where an echo answers.
pub(crate) fn call(path: &Path, port: u32, bytes: u64) -> Result<()> {
    let end = Instant::now() + TIMEOUT;
    // The guest's program may not listen yet.
    let mut stream = loop {
        let mut stream = connect(path)?;
        writeln!(stream, "CONNECT {port}")?;
        let mut answer = String::new();
        // One byte at a time: what follows belongs to the guest's program.
        let mut byte = [0];
        while !answer.ends_with('\n') && matches!(stream.read(&mut byte), Ok(1)) {
            answer.push(char::from(byte[0]));
        }
        if answer.starts_with("OK ") {
            break stream;
        }
        if Instant::now() > end {
            return Err(format!("port {port} of the guest does not answer").into());
        }
        thread::sleep(Duration::from_millis(100));
    };
    let length = u32::try_from(bytes)?;
    let all: Vec<u8> = (0..length)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let sent = all.clone();
    let mut writing = stream.try_clone()?;
    let writer = thread::spawn(move || writing.write_all(&sent));
    let mut got = vec![0; all.len()];
    stream.read_exact(&mut got)?;
    writer.join().map_err(|_| "the writer failed")??;
    if got != all {
        return Err("the guest's program sent other bytes back".into());
    }
    Ok(())
}
