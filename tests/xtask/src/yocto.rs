//! `cargo xtask yocto`: the BitBake layer in real builds, and what they make booted in an emulator.
//!
//! BitBake and OpenEmbedded-Core are no part of the project: the environment says where they are. Nothing is fetched by the
//! builds; a layer for tests, `tests/yocto`, lets the host's own programs stand for what a build with a network makes.

mod build;
mod builder;
mod deployed;
mod guest;
mod image;
mod tasks;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::{Workspace, require_root};
use build::Build;
use guest::Guest;

/// An image without fragments, and the same with them.
const IMAGE: &str = "sysota-test-image";
const IMAGE_WITH_FRAGMENTS: &str = "sysota-test-image-kept";
/// OpenEmbedded's initramfs with the layer's module, and the one that is a single file.
const MODULAR: &str = "sysota-initramfs";
const SINGLE: &str = "sysota-initramfs-single";
const IMAGE_TO_BUILD_ON: &str = "sysota-image-minimal";

/// A fragment of the test layer, and what is changed in it.
const CHANGED_FRAGMENT: &str = "tests/yocto/meta-sysota-test/recipes-test/writer/files/writer.state.yaml";
const BEFORE: &str = "mode: \"0750\"";
const AFTER: &str = "mode: \"0700\"";

/// What one slot boots, and what is to come of it.
struct Boot {
    slot: &'static str,
    initramfs: &'static str,
    event: &'static str,
    /// What a program of the image counts in its state.
    count: &'static str,
}

const BOOTS: [Boot; 4] = [
    Boot { slot: "A", initramfs: MODULAR, event: "first-boot", count: "1" },
    Boot { slot: "A", initramfs: SINGLE, event: "same", count: "2" },
    Boot { slot: "B", initramfs: MODULAR, event: "update", count: "3" },
    // Slot A has not seen what slot B has counted.
    Boot { slot: "A", initramfs: SINGLE, event: "rollback", count: "3" },
];

/// Builds with the layer, looks at what was built, and boots it. `parse_all` has BitBake read all recipes of
/// OpenEmbedded-Core as well, which takes minutes.
pub(crate) fn run(workspace: &Workspace, terminal: Terminal, parse_all: bool) -> Outcome {
    require_root("yocto")?;
    tool::ensure(&tool::OF_YOCTO, workspace, terminal)?;
    let build = Build::prepare(workspace, terminal)?;
    println!("\n{}", terminal.bold(&format!("OpenEmbedded-Core, {}", build.series())));
    if parse_all {
        let mut task = Task::start(terminal, "parse all recipes");
        let summary = build.parse_all(&mut task)?;
        task.finish(&summary);
    }
    build_images(&build, terminal)?;
    compare_blobs(&build, workspace, terminal)?;
    change_fragment(&build, terminal)?;
    boot(&build, workspace, terminal)?;
    // Last, since a build that fails takes away what was deployed.
    refuse_conflict(&build, terminal)
}

/// The images are what their fragments and the policy ask for.
fn build_images(build: &Build, terminal: Terminal) -> Outcome {
    let mut task = Task::start(terminal, "build images");
    let log = build.bitbake(&mut task, &[IMAGE, IMAGE_WITH_FRAGMENTS, IMAGE_TO_BUILD_ON, MODULAR, SINGLE])?;
    task.finish(&format!("{} tasks were run", tasks::count(&log)));

    let task = Task::start(terminal, "look into the image");
    let image = build.deployed(IMAGE).image()?;
    let count = image::check(&image, builder::NOBODY)?;
    build.deployed(IMAGE_TO_BUILD_ON).image()?.require_blob()?;
    task.finish(&format!("{count} files, none the builder's, no fragment left"));
    Ok(())
}

/// What BitBake has compiled is what `statec` compiles by itself.
fn compare_blobs(build: &Build, workspace: &Workspace, terminal: Terminal) -> Outcome {
    let mut task = Task::start(terminal, "compile without BitBake");
    let statec = workspace.build_statec(&mut task)?;
    let deployed = build.deployed(IMAGE_WITH_FRAGMENTS);
    let root = build.directory().join("root");
    deployed.image()?.unpack(&root, &mut task, &build.log("unpack"))?;
    let blob = build.directory().join("state.blob");
    let plan = deployed.plan()?;
    let id = text_value(&plan, "image")?;
    let mut compile = Command::new(statec);
    compile.arg("compile").arg(root.join("usr/share/sysota/state.d")).arg("--rootfs").arg(&root);
    compile.arg("--image").arg(build.policy()).args(["--image-id", id]).arg("--output").arg(&blob);
    task.run(&mut compile, &build.log("compile"))?;
    let [ours, theirs] = [&blob, &root.join("usr/lib/sysota/state.blob")].map(read);
    let (ours, theirs) = (ours?, theirs?);
    if ours != theirs || ours != read(&deployed.blob()?)? {
        return Err(Failure::new(
            "the blob that do_rootfs made is not the one that statec makes of the same image",
        ));
    }
    task.finish(&format!("the {} bytes in the image and beside it", ours.len()));
    Ok(())
}

