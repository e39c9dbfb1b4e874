// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Child processes that do not outlive their step.
//!
//! Each has a process group of its own. A child may start daemons in further groups and then die, so
//! groups are not enough: this process adopts every orphan below it (PR_SET_CHILD_SUBREAPER), and
//! finds all of them by their parents. Steps run one after the other, so whatever is found below
//! this process belongs to the step that runs.

use std::collections::HashMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::{Error, Result};

/// How long a process may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(2);

/// How often a running child is looked at.
const TICK: Duration = Duration::from_millis(50);

static INTERRUPTED: AtomicI32 = AtomicI32::new(0);

/// How a child came to its end.
#[derive(Debug)]
pub(crate) enum End {
    Exited(ExitStatus),
    TimedOut,
    /// Whoever watched gave up on it. What was running then, each by its command line.
    Stuck(Vec<String>),
    Interrupted(i32),
}

/// A process below this one.
#[derive(Debug)]
pub(crate) struct Descendant {
    pid: Pid,
    name: String,
}

impl Descendant {
    fn command_line(&self) -> String {
        let path = format!("/proc/{}/cmdline", self.pid.as_raw_nonzero());
        let line = fs::read(path).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        match line.trim_end() {
            "" => self.name.clone(),
            line => line.to_owned(),
        }
    }
}

/// Adopts orphans, and remembers SIGINT, SIGTERM and SIGHUP for whoever waits for a child.
pub(crate) fn guard() -> Result<()> {
    let fault = |what: &str, error: &dyn std::error::Error| {
        Err(Error::Other(format!("cannot {what}: {error}")))
    };
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        return fault("adopt the orphans of steps", &error);
    }
    let mut signals = match Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        Ok(signals) => signals,
        Err(error) => return fault("listen for signals", &error),
    };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            INTERRUPTED.store(signal, Ordering::SeqCst);
        }
    });
    Ok(())
}

/// The signal that asked this process to end, if there was one.
pub(crate) fn interrupted() -> Option<i32> {
    Some(INTERRUPTED.load(Ordering::SeqCst)).filter(|&signal| signal != 0)
}

/// Whether to wait for a child any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Left,
    Lost,
}

/// Runs `command` to its end, or until its time is over, someone interrupts, or `tick`, which is
/// called meanwhile, loses patience. Processes that outlived it are for [`end_all`].
pub(crate) fn run(
    command: &mut Command,
    limit: Option<Duration>,
    mut tick: impl FnMut(Duration) -> Patience,
) -> Result<End> {
    if let Some(signal) = interrupted() {
        return Ok(End::Interrupted(signal));
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let fault = |source| Error::Start { program, source };
    let mut child = match command.process_group(0).spawn() {
        Ok(child) => child,
        Err(source) => return Err(fault(source)),
    };
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(End::Exited(status)),
            Ok(None) => {}
            Err(source) => return Err(fault(source)),
        }
        let end = match (interrupted(), limit) {
            (Some(signal), _) => Some(End::Interrupted(signal)),
            (None, Some(limit)) if start.elapsed() > limit => Some(End::TimedOut),
            _ if tick(start.elapsed()) == Patience::Lost => {
                let stuck = descendants().iter().map(Descendant::command_line).collect();
                Some(End::Stuck(stuck))
            }
            _ => None,
        };
        if let Some(end) = end {
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process_group(group, Signal::TERM);
            }
            end_descendants();
            let _ = child.wait();
            reap();
            return Ok(end);
        }
        std::thread::sleep(TICK);
    }
}

/// Names of the processes that are left below this one after a moment's patience.
pub(crate) fn left_behind() -> Vec<String> {
    let patience = Instant::now() + GRACE;
    loop {
        let left = descendants();
        if left.is_empty() || Instant::now() > patience || interrupted().is_some() {
            let name = |process: Descendant| {
                format!("{} ({})", process.name, process.pid.as_raw_nonzero())
            };
            return left.into_iter().map(name).collect();
        }
        std::thread::sleep(TICK);
    }
}

/// Ends all processes below this one: asks first, kills those that do not comply, and buries those
/// that this process adopted.
pub fn end_all() {
    end_descendants();
    reap();
}

/// Whoever adopts orphans also has to bury them.
fn reap() {
    while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
}

/// Ends all processes below this one: asks first, and kills those that do not comply.
fn end_descendants() {
    let start = Instant::now();
    let mut asked = Vec::new();
    // A process that a kill cannot end (it hangs in the kernel) is given up on in the end.
    while start.elapsed() < 3 * GRACE {
        let left = descendants();
        if left.is_empty() {
            return;
        }
        for process in left {
            if start.elapsed() > GRACE {
                let _ = kill_process(process.pid, Signal::KILL);
            } else if !asked.contains(&process.pid) {
                asked.push(process.pid);
                let _ = kill_process(process.pid, Signal::TERM);
            }
        }
        std::thread::sleep(TICK);
    }
}

fn descendants() -> Vec<Descendant> {
    let mut children: HashMap<i32, Vec<Descendant>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat"));
        if let Some((parent, name)) = stat.ok().as_deref().and_then(parse_stat) {
            let siblings = children.entry(parent).or_default();
            siblings.push(Descendant { pid, name });
        }
    }
    let mut found = Vec::new();
    let mut parents = vec![rustix::process::getpid().as_raw_nonzero().get()];
    while let Some(parent) = parents.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            parents.push(child.pid.as_raw_nonzero().get());
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

#[cfg(test)]
mod tests {
    use super::*;

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
