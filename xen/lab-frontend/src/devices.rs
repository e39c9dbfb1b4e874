// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What each device is asked to do: enough to see that bytes go through both ways, and what a request
//! with a buffer that cannot be reached looks like.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, Instant};

use virtio_guest::vsock::{Connection, HOST, Header, STREAM, Vsock, op};
use virtio_guest::{Daemon, Guest, Segment};

use crate::Result;

pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// One device: a new one joins the lab by a line in [`DEVICES`].
pub(crate) struct Device {
    pub name: &'static str,
    pub args: &'static [&'static str],
    /// Prepares what the daemon's arguments name.
    pub prepare: fn() -> Result<()>,
    /// Uses it. What it returns goes into the table.
    pub exercise: fn(&mut Guest, &Daemon) -> Result<String>,
    /// The queue of its requests.
    pub queue: u16,
    /// Requests with something at an address that cannot be reached, and with `ROOM` good bytes.
    pub requests: fn(bad: u64, room: u64) -> Vec<Request>,
    /// Whether a used buffer says that the request failed: the bytes written, and the room.
    pub refused: fn(written: usize, room: &[u8]) -> bool,
}

/// A chain, and what is in its good bytes.
pub(crate) struct Request {
    pub segments: Vec<Segment>,
    pub room: Vec<u8>,
}

fn request(segments: Vec<Segment>) -> Vec<Request> {
    vec![Request {
        segments,
        room: Vec::new(),
    }]
}

