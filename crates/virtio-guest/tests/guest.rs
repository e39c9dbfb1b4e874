// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The guest against a backend that is written for these tests only.

mod backend;

use std::time::{Duration, Instant};

use backend::{Backend, FILL, Manners};
use virtio_drivers::device::rng::VirtIORng;
use virtio_guest::{
    Error, Guest, PAGE,
    drivers::{self, GuestHal, SocketTransport},
    hostile,
    measure::{self, Load, Wait},
    wire::feature,
};

const TIMEOUT: Duration = Duration::from_secs(5);

#[test]
fn plain_regions_take_32_bytes_each_and_requests_are_answered() {
    let backend = Backend::start(Manners::default());
    let mut guest = Guest::connect(&backend.path).unwrap();
    let reply = guest
        .queue(0)
        .request(&[b"question"], &[16, 0, 48])
        .unwrap();
    assert_eq!(reply.written(), 64);
    assert_eq!(reply.bytes(), [FILL; 64]);
    assert_eq!(
        reply.buffers().iter().map(Vec::len).collect::<Vec<_>>(),
        [16, 0, 48]
    );
    guest.add_region(1 << 40, 1 << 20).unwrap();
    guest.remove_region(1 << 40).unwrap();
    assert_eq!(
        *backend.memory_messages.lock().unwrap(),
        [8 + 2 * 32, 40, 40]
    );
    assert_eq!(guest.variant(), "mmap");
}

#[test]
fn extended_regions_take_40_bytes_each_once_xen_mmap_is_offered() {
    let backend = Backend::start(Manners {
        xen: true,
        ..Manners::default()
    });
    let mut guest = Guest::connect(&backend.path).unwrap();
    assert_eq!(guest.queue(0).request(&[], &[7]).unwrap().written(), 7);
    guest.add_region(1 << 40, 1 << 20).unwrap();
    guest.remove_region(1 << 40).unwrap();
    assert_eq!(
        *backend.memory_messages.lock().unwrap(),
        [8 + 2 * 40, 48, 48]
    );
    assert_eq!(guest.variant(), "xen");
}

#[test]
fn indirect_requests_and_both_kinds_of_notification_work_without_reply_ack() {
    let backend = Backend::start(Manners {
        mute: true,
        ..Manners::default()
    });
    for event_idx in [true, false] {
        let mut guest = Guest::builder(&backend.path)
            .event_idx(event_idx)
            .boot()
            .unwrap();
        assert_eq!(guest.features() & feature::EVENT_IDX != 0, event_idx);
        for round in 0..200 {
            let reply = guest.queue(0).request_indirect(&[b"a", b"b"], &[3, 5]);
            assert_eq!(reply.unwrap().written(), 8, "round {round}");
        }
        assert!(guest.queue(0).kicks() > 0);
        assert!(guest.queue(0).interrupts() > 0);
        assert_eq!(guest.queue(0).room(), 64);
    }
}

#[test]
fn a_refused_message_is_an_error_that_names_it() {
    let backend = Backend::start(Manners::default());
    let guest = Guest::connect(&backend.path).unwrap();
    let refusal = guest.set_vring_num(0, 0x1_0000).unwrap_err();
    assert!(matches!(
        refusal,
        Error::Refused {
            request: "SET_VRING_NUM",
            code: 22
        }
    ));
}

#[test]
fn a_missing_interrupt_is_told_from_a_missing_answer() {
    let backend = Backend::start(Manners {
        no_interrupts: true,
        ..Manners::default()
    });
    let mut guest = Guest::builder(&backend.path)
        .timeout(TIMEOUT)
        .boot()
        .unwrap();
    let queue = guest.queue(0);
    queue.post(&[], &[1]).unwrap();
    assert!(matches!(
        queue.wait(Duration::from_millis(50)),
        Err(Error::Timeout { .. })
    ));
    let end = Instant::now() + TIMEOUT;
    let error = loop {
        queue.kick().unwrap();
        // So long that the backend's thread surely got to run.
        match queue.wait(Duration::from_secs(3)) {
            Err(error) => break error,
            // The answer was there before the wait, which needs no interrupt then.
            Ok(_) => assert!(Instant::now() < end, "no wait began before the answer"),
        }
        queue.post(&[], &[1]).unwrap();
    };
    assert!(
        matches!(error, Error::MissedInterrupt { queue: 0 }),
        "{error}"
    );
}

