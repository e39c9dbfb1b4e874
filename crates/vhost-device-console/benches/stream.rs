// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! How fast bytes pass between a guest and a client on a Unix socket, through the daemon.

#![allow(missing_docs)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use virtio_guest::measure::{self, Load, Wait};
use virtio_guest::{Daemon, Guest};

const BUFFER: usize = 4096;
const DEPTH: u16 = 64;

/// So that starting a load, which stops the queue and more, is not what is measured.
const BUFFERS_A_ROUND: u64 = 16_384;

fn boot() -> (Daemon, Guest, UnixStream) {
    let daemon = Daemon::spawn(
        env!("CARGO_BIN_EXE_vhost-device-console"),
        &["--backend", "uds", "--path", "{dir}/console", "-q", "128"],
    )
    .unwrap();
    let guest = Guest::builder(daemon.path())
        .queue_size(128)
        .timeout(Duration::from_secs(30))
        .boot()
        .unwrap();
    let client = UnixStream::connect(daemon.dir().join("console")).unwrap();
    (daemon, guest, client)
}

fn time(guest: &mut Guest, load: &Load, rounds: u64) -> Duration {
    (0..rounds)
        .map(|_| measure::run(guest, load, None).unwrap().elapsed)
        .sum()
}

fn streams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("console_4096_bytes");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(BUFFERS_A_ROUND * BUFFER as u64));
    let load = Load {
        depth: DEPTH,
        requests: BUFFERS_A_ROUND,
        warm_up: 0,
        wait: Wait::Poll,
        ..Load::default()
    };

    group.bench_function("guest to a discarding client", |bencher| {
        let (daemon, mut guest, mut client) = boot();
        let reader = std::thread::spawn(move || {
            let mut buffer = vec![0; 256 * 1024];
            while client.read(&mut buffer).is_ok_and(|count| count > 0) {}
        });
        let load = Load {
            queue: 1,
            readable: vec![vec![b'x'; BUFFER]],
            writable: Vec::new(),
            ..load.clone()
        };
        bencher.iter_custom(|rounds| time(&mut guest, &load, rounds));
        drop((guest, daemon));
        reader.join().unwrap();
    });

    group.bench_function("client to guest", |bencher| {
        let (daemon, mut guest, mut client) = boot();
        let writer = std::thread::spawn(move || {
            let buffer = vec![b'x'; 256 * 1024];
            while client.write_all(&buffer).is_ok() {}
        });
        let load = Load {
            queue: 0,
            readable: Vec::new(),
            writable: vec![BUFFER],
            ..load.clone()
        };
        bencher.iter_custom(|rounds| time(&mut guest, &load, rounds));
        drop((guest, daemon));
        writer.join().unwrap();
    });
    group.finish();
}

criterion_group!(benches, streams);
criterion_main!(benches);
