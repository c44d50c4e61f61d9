//! What `statec` says and writes, started as its users start it.
//!
//! Each rule brings a bad and a good example. The bad one breaks this rule and no other, and what is said about
//! it is in `<code>/bad.txt`; the good one breaks none. `SNAPSHOTS=overwrite` writes what is said now.

mod agreement;
mod command_line;
mod compared;
mod diagnostics_page;
mod example;
mod formats;
mod image;
mod integration;
mod pages;
mod recorded;
mod reproducible;
mod robust;
mod snapshot;
mod thirty_mistakes;

use libtest_mimic::{Arguments, Trial};
use statec::check::RULES;

/// A named test.
type Case = (&'static str, fn());

fn main() {
    let arguments = Arguments::from_args();
    let of_rules = RULES.iter().flat_map(|rule| {
        [
            Trial::test(format!("{}::bad", rule.code), move || {
                passes(|| example::breaks_this_rule_alone(rule))
            }),
            Trial::test(format!("{}::good", rule.code), move || passes(|| example::breaks_none(rule))),
        ]
    });
    let cases = [
        agreement::CASES,
        command_line::CASES,
        compared::CASES,
        diagnostics_page::CASES,
        example::CASES,
        formats::CASES,
        image::CASES,
        integration::CASES,
        pages::CASES,
        recorded::CASES,
        reproducible::CASES,
        robust::CASES,
        thirty_mistakes::CASES,
    ];
    let others = cases.into_iter().flatten().map(|&(name, case)| Trial::test(name, move || passes(case)));
    libtest_mimic::run(&arguments, of_rules.chain(others).collect()).exit()
}

#[expect(clippy::unnecessary_wraps, reason = "the form of libtest-mimic; our tests panic like all others")]
fn passes(test: impl FnOnce()) -> Result<(), libtest_mimic::Failed> {
    test();
    Ok(())
}