/// A changed fragment is packaged and compiled again, and nothing else is built.
fn change_fragment(build: &Build, terminal: Terminal) -> Outcome {
    let mut task = Task::start(terminal, "change a fragment");
    build.replace(CHANGED_FRAGMENT, BEFORE, AFTER)?;
    let log = build.bitbake(&mut task, &[IMAGE])?;
    let recipes = tasks::recipes(&log);
    let expected = ["sysota-test-image", "writer"];
    if recipes != expected {
        return Err(Failure::new(format!(
            "{} were built, and not {}",
            recipes.join(", "),
            expected.join(", ")
        )));
    }
    let plan = build.deployed(IMAGE).plan()?;
    if !plan.contains("\"mode\": \"0700\"") {
        return Err(Failure::with_output("the image's plan does not have the change", plan));
    }
    task.finish(&format!("{} tasks, of {} alone", tasks::count(&log), recipes.join(" and ")));
    Ok(())
}

/// Fragments that disagree fail the image, and the log shows both places.
fn refuse_conflict(build: &Build, terminal: Terminal) -> Outcome {
    let mut task = Task::start(terminal, "let fragments disagree");
    let log = build.bitbake_fails(&mut task, "SYSOTA_TEST_EXTRA = \"rival\"", &[IMAGE])?;
    for needed in ["error[conflict]", "/state.d/rival.yaml:", "/state.d/writer.yaml:", "do_rootfs"] {
        if !log.contains(needed) {
            return Err(Failure::with_output(format!("the log does not have `{needed}`"), log));
        }
    }
    task.finish("do_rootfs fails, with both places in its log");
    Ok(())
}

/// The images boot, and their state is taken over by the other slot, and found again in the first.
fn boot(build: &Build, workspace: &Workspace, terminal: Terminal) -> Outcome {
    let guest = Guest::prepare(build, workspace, terminal)?;
    for (number, boot) in BOOTS.iter().enumerate() {
        let title = format!(
            "boot slot {} ({})",
            boot.slot,
            if boot.initramfs == MODULAR { "module" } else { "one file" }
        );
        let mut task = Task::start(terminal, &title);
        let console =
            guest.boot(number, boot.slot, &build.deployed(boot.initramfs).file("cpio.gz")?, &mut task)?;
        let wanted = [
            format!("\"event\": \"{}\"", boot.event),
            "test: status 0".to_owned(),
            format!("test: count {}", boot.count),
            "test: end".to_owned(),
        ];
        for needed in wanted {
            if !console.contains(&needed) {
                return Err(Failure::with_output(format!("the console does not have `{needed}`"), console));
            }
        }
        if console.contains("test: /etc is writable") {
            return Err(Failure::with_output("a path that nobody declared is writable", console));
        }
        task.finish(&format!("{}, written {} times", boot.event, boot.count));
    }
    Ok(())
}

fn read(path: impl AsRef<Path>) -> Outcome<Vec<u8>> {
    let path = path.as_ref();
    fs::read(path).or_fail(|| format!("read {}", path.display()))
}

/// The text of `key` in JSON that has one key on each line, as `statec inspect` writes it.
fn text_value<'j>(json: &'j str, key: &str) -> Outcome<&'j str> {
    let start = format!("\"{key}\": \"");
    let mut values = json.lines().filter_map(|line| line.trim().strip_prefix(&start)?.split('"').next());
    values.next().ok_or_else(|| Failure::with_output(format!("the plan has no `{key}`"), json))
}

#[cfg(test)]
mod tests {
    use super::text_value;

    #[test]
    fn finds_the_image_in_a_plan() {
        let plan = "{\n  \"format-version\": 1,\n  \"image\": \"a-1\",\n  \"slots\": []\n}\n";
        assert_eq!(text_value(plan, "image").unwrap(), "a-1");
        assert!(text_value(plan, "slots").is_err());
    }
}
