//! The plan that an example's fragments must come to.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use crate::example::Example;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::image::Image;
use crate::workspace::Workspace;

/// File extension of an expected plan, and the format of `statec inspect` that it holds.
const FORMATS: [(&str, &str); 2] = [("txt", "table"), ("json", "json")];

/// Compares what `statec inspect` prints with what the example says. With `SNAPSHOTS=overwrite`, as for the other
/// snapshots of this project, writes it there instead.
pub(crate) fn check(example: &Example, image: &Image, workspace: &Workspace) -> Outcome {
    let overwrites = env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite");
    for (extension, format) in FORMATS {
        let actual = image.inspect(format)?;
        let expected = example.expected_plan(extension);
        if overwrites {
            fs::write(&expected, actual).or_fail(|| format!("write {}", expected.display()))?;
        } else if fs::read_to_string(&expected).or_fail(|| format!("read {}", expected.display()))? != actual
        {
            return Err(differs(&expected, &actual, workspace)?);
        }
    }
    Ok(())
}

fn differs(expected: &Path, actual: &str, workspace: &Workspace) -> Outcome<Failure> {
    let file = workspace.scratch("log")?.join("actual-plan.txt");
    fs::write(&file, actual).or_fail(|| format!("write {}", file.display()))?;
    let mut diff = Command::new("diff");
    diff.args(["--unified", "--label", "expected", "--label", "actual"]).arg(expected).arg(&file);
    let diff = diff.output().or_fail(|| "run diff".to_owned())?;
    let what = format!(
        "the plan differs from {}. If it is the fragments that changed: SNAPSHOTS=overwrite cargo xtask test examples",
        workspace.show(expected)
    );
    Ok(Failure::with_output(what, String::from_utf8_lossy(&diff.stdout)))
}
