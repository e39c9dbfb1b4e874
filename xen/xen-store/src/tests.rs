// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The client against a script of a server on the other end of a socket.

use std::thread::{JoinHandle, spawn};

use super::*;

/// Kind and body of each.
type Answers = Vec<(u32, Vec<u8>)>;
/// Kind, transaction and body of each.
type Questions = Vec<(u32, u32, Vec<u8>)>;

struct Server(UnixStream);

impl Server {
    fn question(&mut self) -> (u32, u32, u32, Vec<u8>) {
        let mut header = [0; 16];
        self.0.read_exact(&mut header).unwrap();
        let word = |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().unwrap());
        let mut body = vec![0; word(12) as usize];
        self.0.read_exact(&mut body).unwrap();
        (word(0), word(4), word(8), body)
    }

    fn answer(&mut self, kind: u32, request: u32, body: &[u8]) {
        let message = wire::message(kind, request, 0, &[body]).unwrap();
        self.0.write_all(&message).unwrap();
    }
}

/// Answers each question with the next of `answers`, and gives the questions.
fn served(answers: Answers) -> (Store, JoinHandle<Questions>) {
    let (client, server) = UnixStream::pair().unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    server
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let thread = spawn(move || {
        let mut server = Server(server);
        let mut questions = Vec::new();
        let mut answers = answers.into_iter().peekable();
        while answers.peek().is_some() {
            let (kind, request, transaction, body) = server.question();
            questions.push((kind, transaction, body));
            for (kind, body) in answers.by_ref() {
                let event = kind == xen_sys::XS_WATCH_EVENT;
                server.answer(kind, if event { 0 } else { request }, &body);
                if !event {
                    break;
                }
            }
        }
        questions
    });
    (client.into(), thread)
}

fn ok(kind: u32) -> (u32, Vec<u8>) {
    (kind, b"OK\0".to_vec())
}

#[test]
fn a_value_is_read_and_may_hold_any_bytes() {
    let (mut store, server) = served(vec![(xen_sys::XS_READ, vec![1, 0, 255])]);

    let value = store.read("/a/b").unwrap();

    assert_eq!(value, [1, 0, 255]);
    assert_eq!(
        server.join().unwrap(),
        [(xen_sys::XS_READ, 0, b"/a/b\0".to_vec())]
    );
}

#[test]
fn a_write_sends_path_and_value() {
    let (mut store, server) = served(vec![ok(xen_sys::XS_WRITE)]);

    store.write("/a", "7").unwrap();

    assert_eq!(
        server.join().unwrap(),
        [(xen_sys::XS_WRITE, 0, b"/a\x007".to_vec())]
    );
}

#[test]
fn an_error_names_the_path_and_has_errno() {
    let (mut store, _server) = served(vec![(xen_sys::XS_ERROR, b"ENOENT\0".to_vec())]);

    let error = store.directory("/none").unwrap_err();

    assert!(error.is_not_found());
    assert_eq!(error.errno(), Some(2));
    assert!(
        error.to_string().starts_with("cannot list /none: "),
        "{error}"
    );
}

#[test]
fn names_of_a_directory_are_split() {
    let (mut store, _server) = served(vec![(xen_sys::XS_DIRECTORY, b"0\0device\0".to_vec())]);

    assert_eq!(store.directory("/d").unwrap(), ["0", "device"]);
}

#[test]
fn a_directory_too_long_for_one_message_is_read_in_parts() {
    let part = xen_sys::XS_DIRECTORY_PART;
    let (mut store, server) = served(vec![
        (xen_sys::XS_ERROR, b"E2BIG\0".to_vec()),
        (part, b"5\0a\0b\0".to_vec()),
        (part, b"6\0c\0\0".to_vec()), // changed meanwhile
        (part, b"6\0a\0".to_vec()),
        (part, b"6\0c\0\0".to_vec()),
    ]);

    let names = store.directory("/d").unwrap();

    assert_eq!(names, ["a", "c"]);
    let offsets: Vec<_> = server.join().unwrap().split_off(1);
    let offsets: Vec<_> = offsets.iter().map(|(_, _, body)| body.clone()).collect();
    assert_eq!(
        offsets,
        [&b"/d\x000\0"[..], b"/d\x004\0", b"/d\x000\0", b"/d\x002\0"]
    );
}

#[test]
fn permissions_are_read_and_written_as_text() {
    let (mut store, server) = served(vec![
        (xen_sys::XS_GET_PERMS, b"n0\0b12\0".to_vec()),
        ok(xen_sys::XS_SET_PERMS),
    ]);

    let permissions = store.permissions("/a").unwrap();
    store.set_permissions("/a", &permissions).unwrap();

    assert_eq!(
        (permissions[1].domain, permissions[1].allowed),
        (12, Allowed::Both)
    );
    assert_eq!(server.join().unwrap()[1].2, b"/a\0n0\0b12\0");
}

