// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The committed list of tests that an emulator cannot run.
//!
//! ```json
//! { "limit": 1, "tests": [
//!     { "test": "transfer::tests::a_read_goes_through_aio", "platform": ["aarch64"],
//!       "memory": ["mmap"], "reason": "qemu-user has no Linux AIO" } ] }
//! ```
//!
//! Without `platform` or `memory` an entry is for all. The list cannot grow unnoticed: it may not be
//! longer than `limit`, every run prints it, and a run in which it leaves out another number of
//! tests than it names has failed.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    limit: usize,
    tests: Vec<Skip>,
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
        })
    }

    /// What is left out in an emulated cell.
    pub(crate) fn of(&self, platform: &str, memory: Option<&str>) -> Vec<&Skip> {
        let names = |list: &Option<Vec<String>>, name: Option<&str>| match (list, name) {
            (Some(list), Some(name)) => list.iter().any(|item| item == name),
            _ => true,
        };
        let list = self.list.iter();
        list.filter(|skip| names(&skip.platform, Some(platform)) && names(&skip.memory, memory))
            .collect()
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
    if list.tests.len() > list.limit {
        return fault(format!(
            "{} tests are left out and the limit is {}: raise `limit` in the same change, so that \
             its reviewers see it",
            list.tests.len(),
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
