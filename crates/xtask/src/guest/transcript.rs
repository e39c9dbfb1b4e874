// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What a guest says on its console, and what it means.
//!
//! ```text
//! GUEST: driver virtio_rng     the device is bound to this driver
//! GUEST: did 64 KiB read       what was tried, for the table
//! GUEST: ask sum a b           a question to the host; the answer is a line of the console's input
//! GUEST: exit 0                the verdict
//! ```
//!
//! A line of the kernel that tells of a fault outweighs the verdict.

use std::time::Duration;

/// The mark of lines that are meant for the host.
pub(crate) const MARK: &str = "GUEST: ";

/// How a script says why it gives up.
const FAILED: &str = "failed: ";

/// What kernels say when something is wrong.
const FAULTS: &[&str] = &[
    "Oops",
    "BUG:",
    "WARNING:",
    "Kernel panic",
    "Call Trace",
    "Unable to handle kernel",
    "general protection fault",
    "segfault at",
    "blocked for more than",
    "soft lockup",
    "rcu: INFO",
    "KASAN:",
    "UBSAN:",
    "I/O error",
    "critical target error",
    "critical medium error",
    "EXT4-fs error",
];

/// Words that are faults in a line about virtio.
const TROUBLE: &[&str] = &["failed", "error", "timed out", "invalid", "refused"];

/// All that matters of a guest's console.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Transcript {
    pub drivers: Vec<String>,
    pub did: Vec<String>,
    pub fault: Option<String>,
    pub exit: Option<i32>,
    /// What the guest said last to the host.
    pub last: String,
    /// Why its script gave up.
    pub reason: Option<String>,
}

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Nothing,
    Answer(Vec<String>),
}

impl Transcript {
    /// Takes in one line.
    pub(crate) fn line(&mut self, line: &str) -> Wish {
        let line = line.trim_end();
        // The kernel may be in the middle of a line of its own.
        let Some((_, said)) = line.split_once(MARK) else {
            if self.fault.is_none() && is_fault(line) {
                self.fault = Some(line.to_owned());
            }
            if let Some(reason) = line.strip_prefix(FAILED) {
                self.reason = Some(reason.to_owned());
            }
            return Wish::Nothing;
        };
        said.clone_into(&mut self.last);
        let (word, rest) = said.split_once(' ').unwrap_or((said, ""));
        match word {
            "driver" => self.drivers.push(rest.to_owned()),
            "did" => self.did.push(rest.to_owned()),
            "ask" => return Wish::Answer(rest.split_whitespace().map(str::to_owned).collect()),
            // The first counts; one that is no number is a failure.
            "exit" if self.exit.is_none() => self.exit = Some(rest.trim().parse().unwrap_or(-1)),
            _ => {}
        }
        Wish::Nothing
    }

    /// What is wrong where time is over, and no verdict came.
    pub(crate) fn silence(&self, limit: Duration) -> String {
        let limit = limit.as_secs();
        match self.last.as_str() {
            "" => format!("the guest has no verdict after {limit} s, and said nothing"),
            last => format!("the guest has no verdict after {limit} s, its last word is: {last}"),
        }
    }

    /// Why this is no success, if it is none. `driver` is the one that the device is meant for.
    pub(crate) fn failure(&self, driver: &str) -> Option<String> {
        if let Some(fault) = &self.fault {
            return Some(format!("the guest's kernel says: {fault}"));
        }
        match self.exit {
            None => return Some("the guest ended without a verdict".to_owned()),
            Some(0) => {}
            Some(status) => {
                let reason = self.reason.as_deref().unwrap_or("see its log");
                return Some(format!("the guest's script ended with {status}: {reason}"));
            }
        }
        if !self.drivers.iter().any(|bound| bound == driver) {
            let bound = self.drivers.join(", ");
            return Some(format!("the driver {driver} is not bound, but [{bound}]"));
        }
        if self.did.is_empty() {
            return Some("the guest's script does not say what it did".to_owned());
        }
        None
    }
}