#[test]
fn an_event_before_an_answer_is_kept() {
    let (mut store, _server) = served(vec![
        (xen_sys::XS_WATCH_EVENT, b"/a/x\0mine\0".to_vec()),
        ok(xen_sys::XS_WATCH),
    ]);

    store.watch("/a", "mine").unwrap();
    let event = store.event(Duration::ZERO).unwrap().unwrap();

    assert_eq!(
        (event.path.as_str(), event.token.as_str()),
        ("/a/x", "mine")
    );
    drop(store);
}

#[test]
fn no_event_in_time_is_none() {
    let (client, _server) = UnixStream::pair().unwrap();

    let event = Store::from(client).event(Duration::from_millis(1)).unwrap();

    assert_eq!(event, None);
}

#[test]
fn a_conflict_has_the_transaction_done_again() {
    let round = |end| {
        [
            (xen_sys::XS_TRANSACTION_START, b"9\0".to_vec()),
            (xen_sys::XS_READ, b"1".to_vec()),
            ok(xen_sys::XS_WRITE),
            end,
        ]
    };
    let conflict = (xen_sys::XS_ERROR, b"EAGAIN\0".to_vec());
    let answers = [round(conflict), round(ok(xen_sys::XS_TRANSACTION_END))];
    let (mut store, server) = served(answers.into_iter().flatten().collect());
    let mut rounds = 0;

    let value = store.transaction(|step| {
        rounds += 1;
        let value = step.read("/n")?;
        step.write("/n", "2")?;
        Ok(value)
    });

    assert_eq!((value.unwrap(), rounds), (b"1".to_vec(), 2));
    let questions = server.join().unwrap();
    assert_eq!(questions[1], (xen_sys::XS_READ, 9, b"/n\0".to_vec()));
    assert_eq!(
        questions[7],
        (xen_sys::XS_TRANSACTION_END, 9, b"T\0".to_vec())
    );
}

#[test]
fn a_transaction_whose_body_fails_is_undone() {
    let (mut store, server) = served(vec![
        (xen_sys::XS_TRANSACTION_START, b"3\0".to_vec()),
        (xen_sys::XS_ERROR, b"EACCES\0".to_vec()),
        ok(xen_sys::XS_TRANSACTION_END),
    ]);

    let error = store.transaction(|step| step.write("/n", "2")).unwrap_err();

    assert_eq!(error.errno(), Some(13));
    assert_eq!(server.join().unwrap()[2].2, b"F\0");
}

#[test]
fn a_conflict_without_end_is_given_up() {
    let round = [
        (xen_sys::XS_TRANSACTION_START, b"9\0".to_vec()),
        (xen_sys::XS_ERROR, b"EAGAIN\0".to_vec()),
    ];
    let answers = std::iter::repeat_n(round, TRIES).flatten().collect();
    let (mut store, server) = served(answers);

    let error = store.transaction(|_| Ok(())).unwrap_err();

    assert!(error.is_again());
    assert_eq!(server.join().unwrap().len(), 2 * TRIES);
}

#[test]
fn a_message_that_is_too_long_is_not_sent() {
    let (client, _server) = UnixStream::pair().unwrap();

    let error = Store::from(client).write("/a", [0; 4096]).unwrap_err();

    assert!(
        error.to_string().starts_with("cannot write /a: "),
        "{error}"
    );
}

#[test]
fn a_path_with_a_zero_is_refused() {
    let (client, _server) = UnixStream::pair().unwrap();

    assert!(Store::from(client).read("/a\0b").is_err());
}

#[test]
fn an_answer_longer_than_allowed_ends_the_connection() {
    let (client, mut server) = UnixStream::pair().unwrap();
    let header = [xen_sys::XS_READ, 1, 0, 4097]
        .map(u32::to_ne_bytes)
        .concat();
    server.write_all(&header).unwrap();
    let mut store = Store::from(client);

    let error = store.read("/a").unwrap_err();
    let after = store.read("/a").unwrap_err();

    assert_eq!(error.source.kind(), io::ErrorKind::InvalidData);
    assert_eq!(after.source.kind(), io::ErrorKind::NotConnected);
}

#[test]
fn events_without_end_are_bounded() {
    let (client, _server) = UnixStream::pair().unwrap();
    let mut store = Store::from(client);

    for number in 0..MAX_EVENTS + 10 {
        store.keep(format!("/a/{number}\0t\0").as_bytes());
    }

    assert_eq!(store.events.len(), MAX_EVENTS);
    assert_eq!(store.events[0].path, "/a/10");
}
