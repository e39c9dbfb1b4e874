// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Tests of what belongs to a whole process (signals, inherited descriptors, the environment) run
//! the example `player` in a process that may have any of these.

#![allow(dead_code, reason = "each test binary needs its share of it")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// What the player's lines start with; others come from the logger.
pub(crate) const MARK: &str = "child: ";

/// The command that plays `part`, with the program to put in front of it if there is one.
pub(crate) fn command(part: &str, before: &[&str]) -> Command {
    // target/PROFILE/deps/TEST, target/PROFILE/examples/player
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let player = profile.join("examples/player");
    assert!(
        player.exists(),
        "{} is missing: build it with `cargo build --examples`",
        player.display()
    );
    let play = virtio_guest::process::command(player);
    let mut command = match before {
        [] => play,
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(play.get_program());
            command.args(play.get_args());
            command
        }
    };
    command.arg(part);
    command
}

/// Waits until `child` has ended, and ends it by force when it takes too long.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    virtio_guest::process::wait(child, DEADLINE).unwrap()
}

/// The lines that the player has written to `stream`, up to the end or one that is `last`.
pub(crate) fn lines(stream: impl Read, last: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        if let Some((_, line)) = line.split_once(MARK) {
            lines.push(line.to_owned());
            if line == last {
                break;
            }
        }
    }
    lines
}
