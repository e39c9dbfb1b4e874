// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The public names of a crate's sources, and the types of its fields: what programs compile against.
//!
//! A scan of lines, not a parser: bindings are of one form, a declaration a line.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::Result;

/// What each name is: the kind of an item, or the type of a field (`structure.field`).
pub(crate) type Surface = BTreeMap<String, String>;

const KINDS: &[&str] = &["const", "fn", "mod", "struct", "type", "union"];

/// The surface of the files right in `folder`, but for their tests.
pub(crate) fn of(folder: &Path) -> Result<Surface> {
    let mut surface = Surface::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path)?;
            add(
                text.split("#[cfg(test)]").next().unwrap_or_default(),
                &mut surface,
            );
        }
    }
    Ok(surface)
}

fn add(text: &str, surface: &mut Surface) {
    let mut within = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "}" {
            within = None;
        }
        let Some(rest) = line.trim_start().strip_prefix("pub ") else {
            continue;
        };
        let words: Vec<_> = rest
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .collect();
        // `const fn` and `unsafe fn` are functions.
        let kind = words.iter().take(3).rposition(|word| KINDS.contains(word));
        if let Some(at) = kind {
            let name = words.get(at + 1).copied().unwrap_or_default().to_owned();
            let is_method = words[at] == "fn" && line.starts_with(' ');
            if matches!(words[at], "struct" | "union") && rest.ends_with('{') {
                within = Some(name.clone());
            }
            if !is_method {
                surface.insert(name, words[at].to_owned());
            }
        } else if let (Some(structure), Some((field, ty))) = (&within, rest.split_once(':')) {
            let mut ty = ty.to_owned();
            while !ty.ends_with(',')
                || ty.matches(['<', '(', '[']).count() > ty.matches(['>', ')', ']']).count()
            {
                let Some(line) = lines.next() else { break };
                ty += line;
            }
            surface.insert(format!("{structure}.{field}"), plain(&ty));
        }
    }
}

/// A type without what formatting, editions and synonyms change.
fn plain(ty: &str) -> String {
    let ty: String = ty.split_whitespace().collect();
    ty.trim_end_matches(',')
        .replace(",>", ">")
        .replace("::std::", "::core::")
        .replace("::os::raw::", "::ffi::")
        .replace("__uint128_t", "__u128")
}

/// What of `old` is not in `new`, or is something else there.
pub(crate) fn lost(old: &Surface, new: &Surface) -> Vec<String> {
    old.iter()
        .filter_map(|(name, was)| match new.get(name) {
            None => Some(format!("{name}: gone ({was})")),
            Some(is) if is != was => Some(format!("{name}: {was} as published, {is} in ours")),
            Some(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(text: &str) -> Surface {
        let mut surface = Surface::new();
        add(text, &mut surface);
        surface
    }

    #[test]
    fn a_field_of_another_type_and_a_lost_name_are_found() {
        let old = surface(
            "pub const A: u32 = 1;\npub struct S {\n    pub a: ::std::os::raw::c_int,\n    \
             pub b: [u8; 4usize],\n}\npub const fn f(x: u8) {}\n",
        );
        let new = surface(
            "pub struct S {\n    pub a: ::core::ffi::c_int,\n    pub b: [u8; 8usize],\n}\n\
             pub fn f(x: u8) {}\n",
        );

        assert_eq!(lost(&old, &old), [""; 0]);
        assert_eq!(
            lost(&old, &new),
            [
                "A: gone (const)",
                "S.b: [u8;4usize] as published, [u8;8usize] in ours"
            ]
        );
    }

    #[test]
    fn a_type_on_several_lines_is_the_one_on_a_line() {
        let one = surface("pub struct S {\n    pub a: Field<name>,\n}\n");
        let several = surface("pub struct S {\n    pub a: Field<\n        name,\n    >,\n}\n");

        assert_eq!(lost(&one, &several), [""; 0]);
    }
}
