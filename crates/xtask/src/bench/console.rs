// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The console, measured by what goes through it to a client, and back.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use virtio_guest::measure::{self, Load, Wait};
use virtio_guest::{Daemon, Guest};

use super::Cpus;
use super::report::{Figure, Unit};
use super::socket::{Scale, Subject};
use crate::Result;

const BUFFER: usize = 4096;
const TOTAL: u64 = 2 << 30;

/// What the client reads or writes at once.
const CLIENT_BUFFER: usize = 256 << 10;

/// A client may come before the daemon listens for it.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// One round, with a fresh daemon for each load.
pub(crate) fn figures(subject: &Subject, cpus: Option<Cpus>, scale: Scale) -> Result<Vec<Figure>> {
    let mut out = Vec::new();
    for (what, tcp) in [("Unix socket", false), ("TCP", true)] {
        for (way, words) in [
            (Way::Up, "guest to a client that discards"),
            (Way::Down, "client to guest"),
        ] {
            let load = format!("{words}, {what}, 4 KiB");
            let figures = subject.attempt(&load, || {
                let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
                let port = port.to_string();
                let flags: &[&str] = if tcp {
                    &["-b", "network", "-p", &port]
                } else {
                    &["-b", "uds", "--path", "{dir}/console"]
                };
                let (daemon, _) = subject.with(flags).start(cpus)?;
                let client = connect(&daemon, tcp.then_some(port.as_str()))?;
                stream(&daemon, &load, way, client, cpus, TOTAL / scale.divisor)
            });
            out.extend(figures.into_iter().flatten());
        }
    }
    Ok(out)
}

trait Client: Read + Write + Send {}

impl<T: Read + Write + Send> Client for T {}

fn connect(daemon: &Daemon, port: Option<&str>) -> Result<Box<dyn Client>> {
    let end = Instant::now() + PATIENCE;
    loop {
        let client = match port {
            Some(port) => TcpStream::connect(format!("127.0.0.1:{port}"))
                .map(|stream| Box::new(stream) as Box<dyn Client>),
            None => UnixStream::connect(daemon.dir().join("console"))
                .map(|stream| Box::new(stream) as Box<dyn Client>),
        };
        match client {
            Ok(client) => return Ok(client),
            Err(error) if Instant::now() > end => return Err(error.into()),
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// The client shares the driver's CPU, so the driver sleeps: most of the time there is nothing that it
/// could do.
fn stream(
    daemon: &Daemon,
    load: &str,
    way: Way,
    mut client: Box<dyn Client>,
    cpus: Option<Cpus>,
    total: u64,
) -> Result<Vec<Figure>> {
    let process = daemon.process()?;
    let mut guest = Guest::builder(daemon.path()).queue_size(128).boot()?;
    let depth = 128;
    let (queue, readable, writable) = match way {
        Way::Up => (1, vec![vec![b'x'; BUFFER]], vec![]),
        Way::Down => (0, vec![], vec![BUFFER]),
    };
    let requests = total / BUFFER as u64;
    let stream = Load {
        queue,
        readable,
        writable,
        depth,
        requests,
        warm_up: requests / 10,
        wait: Wait::Sleep,
        coalesce: depth / 2,
        ..Load::default()
    };
    let thread = thread::spawn(move || {
        if let Some(cpus) = cpus {
            // Where it cannot be moved the figure is worth less, but there is one.
            let _ = Cpus::settle(cpus.driver);
        }
        let mut buffer = vec![b'x'; CLIENT_BUFFER];
        // Until the daemon ends.
        match way {
            Way::Up => while client.read(&mut buffer).is_ok_and(|bytes| bytes > 0) {},
            Way::Down => while client.write_all(&buffer).is_ok() {},
        }
    });
    let figures = measure::run(&mut guest, &stream, Some(&process));
    guest.vanish();
    daemon.signal(rustix::process::Signal::KILL)?;
    thread.join().map_err(|_| "the client failed")?;
    let figures = figures?;
    let bytes = figures.written + figures.read;
    let cpu = figures.daemon_cpu.unwrap_or_default().as_nanos() as f64;
    let resident = figures
        .resident
        .map_or(0, |resident| resident.anonymous + resident.file);
    let figure = |what: &str, unit, value| Figure {
        name: format!("{load}: {what}"),
        unit,
        value,
    };
    let rate = bytes as f64 / figures.elapsed.as_secs_f64();
    let cpu = cpu / (bytes as f64 / f64::from(1 << 20));
    Ok(vec![
        figure("throughput", Unit::Throughput, rate),
        figure("daemon CPU per MiB", Unit::Time, cpu),
        figure("memory after", Unit::Size, resident as f64),
    ])
}
