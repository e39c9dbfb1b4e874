// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The socket device: do bytes arrive in both directions, whoever connects, and is a connection that
//! nobody wants refused?

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, Instant};

use virtio_guest::Guest;
use virtio_guest::vsock::{HOST, STREAM, Vsock, op};

use crate::{Result, text};

const TIMEOUT: Duration = Duration::from_secs(20);

/// What goes each way.
const TOTAL: usize = 16 << 20;

const PORT: u32 = 1234;

/// Has the guest and a program of the host connect to each other, and moves bytes.
pub(crate) fn vsock(guest: &mut Guest) -> Result<String> {
    // As the device's arguments have it.
    let path = guest.path().with_file_name("v");
    let listener = UnixListener::bind(path.with_file_name(format!("v_{PORT}")))?;
    let mut driver = Vsock::on(guest, TIMEOUT, 32, 16 * 1024)?;
    let all: Vec<u8> = (0..TOTAL as u32)
        .map(|at| (at.wrapping_mul(2654435761) >> 24) as u8)
        .collect();

    let mut opened = driver.open(HOST, PORT, 1024, STREAM)?;
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let start = Instant::now();
    let reader = thread::spawn(move || {
        let mut got = vec![0; TOTAL];
        stream.read_exact(&mut got).map(|()| got)
    });
    driver.write(&mut opened, &all, 16 * 1024)?;
    let got = reader.join().map_err(|_| "the reader failed")??;
    let up = start.elapsed();
    if got != all {
        return Err("the host got other bytes than the guest sent".into());
    }

    let mut stream = UnixStream::connect(&path)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    writeln!(stream, "CONNECT 77")?;
    let mut accepted = driver.accept()?;
    let mut answer = String::new();
    BufReader::new(&stream).read_line(&mut answer)?;
    if answer != format!("OK {}\n", accepted.peer_port) {
        return Err(format!("CONNECT was answered by {answer:?}").into());
    }
    let sent = all.clone();
    let start = Instant::now();
    let writer = thread::spawn(move || stream.write_all(&sent));
    let got = driver.read(&mut accepted, TOTAL)?;
    let down = start.elapsed();
    writer.join().map_err(|_| "the writer failed")??;
    if got != all {
        return Err("the guest got other bytes than the host sent".into());
    }

    let (_, refused) = driver.request(HOST, PORT + 1, 1025, STREAM)?;
    if refused.header.op != op::RST {
        return Err("a port that nobody listens on was not refused".into());
    }
    let rate = |time: Duration| text::bytes(TOTAL as f64 / time.as_secs_f64());
    Ok(format!(
        "guest and host connected to each other; {} up at {}/s, down at {}/s, each byte compared; a \
         port that nobody listens on refused",
        text::bytes(TOTAL as f64),
        rate(up),
        rate(down),
    ))
}
