// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The committed list of what may be skipped: tests that an emulator cannot run, and steps that some
//! machines cannot.
//!
//! ```json
//! { "limit": 2,
//!   "tests": [
//!     { "test": "transfer::tests::a_read_goes_through_aio", "platform": ["aarch64"],
//!       "memory": ["mmap"], "reason": "qemu-user has no Linux AIO" } ],
//!   "steps": [
//!     { "step": "advisories", "reason": "the database may be out of reach" } ] }
//! ```
//!
//! Without `platform` or `memory` an entry is for all. The list cannot grow unnoticed: it may not be
//! longer than `limit`, every run prints what it skips, a run in which another number of tests is
//! left out than it names has failed, and with `--strict` so has one that skips another step.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    limit: usize,
    #[serde(default)]
    tests: Vec<Skip>,
    #[serde(default)]
    steps: Vec<StepSkip>,
}

/// A step that not every machine can run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepSkip {
    step: String,
    reason: String,
    platform: Option<Vec<String>>,
    memory: Option<Vec<String>>,
}

/// One test that is left out.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Skip {
    pub test: String,
    pub reason: String,
    platform: Option<Vec<String>>,
    memory: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Skips {
    pub file: PathBuf,
    list: Vec<Skip>,
    steps: Vec<StepSkip>,
}

/// Whether an entry with this list is for `name`.
fn is_for(list: &Option<Vec<String>>, name: Option<&str>) -> bool {
    match (list, name) {
        (Some(list), Some(name)) => list.iter().any(|item| item == name),
        _ => true,
    }
}

impl Skips {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).map_err(Error::read(file))?;
        let list: List = serde_json::from_str(&text).map_err(|source| Error::Syntax {
            file: file.to_owned(),
            source,
        })?;
        check(file, &list)?;
        Ok(Self {
            file: file.to_owned(),
            list: list.tests,
            steps: list.steps,
        })
    }

    /// What is left out in an emulated cell.
    pub(crate) fn of(&self, platform: &str, memory: Option<&str>) -> Vec<&Skip> {
        let list = self.list.iter();
        list.filter(|skip| is_for(&skip.platform, Some(platform)) && is_for(&skip.memory, memory))
            .collect()
    }

    /// Whether a cell may be skipped where `--strict` forbids it.
    pub(crate) fn allow(&self, step: &str, platform: Option<&str>, memory: Option<&str>) -> bool {
        self.steps.iter().any(|skip| {
            skip.step == step && is_for(&skip.platform, platform) && is_for(&skip.memory, memory)
        })
    }
}

/// The same, as arguments of a test program.
pub(crate) fn arguments(skips: &[&Skip]) -> String {
    let words: Vec<_> = skips
        .iter()
        .map(|skip| format!("--skip '{}'", skip.test))
        .collect();
    words.join(" ")
}

fn check(file: &Path, list: &List) -> Result<()> {
    let fault = |problem: String| Err(Error::Other(format!("{}: {problem}", file.display())));
    let long = list.tests.len() + list.steps.len();
    if long > list.limit {
        return fault(format!(
            "{long} entries, and the limit is {}: raise `limit` in the same change, so that its \
             reviewers see it",
            list.limit
        ));
    }
    let mut seen = HashSet::new();
    for skip in &list.tests {
        if skip.test.is_empty() || skip.test.contains('\'') {
            return fault(format!("`{}` is no name of a test", skip.test));
        }
        if skip.reason.trim().is_empty() {
            return fault(format!("`{}` is left out without a reason", skip.test));
        }
        if !seen.insert((&skip.test, &skip.platform, &skip.memory)) {
            return fault(format!("`{}` is listed twice", skip.test));
        }
    }
    for skip in &list.steps {
        if skip.step.is_empty() || skip.reason.trim().is_empty() {
            return fault(format!(
                "step `{}` is listed without name or reason",
                skip.step
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Skips, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("skips.json");
        fs::write(&file, text).unwrap();
        Skips::read(&file).map_err(|error| crate::error::chain(&error))
    }

    #[test]
    fn an_entry_is_for_the_platforms_and_memories_that_it_names() {
        let skips = parse(
            r#"{"limit": 2, "tests": [
                {"test": "a::aio", "reason": "no AIO", "platform": ["aarch64"], "memory": ["xen"]},
                {"test": "b", "reason": "slow"}]}"#,
        )
        .unwrap();

        assert_eq!(
            arguments(&skips.of("aarch64", Some("xen"))),
            "--skip 'a::aio' --skip 'b'"
        );
        assert_eq!(arguments(&skips.of("aarch64", Some("mmap"))), "--skip 'b'");
        assert_eq!(arguments(&skips.of("riscv64", None)), "--skip 'b'");
    }

    #[test]
    fn a_list_beyond_its_limit_or_without_reasons_is_refused() {
        let cases = [
            (
                r#"{"limit": 0, "tests": [{"test": "a", "reason": "b"}]}"#,
                "the limit is 0",
            ),
            (
                r#"{"limit": 1, "tests": [{"test": "a", "reason": " "}]}"#,
                "without a reason",
            ),
            (
                r#"{"limit": 1, "tests": [{"test": "a'b", "reason": "b"}]}"#,
                "no name of a test",
            ),
            (
                r#"{"limit": 2, "tests": [{"test": "a", "reason": "b"}, {"test": "a", "reason": "c"}]}"#,
                "listed twice",
            ),
            (
                r#"{"limit": 1, "tests": [{"test": "a"}]}"#,
                "missing field `reason`",
            ),
        ];
        for (text, problem) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }
}
