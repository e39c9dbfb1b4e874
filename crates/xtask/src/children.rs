// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Nothing that a chore starts outlives it: no process, and no temporary file.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::Result;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static HANDED_OVER: AtomicBool = AtomicBool::new(false);
static SCRATCH: Mutex<Option<PathBuf>> = Mutex::new(None);

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
        for signal in signals.forever() {
            if HANDED_OVER.load(Ordering::SeqCst) {
                continue;
            }
            INTERRUPTED.store(true, Ordering::SeqCst);
            eprintln!("\ninterrupted");
            rust_vmm_ci::children::end_all();
            clean_up();
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

/// From now on someone else in this process answers signals.
pub(crate) fn hand_over() {
    HANDED_OVER.store(true, Ordering::SeqCst);
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
