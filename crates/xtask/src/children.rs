// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Nothing that a chore starts outlives it: no process, and no temporary file.
//!
//! A test may start a daemon in a process group of its own, and then die. So groups are not enough:
//! this process adopts every orphan below it (PR_SET_CHILD_SUBREAPER), and finds all of them by
//! their parents.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::Result;

/// How long a process may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(2);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static SCRATCH: Mutex<Option<PathBuf>> = Mutex::new(None);

/// A process below this one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Descendant {
    pub pid: i32,
    pub name: String,
}

/// Adopts orphans, moves temporary files of all children into one directory, and ends it all on
/// SIGINT, SIGTERM and SIGHUP.
pub(crate) fn guard() -> Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let scratch = tempfile::Builder::new()
        .prefix("xtask")
        .tempdir()
        .map_err(|error| format!("cannot make a directory for temporary files: {error}"))?
        .keep();
    *SCRATCH.lock().expect("not poisoned") = Some(scratch.clone());
    // A chore that runs inside another one gets here with the directory set already.
    let _ = tempfile::env::override_temp_dir(&scratch);
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            INTERRUPTED.store(true, Ordering::SeqCst);
            eprintln!("\ninterrupted");
            end(&|| descendants());
            clean_up();
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

/// The directory for temporary files, to be given to children as TMPDIR.
pub(crate) fn scratch() -> Option<PathBuf> {
    SCRATCH.lock().expect("not poisoned").clone()
}

/// Removes the temporary files.
pub(crate) fn clean_up() {
    if let Some(path) = SCRATCH.lock().expect("not poisoned").take() {
        let _ = fs::remove_dir_all(path);
    }
}

/// Stays here for ever if the chore is being interrupted: nothing may be started then, and what
/// failed now did so because it was killed.
pub(crate) fn rest_if_interrupted() {
    while INTERRUPTED.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

/// All processes below this one that still run.
pub(crate) fn descendants() -> Vec<Descendant> {
    let mut children: HashMap<i32, Vec<Descendant>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        if let Some((parent, name)) = parse_stat(&stat) {
            children
                .entry(parent)
                .or_default()
                .push(Descendant { pid, name });
        }
    }
    let mut found = Vec::new();
    let mut parents = vec![rustix::process::getpid().as_raw_nonzero().get()];
    while let Some(parent) = parents.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            parents.push(child.pid);
            found.push(child);
        }
    }
    found
}

/// Parent and name of a process that is no zombie, from the text of its `stat`.
fn parse_stat(stat: &str) -> Option<(i32, String)> {
    // The name may itself hold spaces and parentheses.
    let (front, back) = stat.rsplit_once(')')?;
    let (_, name) = front.split_once('(')?;
    let mut fields = back.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then(|| (parent, name.to_owned()))
}

/// Ends all processes that `list` names, until it names none.
pub(crate) fn end(list: &dyn Fn() -> Vec<Descendant>) {
    let start = Instant::now();
    let mut asked = Vec::new();
    // A process that a kill cannot end (it hangs in the kernel) is given up on in the end.
    while start.elapsed() < 3 * GRACE {
        let left = list();
        if left.is_empty() {
            return;
        }
        for process in left {
            let Some(pid) = Pid::from_raw(process.pid) else {
                continue;
            };
            if start.elapsed() > GRACE {
                let _ = kill_process(pid, Signal::KILL);
            } else if !asked.contains(&process.pid) {
                asked.push(process.pid);
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Tests that look at the children of this process must not see each other's.
#[cfg(test)]
pub(crate) static ALONE: Mutex<()> = Mutex::new(());

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_child_is_found_and_ended() {
        let _alone = ALONE.lock();
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = child.id() as i32;
        let ours = || {
            let mut all = descendants();
            all.retain(|process| process.pid == pid);
            all
        };
        assert_eq!(ours()[0].name, "sleep");

        end(&ours);

        assert!(!child.wait().unwrap().success());
        assert_eq!(ours(), []);
    }

    #[test]
    fn names_with_parentheses_and_zombies_are_understood() {
        assert_eq!(
            parse_stat("7 (a) (b) S 3 7 7"),
            Some((3, "a) (b".to_owned()))
        );
        assert_eq!(parse_stat("7 (gone) Z 3 7 7"), None);
        assert_eq!(parse_stat(""), None);
    }
}
