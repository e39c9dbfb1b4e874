// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A guest for any vhost-user daemon, from the command line.

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Parser, ValueEnum};
use virtio_guest::{
    Error, Guest, Process, hostile,
    measure::{self, Figures, Load, Wait},
    names,
};

/// Boots a guest against a vhost-user daemon, shows what was negotiated, and makes requests.
///
/// Requests are only known for the entropy device; for any other, what was negotiated is shown.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Socket on which the daemon listens, or will soon.
    #[arg(short, long, value_name = "PATH")]
    socket: PathBuf,

    /// Device behind the socket: a name (rng, vsock, ...) or a virtio id.
    #[arg(short, long, default_value = "rng", value_parser = device)]
    device: u32,

    /// How many requests to make.
    #[arg(short = 'n', long, default_value_t = 10_000, value_name = "N")]
    requests: u64,

    /// Bytes of each request.
    #[arg(long, default_value_t = 4096, value_name = "BYTES")]
    size: usize,

    /// Requests in flight.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    depth: u16,

    /// What the driver does while it has nothing to do.
    #[arg(long, value_enum, default_value_t = Waiting::Sleep)]
    wait: Waiting,

    /// How many used buffers one interrupt may wait for (with EVENT_IDX).
    #[arg(long, default_value_t = 1, value_name = "N")]
    coalesce: u16,

    /// Process id of the daemon, to show what the requests cost it.
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,

    /// Runs the hostile suite instead of requests.
    #[arg(long, requires = "pid")]
    hostile: bool,

    /// Seconds after which a wait is given up.
    #[arg(long, default_value_t = 5, value_name = "SECONDS")]
    timeout: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Waiting {
    /// Sleeps until an interrupt comes.
    Sleep,
    /// Looks at the ring all the time.
    Poll,
}

fn device(text: &str) -> Result<u32, String> {
    names::device_id(text)
        .or_else(|| text.parse().ok())
        .ok_or_else(|| format!("no device named {text} is known; a virtio id does as well"))
}

const RNG: u32 = 4;

fn main() -> ExitCode {
    let options = Options::parse();
    let outcome = if options.hostile {
        attack(&options)
    } else {
        requests(&options).map_err(|e| e.explain())
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("virtio-guest: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn requests(options: &Options) -> Result<(), Error> {
    let start = Instant::now();
    let memory = (usize::from(options.depth) * options.size.next_multiple_of(64) * 2)
        .next_multiple_of(1 << 20)
        .max(4 << 20);
    let mut guest = Guest::builder(&options.socket)
        .memory_size(memory)
        .queue_size(options.depth.next_power_of_two().max(64))
        .features(u64::MAX)
        .timeout(Duration::from_secs(options.timeout))
        .boot()?;
    println!(
        "{}: virtio id {}, {} build, {} queue(s), up in {:.1} ms",
        names::device(options.device).unwrap_or("device"),
        options.device,
        guest.variant(),
        guest.queues(),
        start.elapsed().as_secs_f64() * 1e3,
    );
    let of_device = |bits| names::virtio_features(options.device, bits).join(" ");
    let of_protocol = |bits| names::protocol_features(bits).join(" ");
    println!(
        "features offered:     {}",
        of_device(guest.offered_features())
    );
    println!("features taken:       {}", of_device(guest.features()));
    println!(
        "protocol offered:     {}",
        of_protocol(guest.offered_protocol_features())
    );
    println!(
        "protocol taken:       {}",
        of_protocol(guest.protocol_features())
    );
    if options.device != RNG {
        return Ok(());
    }

    let daemon = options
        .pid
        .map(Process::new)
        .transpose()
        .map_err(|source| Error::Os {
            what: "cannot look at the process named by --pid",
            source,
        })?;
    let load = Load {
        writable: vec![options.size],
        depth: options.depth,
        requests: options.requests,
        warm_up: options.requests / 10,
        wait: match options.wait {
            Waiting::Sleep => Wait::Sleep,
            Waiting::Poll => Wait::Poll,
        },
        coalesce: options.coalesce,
        ..Load::default()
    };
    show(&measure::run(&mut guest, &load, daemon.as_ref())?);
    Ok(())
}

fn show(figures: &Figures) {
    println!(
        "{} requests in {:.3} s: {:.0}/s, {:.1} MB/s, {} kicks, {} wake-ups",
        figures.requests,
        figures.elapsed.as_secs_f64(),
        figures.rate(),
        figures.bytes_per_second() / 1e6,
        figures.kicks,
        figures.interrupts,
    );
    if let Some(times) = &figures.round_trips {
        println!(
            "round trip: median {:.1} us, 99 of 100 within {:.1} us",
            times.median().as_secs_f64() * 1e6,
            times.quantile(0.99).as_secs_f64() * 1e6,
        );
    }
    if let Some(cost) = figures.cpu_per_request() {
        println!("daemon: {} ns of CPU time per request", cost.as_nanos());
    }
    if let Some(resident) = figures.resident {
        println!(
            "daemon: {} KiB resident without the guest's memory",
            (resident.anonymous + resident.file) / 1024
        );
    }
}

fn attack(options: &Options) -> Result<(), String> {
    if options.device != RNG {
        return Err(
            "--hostile from the command line knows the requests of --device rng only".into(),
        );
    }
    let mut target = hostile::Running {
        path: options.socket.clone(),
        pid: options.pid.unwrap_or_default(),
    };
    let device = hostile::Device {
        name: "rng",
        id: RNG,
        queues: 1,
        request_queue: 0,
        features: 0,
        config_size: 0,
        readable: &[],
        writable: &[64],
        request: &|guest| {
            let reply = guest
                .queue(0)
                .request(&[], &[64])
                .map_err(|e| e.explain())?;
            if reply.written() == 0 {
                return Err("no entropy came".into());
            }
            Ok(())
        },
    };
    let report = hostile::examine_target(&mut target, &device);
    println!("{report}");
    if report.failures.is_empty() {
        Ok(())
    } else {
        Err(format!("{} cases failed", report.failures.len()))
    }
}