/// The header, a block to be written and a block to be read cannot be reached, one after the other.
fn scsi_requests(bad: u64, room: u64) -> Vec<Request> {
    let answer = segment(room, 108, true);
    let good = segment(room + 128, 51, false);
    let with = |segments, cdb| {
        let mut bytes = vec![0; 128];
        bytes.extend(scsi_header(cdb));
        Request {
            segments,
            room: bytes,
        }
    };
    let block = |code| [code, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    vec![
        with(vec![segment(bad, 51, false), answer], &[0; 10]),
        with(vec![good, segment(bad, 512, false), answer], &block(0x2a)),
        with(vec![good, answer, segment(bad, 512, true)], &block(0x28)),
    ]
}

fn nothing() -> Result<()> {
    Ok(())
}

/// An empty folder of the root file system, which is memory.
const IMAGE: &str = "/tmp/scsi.img";
const CONSOLE: &str = "/tmp/console.out";

pub(crate) const DEVICES: &[Device] = &[
    Device {
        name: "rng",
        args: &[],
        prepare: nothing,
        exercise: rng,
        queue: 0,
        requests: |bad, _| request(vec![segment(bad, 64, true)]),
        refused: |written, _| written == 0,
    },
    Device {
        name: "console",
        args: &["-b", "file", "--path", CONSOLE],
        prepare: || {
            drop(fs::remove_file(CONSOLE));
            Ok(())
        },
        exercise: console,
        queue: 1,
        requests: |bad, _| request(vec![segment(bad, 64, false)]),
        // Nothing that is sent has a status.
        refused: |written, _| written == 0,
    },
    Device {
        name: "vsock",
        args: &["--socket", "{socket}", "--uds-path", "{dir}/v"],
        prepare: nothing,
        exercise: vsock,
        queue: 1,
        requests: |bad, _| request(vec![segment(bad, 64, false)]),
        // Nothing that is sent has a status.
        refused: |written, _| written == 0,
    },
    Device {
        name: "scsi",
        args: &[IMAGE],
        prepare: || {
            let file = fs::File::create(IMAGE)?;
            Ok(file.set_len(4 << 20)?)
        },
        exercise: scsi,
        queue: 2,
        requests: scsi_requests,
        // VIRTIO_SCSI_S_FAILURE, or CHECK CONDITION.
        refused: |_, room| room[11] == 9 || (room[11], room[10]) == (0, 2),
    },
];

fn segment(addr: u64, len: u32, writable: bool) -> Segment {
    Segment {
        addr,
        len,
        writable,
    }
}

/// A hundred requests of 8 KiB; all answers are full and none begins like another.
fn rng(guest: &mut Guest, _daemon: &Daemon) -> Result<String> {
    const SIZE: usize = 8192;
    const COUNT: usize = 100;
    let start = Instant::now();
    let mut beginnings = std::collections::HashSet::new();
    let mut ones = 0u64;
    for _ in 0..COUNT {
        let reply = guest.queue(0).request(&[], &[SIZE])?;
        if reply.written() != SIZE {
            return Err(format!("{} bytes came for {SIZE}", reply.written()).into());
        }
        let bytes = reply.bytes();
        ones += bytes
            .iter()
            .map(|byte| u64::from(byte.count_ones()))
            .sum::<u64>();
        beginnings.insert(bytes[..16].to_vec());
    }
    let time = start.elapsed();
    // 6.5 million coins: half a percent is twenty times their deviation.
    let share = ones as f64 / (COUNT * SIZE * 8) as f64;
    if beginnings.len() != COUNT || (share - 0.5).abs() > 0.005 {
        let unique = beginnings.len();
        return Err(format!("not random: {share:.4} ones, {unique} different answers").into());
    }
    let each = time.as_secs_f64() * 1e3 / COUNT as f64;
    Ok(format!("{COUNT} requests of 8 KiB, {each:.2} ms each"))
}

/// Output that the file of the host then has.
fn console(guest: &mut Guest, _daemon: &Daemon) -> Result<String> {
    let before = fs::metadata(CONSOLE).map_or(0, |data| data.len());
    let mut all = Vec::new();
    for n in 0..64u32 {
        let line = format!("line {n:04} of this run\n").repeat(100);
        let reply = guest.queue(1).request(&[line.as_bytes()], &[])?;
        if reply.written() != 0 {
            return Err("output came back with something in it".into());
        }
        all.extend_from_slice(line.as_bytes());
    }
    let end = Instant::now() + TIMEOUT;
    loop {
        let bytes = fs::read(CONSOLE)?;
        let new = bytes.get(before as usize..).unwrap_or_default();
        if new == all {
            let size = all.len();
            return Ok(format!(
                "{size} bytes of output in the host's file, compared"
            ));
        }
        if Instant::now() > end || new.len() > all.len() {
            let (has, wanted) = (new.len(), all.len());
            return Err(format!("the file has {has} bytes, not these {wanted}").into());
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// 128 KiB to a program of the host and back from it.
fn vsock(guest: &mut Guest, daemon: &Daemon) -> Result<String> {
    const TOTAL: usize = 128 << 10;
    const PORT: u32 = 1234;
    let path = daemon.dir().join(format!("v_{PORT}"));
    drop(fs::remove_file(&path));
    let listener = UnixListener::bind(&path)?;
    let mut driver = Vsock::on(guest, TIMEOUT, 8, 4096)?;
    let sent: Vec<u8> = (0..TOTAL).map(|at| (at / 7) as u8).collect();
    let echo = thread::spawn(move || -> Result<UnixStream> {
        let (mut stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let mut bytes = vec![0; TOTAL];
        stream.read_exact(&mut bytes)?;
        stream.write_all(&bytes)?;
        Ok(stream)
    });
    let mut connection = driver.open(HOST, PORT, 1024, STREAM)?;
    driver.write(&mut connection, &sent, 4096)?;
    let got = driver.read(&mut connection, TOTAL)?;
    let _stream = echo.join().map_err(|_| "the host's program failed")??;
    finish(&mut driver, &connection)?;
    if got != sent {
        return Err("other bytes came back than went".into());
    }
    Ok(format!("{TOTAL} bytes to the host and back, compared"))
}

fn finish(driver: &mut Vsock<&mut Guest>, connection: &Connection) -> Result<()> {
    let cid = driver.cid();
    let header: Header = connection.header(cid, op::RST);
    Ok(driver.send(&header, &[])?)
}

/// Blocks that are read as they were written.
fn scsi(guest: &mut Guest, _daemon: &Daemon) -> Result<String> {
    const PIECE: usize = 16 * 1024;
    const PIECES: u8 = 16;
    // The first commands tell of the reset.
    for _ in 0..4 {
        command(guest, &[0; 6], &[], 0)?;
    }
    let data = |n: u8| -> Vec<u8> { (0..PIECE).map(|at| (at / 3) as u8 ^ n).collect() };
    let range = |code: u8, n: u8| {
        let blocks = (PIECE / 512) as u16;
        let lba = (u16::from(n) * blocks).to_be_bytes();
        let [high, low] = blocks.to_be_bytes();
        [code, 0, 0, 0, lba[0], lba[1], 0, high, low, 0]
    };
    for n in 0..PIECES {
        expect_good(command(guest, &range(0x2a, n), &data(n), 0)?)?;
    }
    for n in 0..PIECES {
        if expect_good(command(guest, &range(0x28, n), &[], PIECE)?)? != data(n) {
            return Err(format!("piece {n} is not what was written").into());
        }
    }
    let size = usize::from(PIECES) * PIECE;
    Ok(format!("{size} bytes written and read back the same"))
}

fn scsi_header(cdb: &[u8]) -> Vec<u8> {
    let mut header = vec![1, 0, 0x40, 0, 0, 0, 0, 0];
    header.extend([0; 8 + 3 + 32]);
    header[19..19 + cdb.len()].copy_from_slice(cdb);
    header
}

/// Status and data.
fn command(guest: &mut Guest, cdb: &[u8], data: &[u8], room: usize) -> Result<(u8, Vec<u8>)> {
    const ANSWER: usize = 12 + 96;
    let header = scsi_header(cdb);
    let reply = guest.queue(2).request(&[&header, data], &[ANSWER, room])?;
    let bytes = reply.bytes();
    if reply.written() < ANSWER || bytes[11] != 0 {
        return Err(format!("command {:#x} got response {}", cdb[0], bytes[11]).into());
    }
    Ok((bytes[10], bytes[ANSWER..].to_vec()))
}

fn expect_good((status, data): (u8, Vec<u8>)) -> Result<Vec<u8>> {
    if status != 0 {
        return Err(format!("a command got status {status}").into());
    }
    Ok(data)
}