#[test]
fn a_backend_that_hangs_up_is_noticed_at_once() {
    let backend = Backend::start(Manners {
        hangs_up: true,
        ..Manners::default()
    });
    let mut guest = Guest::builder(&backend.path)
        .timeout(TIMEOUT)
        .boot()
        .unwrap();
    let start = Instant::now();
    let error = guest.queue(0).request(&[], &[1]).unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    assert!(start.elapsed() < TIMEOUT / 2);
}

#[test]
fn a_queue_goes_on_from_its_base_and_anew_from_zero() {
    let backend = Backend::start(Manners::default());
    let mut guest = Guest::connect(&backend.path).unwrap();
    for _ in 0..3 {
        guest.queue(0).request(&[], &[1]).unwrap();
    }
    let base = guest.stop_queue(0).unwrap();
    assert_eq!(base, 3);
    let token = guest.queue(0).post(&[], &[2]).unwrap();
    guest.start_queue(0, base).unwrap();
    guest.queue(0).kick_always();
    assert_eq!(guest.queue(0).wait_for(token).unwrap().written(), 2);
    guest.renew_queue(0).unwrap();
    guest.queue(0).request(&[], &[1]).unwrap();
    assert_eq!(guest.stop_queue(0).unwrap(), 1);
}

#[test]
fn configuration_is_read_and_written_inside_its_bounds_only() {
    let backend = Backend::start(Manners::default());
    let guest = Guest::connect(&backend.path).unwrap();
    guest.set_config(2, &[9, 9]).unwrap();
    assert_eq!(guest.get_config(1, 4).unwrap(), [2, 9, 9, 5]);
    assert!(guest.get_config(6, 4).unwrap_err().is_refusal());
    assert!(guest.set_config(8, &[1]).unwrap_err().is_refusal());
}

#[test]
fn state_is_saved_and_loaded_and_nonsense_is_refused() {
    let backend = Backend::start(Manners::default());
    let mut guest = Guest::connect(&backend.path).unwrap();
    let (state, bases) = guest.suspend().unwrap();
    assert_eq!(
        (state.as_slice(), bases.as_slice()),
        (&b"state of the backend"[..], &[0][..])
    );
    guest.load_state(b"state from elsewhere").unwrap();
    assert_eq!(guest.save_state().unwrap(), b"state from elsewhere");
    assert!(guest.load_state(b"nonsense").unwrap_err().is_refusal());
}

#[test]
fn the_log_has_the_pages_that_changed() {
    let backend = Backend::start(Manners::default());
    let mut guest = Guest::connect(&backend.path).unwrap();
    let log = guest.start_logging().unwrap();
    let before = guest.arena().snapshot();
    let token = guest.queue(0).post(&[], &[3 * PAGE as usize]).unwrap();
    guest.queue(0).kick().unwrap();
    guest.queue(0).wait_for(token).unwrap();
    let ring = guest.queue(0).ring();
    // The driver's own writes are not the device's to log.
    let own = [ring.available / PAGE, ring.descriptors / PAGE];
    let logged = log.take();
    for page in guest.arena().changed_pages(&before) {
        assert!(logged.contains(&page) || own.contains(&page), "{page:#x}");
    }
    assert!(logged.len() >= 3);
    guest.stop_logging().unwrap();
    // The last mark may come after the buffer that it is for.
    log.take();
    guest.queue(0).request(&[], &[64]).unwrap();
    assert!(log.pages().is_empty());
}

#[test]
fn a_load_is_counted_at_any_depth_and_leaves_the_queue_usable() {
    let backend = Backend::start(Manners::default());
    for event_idx in [true, false] {
        let mut guest = Guest::builder(&backend.path)
            .event_idx(event_idx)
            .boot()
            .unwrap();
        for (depth, wait, coalesce) in [
            (1, Wait::Sleep, 1),
            (1, Wait::Poll, 1),
            (7, Wait::Sleep, 4),
            (16, Wait::Poll, 1),
        ] {
            let load = Load {
                readable: vec![b"ask".to_vec()],
                writable: vec![16, 16],
                depth,
                requests: 500,
                warm_up: 3,
                wait,
                coalesce,
                ..Load::default()
            };
            let figures = measure::run(&mut guest, &load, None).unwrap();
            assert_eq!(figures.written, 500 * 32);
            assert_eq!(figures.read, 500 * 3);
            let timed = figures.round_trips.map(|times| times.count());
            assert_eq!(timed, (depth == 1).then_some(500));
            guest.queue(0).request(&[], &[1]).unwrap();
        }
    }
}