/// Whether a line of the console tells of a fault.
pub(crate) fn is_fault(line: &str) -> bool {
    if FAULTS.iter().any(|fault| line.contains(fault)) {
        return true;
    }
    let lower = line.to_lowercase();
    lower.contains("virtio") && TROUBLE.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Transcript {
        let mut transcript = Transcript::default();
        for line in lines {
            transcript.line(line);
        }
        transcript
    }

    const GOOD: &[&str] = &[
        "GUEST: driver virtio_rng",
        "GUEST: did 64 KiB read",
        "GUEST: exit 0\r",
    ];

    #[test]
    fn a_zero_with_driver_and_deed_is_a_success() {
        assert_eq!(read(GOOD).failure("virtio_rng"), None);
    }

    #[test]
    fn another_status_or_none_is_a_failure() {
        for end in ["GUEST: exit 1", "GUEST: exit", "GUEST: exit zero", ""] {
            let transcript = read(&[GOOD[0], GOOD[1], end]);
            assert!(transcript.failure("virtio_rng").is_some(), "{end}");
        }
    }

    #[test]
    fn a_script_that_gave_up_is_quoted() {
        let said = read(&[GOOD[0], "failed: port one lost bytes", "GUEST: exit 1"]);
        let failure = said.failure("virtio_rng").unwrap();
        assert!(
            failure.ends_with("with 1: port one lost bytes"),
            "{failure}"
        );
    }

    #[test]
    fn who_has_no_verdict_in_time_is_quoted() {
        let limit = Duration::from_secs(9);
        let said = read(&GOOD[..2]).silence(limit);
        assert!(
            said.ends_with("after 9 s, its last word is: did 64 KiB read"),
            "{said}"
        );
        assert!(
            read(&["noise"])
                .silence(limit)
                .ends_with("and said nothing")
        );
    }

    #[test]
    fn a_second_verdict_does_not_mend_the_first() {
        let transcript = read(&[GOOD[0], GOOD[1], "GUEST: exit 3", "GUEST: exit 0"]);
        assert_eq!(transcript.exit, Some(3));
    }

    #[test]
    fn another_driver_or_nothing_done_is_a_failure() {
        assert!(read(GOOD).failure("virtio_scsi").is_some());
        assert!(read(&[GOOD[0], GOOD[2]]).failure("virtio_rng").is_some());
    }

    #[test]
    fn faults_of_the_kernel_outweigh_the_verdict() {
        for fault in [
            "[    0.10] WARNING: CPU: 0 PID: 1 at drivers/virtio/virtio_ring.c:1",
            "Kernel panic - not syncing: VFS",
            "[    1.0] virtio_scsi virtio0: probe failed with error -22",
            "[    1.0] virtio_rng.0: Failed to read",
            "[    9.1] INFO: task dd:12 blocked for more than 20 seconds.",
            "[    2.1] I/O error, dev sda, sector 0 op 0x1:(WRITE)",
        ] {
            let mut transcript = read(GOOD);
            transcript.line(fault);
            assert!(transcript.failure("virtio_rng").is_some(), "{fault}");
        }
    }

    #[test]
    fn ordinary_lines_are_no_faults() {
        for line in [
            "[    0.10] virtio_blk virtio0: 1/0/0 default/read/poll queues",
            "[    0.10] scsi host0: Virtio SCSI HBA",
            "[    0.10] virtio-uml: using 256 MB",
            "",
        ] {
            assert_eq!(read(&[line]), Transcript::default(), "{line}");
        }
    }

    #[test]
    fn a_question_is_handed_on_also_behind_half_a_line() {
        let mut transcript = Transcript::default();
        let words = vec!["sum".to_owned(), "7".to_owned()];
        assert_eq!(
            transcript.line("[  1.0] randoGUEST: ask sum 7"),
            Wish::Answer(words)
        );
        assert_eq!(transcript.line("GUEST: did x"), Wish::Nothing);
    }
}