#[test]
fn a_load_on_several_queues_is_counted_as_one_and_leaves_them_usable() {
    let backend = Backend::start(Manners::default());
    let mut guest = Guest::builder(&backend.path).queues(3).boot().unwrap();
    let load = Load {
        readable: vec![b"ask".to_vec()],
        depth: 4,
        requests: 100,
        warm_up: 10,
        ..Load::default()
    };

    let figures = measure::run_queues(&mut guest, &load, &[0, 2], None).unwrap();

    assert_eq!((figures.requests, figures.read), (200, 600));
    assert_eq!(figures.written, 200 * 64);
    for queue in 0..3 {
        guest.queue(queue).request(&[], &[1]).unwrap();
    }
}

#[test]
fn a_load_on_several_queues_of_a_backend_that_goes_ends_in_time() {
    let backend = Backend::start(Manners {
        hangs_up: true,
        ..Manners::default()
    });
    let mut guest = Guest::builder(&backend.path)
        .timeout(Duration::from_secs(2))
        .queues(2)
        .boot()
        .unwrap();

    let result = measure::run_queues(&mut guest, &Load::default(), &[0, 1], None);

    assert!(result.is_err());
}

#[test]
fn a_load_on_a_backend_that_falls_silent_ends_in_time() {
    let backend = Backend::start(Manners {
        no_interrupts: true,
        ..Manners::default()
    });
    let mut guest = Guest::builder(&backend.path)
        .timeout(Duration::from_secs(2))
        .boot()
        .unwrap();
    let start = Instant::now();
    assert!(measure::run(&mut guest, &Load::default(), None).is_err());
    assert!(start.elapsed() < 4 * TIMEOUT);
}

#[test]
fn a_public_driver_runs_over_the_socket_and_gives_its_memory_back() {
    let backend = Backend::start(Manners::default());
    let mut transport = SocketTransport::connect(&backend.path, 4).unwrap();
    let interrupt = transport.interrupt(0).unwrap();
    let (written, bytes) = drivers::within(TIMEOUT, move || {
        let mut driver = VirtIORng::<GuestHal, _>::new(transport).unwrap();
        driver.enable_interrupts();
        let mut bytes = [0; 24];
        (driver.request_entropy(&mut bytes).unwrap(), bytes)
    });
    assert_eq!((written, bytes), (24, [FILL; 24]));
    assert!(interrupt.wait(TIMEOUT).unwrap());
    assert_eq!(drivers::arena().allocated(), 0);
}

/// The other drivers of that crate fit as well. Their devices are still to come, so they are only
/// named here, which is what the compiler needs to check them.
#[test]
fn the_transport_fits_the_other_public_drivers() {
    use virtio_drivers::device::{
        console::VirtIOConsole, gpu::VirtIOGpu, input::VirtIOInput, socket::VirtIOSocket,
        sound::VirtIOSound,
    };
    let drivers = [
        std::any::type_name_of_val(&VirtIOConsole::<GuestHal, SocketTransport>::new),
        std::any::type_name_of_val(&VirtIOGpu::<GuestHal, SocketTransport>::new),
        std::any::type_name_of_val(&VirtIOInput::<GuestHal, SocketTransport>::new),
        std::any::type_name_of_val(&VirtIOSocket::<GuestHal, SocketTransport>::new),
        std::any::type_name_of_val(&VirtIOSound::<GuestHal, SocketTransport>::new),
    ];
    assert!(drivers.iter().all(|name| name.contains("SocketTransport")));
}

#[test]
#[should_panic(expected = "did not end within")]
fn a_driver_that_spins_for_ever_is_given_up() {
    drivers::within(Duration::from_millis(20), || {
        std::thread::sleep(Duration::from_secs(3));
    });
}

#[test]
fn nothing_listens() {
    let dir = tempfile::tempdir().unwrap();
    let error = Guest::builder(dir.path().join("nobody"))
        .timeout(Duration::from_millis(20))
        .boot()
        .unwrap_err();
    assert!(matches!(error, Error::Connect { .. }));
}

#[test]
fn the_hostile_cases_have_names_of_their_own() {
    let mut names = hostile::case_names();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
